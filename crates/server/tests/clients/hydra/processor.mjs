// Reads documents as a JSON-LD processor does, strictly: in safe mode whatever would be
// dropped is an error.
// Arguments: the server's URL, the value of Authorization, and a JSON array of the requests
// whose answers are to be read, each {name, method, path, body}.
import jsonld from "jsonld";

const [url, authorization, requests] = process.argv.slice(2);
const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

async function ask(address, { method = "GET", body } = {}, accept = "application/ld+json") {
  const headers = { Accept: accept, Authorization: authorization };
  if (body !== undefined) headers["Content-Type"] = "application/ld+json";
  return fetch(address, { method, headers, body });
}

const contexts = new Set();
async function documentLoader(address) {
  const response = await ask(address, {}, "application/ld+json, application/json;q=0.9");
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  contexts.add(address);
  return { contextUrl: null, documentUrl: address, document: await response.json() };
}

// Every IRI that says something by itself: of properties and of classes.
function words(node, found = new Set()) {
  if (Array.isArray(node)) node.forEach((one) => words(one, found));
  else if (node !== null && typeof node === "object" && !("@value" in node)) {
    for (const [key, value] of Object.entries(node)) {
      if (key === "@type") value.forEach((type) => found.add(type));
      else if (!key.startsWith("@")) {
        found.add(key);
        words(value, found);
      }
    }
  }
  return found;
}

// How many members a document has that are not words of JSON-LD itself, data's inside apart.
function members(node) {
  if (Array.isArray(node)) return node.reduce((sum, one) => sum + members(one), 0);
  if (node === null || typeof node !== "object") return 0;
  return Object.entries(node).reduce(
    (sum, [key, value]) =>
      key === "@context" || key === "@value" ? sum
        : sum + (key.startsWith("@") ? 0 : 1) + (key === "data" || key.endsWith("#system/Tenant/data") ? 0 : members(value)),
    0,
  );
}

// The JSON literals in a set of quads.
function literals(quads) {
  return quads
    .filter(({ object }) => object.datatype?.value === `${RDF}JSON`)
    .map(({ object }) => JSON.parse(object.value));
}

const reports = [];
for (const request of JSON.parse(requests)) {
  const address = url + request.path;
  const response = await ask(address, request);
  const document = await response.json();
  const options = { base: address, documentLoader, safe: true };
  const expanded = await jsonld.expand(document, options);
  const quads = await jsonld.toRDF(document, options);
  const before = await jsonld.canonize(document, { ...options, algorithm: "RDFC-1.0" });
  const back = await jsonld.fromRDF(quads, { useNativeTypes: true, safe: true });
  const after = await jsonld.canonize(back, { ...options, algorithm: "RDFC-1.0" });
  reports.push({
    name: request.name,
    status: response.status,
    type: response.headers.get("content-type"),
    document,
    expanded,
    members: members(document),
    expandedMembers: members(expanded),
    words: [...words(expanded)],
    quads: quads.length,
    survivesRdf: before === after,
    json: literals(quads),
    jsonOfBack: literals(await jsonld.toRDF(back, options)),
  });
}
console.log(JSON.stringify({ reports, contexts: [...contexts] }));
