// openid-client: discovery, client credentials by Basic, in the body and as JSON, introspection,
// revocation; every token is used at once. It goes on until a line comes on standard input.
import * as client from "openid-client";

const { ISSUER, CLIENT_ID, CLIENT_SECRET } = process.env;
const execute = [client.allowInsecureRequests];
const discover = (authentication, algorithm) =>
  client.discovery(new URL(ISSUER), CLIENT_ID, undefined, authentication, { execute, algorithm });
const configurations = {
  basic: await discover(client.ClientSecretBasic(CLIENT_SECRET), "oidc"),
  form: await discover(client.ClientSecretPost(CLIENT_SECRET), "oauth2"),
};

const kinds = {
  basic: async () =>
    (await client.clientCredentialsGrant(configurations.basic, { scope: "environments:read" })).access_token,
  form: async () => (await client.clientCredentialsGrant(configurations.form)).access_token,
  json: async () => {
    const answer = await fetch(configurations.form.serverMetadata().token_endpoint, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        grant_type: "client_credentials",
      }),
    });
    return (await answer.json()).access_token;
  },
};

const seen = { tokens: 0, kids: {}, failures: [] };
const kidOf = (token) => JSON.parse(Buffer.from(token.split(".")[0], "base64url")).kid;
const environments = new URL(`${ISSUER}/v1/environments`);

async function round(kind) {
  const configuration = configurations[kind] ?? configurations.basic;
  const token = await kinds[kind]();
  const kid = kidOf(token);
  const answer = await client.fetchProtectedResource(configuration, token, environments, "GET");
  if (answer.status !== 200) throw new Error(`${kind}: ${answer.status} with ${kid}`);
  await answer.body?.cancel();
  const introspected = await client.tokenIntrospection(configuration, token);
  if (introspected.active !== true) throw new Error(`${kind}: inactive with ${kid}`);
  seen.tokens += 1;
  seen.kids[kid] = (seen.kids[kid] ?? 0) + 1;
  return token;
}

async function revoked() {
  const token = await round("basic");
  await client.tokenRevocation(configurations.basic, token);
  const introspected = await client.tokenIntrospection(configurations.form, token);
  if (introspected.active !== false) throw new Error("active after its revocation");
}

let stop = false;
process.stdin.once("data", () => {
  stop = true;
});
for (const kind of Object.keys(kinds)) await round(kind);
await revoked();
console.log(JSON.stringify({ ready: true }));
while (!stop) {
  for (const kind of Object.keys(kinds)) {
    await round(kind).catch((error) => seen.failures.push(String(error?.cause ?? error)));
  }
}
await revoked().catch((error) => seen.failures.push(String(error)));
console.log(JSON.stringify(seen));
process.exit(0);
