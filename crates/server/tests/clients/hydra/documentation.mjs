// What a client of API Platform learns of the API from its address alone.
// Arguments: the server's URL, and the value of Authorization for the collection.
import { parseHydraDocumentation } from "@api-platform/api-doc-parser";

const [url, authorization] = process.argv.slice(2);
const headers = { Authorization: authorization };

const { api } = await parseHydraDocumentation(url, { headers });
const resources = [];
for (const resource of api.resources) {
  const parameters = await resource.getParameters();
  const names = (fields) => fields.map(({ name }) => name);
  resources.push({
    name: resource.name,
    url: resource.url,
    id: resource.id,
    title: resource.title,
    fields: resource.fields.map(({ name, id, range, type, required }) => ({
      name, id, range, type, required,
    })),
    readable: names(resource.readableFields),
    writable: names(resource.writableFields),
    operations: resource.operations.map(({ name, type, method, expects, returns, types }) => ({
      name, type, method, expects: expects ?? null, returns, types,
    })),
    parameters: parameters.map(({ variable, range, required }) => ({ variable, range, required })),
  });
}
console.log(JSON.stringify({ entrypoint: api.entrypoint, title: api.title, resources }));
