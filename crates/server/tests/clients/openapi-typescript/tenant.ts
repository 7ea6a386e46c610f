// A program as a user of the generated types writes it: every name and type in it is checked against the document.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { env: Record<string, string> };
const env = process.env;

const client = createClient<paths>({ baseUrl: env.TENANTRY_URL });

const token = await client.POST("/oauth/token", {
  body: {
    grant_type: "client_credentials",
    client_id: env.TENANTRY_CLIENT_ID,
    client_secret: env.TENANTRY_CLIENT_SECRET,
  },
});
if (!token.data) {
  throw new Error(token.error.error_description);
}
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${token.data.access_token}`);
    return request;
  },
});

const body: components["schemas"]["TenantCreate"] = JSON.parse(env.TENANTRY_TENANT);
const created = await client.POST("/v1/tenants", {
  body,
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
});
if (!created.data) {
  throw new Error(`${created.error.code}: ${created.error.message}`);
}
const { id, subdomain, status, client: credentials } = created.data;
const secret: string = credentials.clientSecret;

const page = await client.GET("/v1/tenants", {
  params: { query: { limit: 10, status: "active", environmentId: body.environmentId } },
});
if (!page.data) {
  throw new Error(page.error.message);
}
const listed = page.data.data.map((tenant) => tenant.id);

console.log(JSON.stringify({ tenant: { id, subdomain, status, hasSecret: secret.length > 20 }, listed }));
