-- One kind of request for wrk, of which each goes to a path that chance picks.
--
--   wrk … -s workload.lua URL -- SPECIFICATION SEED
--
-- The specification is a file: the method, headers, an empty line, the body, and then one path
-- a line. `{unique}` in the body is another text in each request.

local started = 0

function setup(thread)
   thread:set("number", started)
   started = started + 1
end

local requests = {}
local before, after
local sent = 0

function init(args)
   math.randomseed(tonumber(args[2]) * 64 + number)
   local lines = io.lines(args[1])
   wrk.method = lines()
   for line in lines do
      if line == "" then break end
      local name, value = line:match("^(.-): (.*)$")
      wrk.headers[name] = value
   end
   local body = lines()
   if body ~= "" then wrk.body = body end
   -- Built once: wrk is to cost little beside the server.
   local built = body:gsub("{unique}", ("x"):rep(16))
   if body ~= "" then wrk.body = built end
   for path in lines do
      requests[#requests + 1] = wrk.format(nil, path)
   end
   if built ~= body then
      local whole = requests[1]
      local first, last = whole:find(("x"):rep(16), 1, true)
      before, after = whole:sub(1, first - 1), whole:sub(last + 1)
      prefix = string.format("%08x%02x", tonumber(args[2]) % 4294967296, number)
   end
end

function request()
   if before then
      sent = sent + 1
      return before .. prefix .. string.format("%06x", sent) .. after
   end
   return requests[math.random(#requests)]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      "result %d %d %d %d %d\n", summary.duration, summary.requests,
      errors.connect + errors.read + errors.write + errors.timeout + errors.status,
      latency:percentile(50), latency:percentile(99)))
end
