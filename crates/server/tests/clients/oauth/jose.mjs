// jose: a service that takes tokens and verifies them by the remote key set, which it caches. The
// times are those of jose and of the server, a hundred times faster.
import { createRemoteJWKSet, jwtVerify } from "jose";

const { ISSUER, CLIENT_ID, CLIENT_SECRET } = process.env;
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), {
  cacheMaxAge: 3000,
  cooldownDuration: 300,
});
const form = new URLSearchParams({
  grant_type: "client_credentials",
  client_id: CLIENT_ID,
  client_secret: CLIENT_SECRET,
});
const seen = { tokens: 0, kids: {}, failures: [] };
let first;

async function round() {
  const answer = await fetch(`${ISSUER}/oauth/token`, { method: "POST", body: form });
  if (answer.status !== 200) throw new Error(`no token: ${answer.status}`);
  const token = (await answer.json()).access_token;
  first ??= token;
  for (const one of [token, first]) {
    const { protectedHeader, payload } = await jwtVerify(one, keys, {
      issuer: ISSUER,
      audience: ISSUER,
      typ: "at+jwt",
      requiredClaims: ["jti", "client_id", "exp", "iat", "scope"],
      algorithms: ["RS256", "ES256", "EdDSA"],
    });
    if (payload.sub !== CLIENT_ID) throw new Error(`another subject: ${payload.sub}`);
    seen.kids[protectedHeader.kid] = (seen.kids[protectedHeader.kid] ?? 0) + 1;
  }
  seen.tokens += 1;
}

let stop = false;
process.stdin.once("data", () => {
  stop = true;
});
await round();
console.log(JSON.stringify({ ready: true }));
while (!stop) await round().catch((error) => seen.failures.push(String(error)));
console.log(JSON.stringify(seen));
process.exit(0);
