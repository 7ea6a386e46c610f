// Generates types from a server's OpenAPI document, compiles a program with them, and lets it create a tenant.
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import openapi, { astToString } from "openapi-typescript";

const tsc = new URL("../node_modules/typescript/bin/tsc", import.meta.url).pathname;
const answer = await fetch(`${process.env.TENANTRY_URL}/openapi.json`);
writeFileSync("schema.d.ts", astToString(await openapi(await answer.json())));
writeFileSync(
  "tsconfig.json",
  JSON.stringify({
    compilerOptions: {
      strict: true,
      target: "es2022",
      lib: ["es2022", "dom", "dom.iterable"],
      module: "nodenext",
      types: [],
    },
    include: ["*.ts"],
  }),
);
writeFileSync("package.json", JSON.stringify({ type: "module" }));

const compile = (...flags) => spawnSync(process.execPath, [tsc, ...flags], { encoding: "utf8" });
const done = compile();
if (done.status !== 0) {
  throw new Error(done.stdout);
}
const report = JSON.parse(execFileSync(process.execPath, ["tenant.js"], { encoding: "utf8" }));

// Programs that are wrong, each in one place.
const good = readFileSync("tenant.ts", "utf8");
const wrong = [
  ['"/v1/tenants", {\n  body', '"/v1/tenantz", {\n  body'],
  ['status: "active"', 'status: "asleep"'],
  ["credentials.clientSecret", "credentials.secret"],
];
wrong.forEach(([from, to], place) => {
  if (!good.includes(from)) {
    throw new Error(`the program has no ${from}`);
  }
  writeFileSync(`wrong${place}.ts`, good.replace(from, to));
});
const complaints = compile("--noEmit").stdout;
report.refused = wrong.map(([, to], place) => ({
  with: to,
  compiles: !complaints.includes(`wrong${place}.ts(`),
}));
console.log(JSON.stringify(report));
