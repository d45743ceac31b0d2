// client.mjs PACKAGES ERA URL TOKEN PLAN: the official TypeScript clients list everything and call every tool; see client.py. Era legacy
// is version 1 of the SDK, modern is version 2.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, era, url, token, planFile] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile, 'utf8'));
const find = createRequire(join(packages, 'package.json'));
const load = async (name) => import(pathToFileURL(find.resolve(name)));

const requestInit = { headers: { Authorization: `Bearer ${token}` } };
const information = { name: 'rollcall-tests', version: '1' };
async function connect() {
  if (era === 'legacy') {
    const { Client } = await load('@modelcontextprotocol/sdk/client/index.js');
    const { StreamableHTTPClientTransport } = await load('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const client = new Client(information);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
    return client;
  }
  const { Client, StreamableHTTPClientTransport } = await load('@modelcontextprotocol/client');
  const client = new Client(information, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return client;
}

const problems = [];
const expect = (holds, what) => holds || problems.push(what);
async function everything(list, member) {
  const items = [];
  let cursor;
  do {
    const page = await list(cursor === undefined ? undefined : { cursor });
    items.push(...page[member]);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return items;
}

const client = await connect();
const tools = (await everything((page) => client.listTools(page), 'tools')).map((tool) => tool.name);
expect(JSON.stringify([...tools].sort()) === JSON.stringify(Object.keys(plan).sort()), `the tools are not those of the plan: ${tools}`);
for (const [name, planned] of Object.entries(plan)) {
  if (!tools.includes(name)) continue;
  const progress = [];
  const options = { onprogress: (told) => progress.push(told.progress), resetTimeoutOnProgress: true };
  const call = { name, arguments: planned.arguments };
  const result = await (era === 'legacy' ? client.callTool(call, undefined, options) : client.callTool(call, options));
  const text = result.content[0].text;
  if (planned.refused) expect(result.isError && text.includes(`[${planned.refused}]`), `${name} was not refused with ${planned.refused}: ${text}`);
  else expect(!result.isError, `${name} failed: ${text}`);
  if (!result.isError) expect(JSON.stringify(JSON.parse(text)) === JSON.stringify(result.structuredContent), `${name}: text and structure differ`);
  if (planned.progress) expect(progress.length > 0, `${name} told no progress`);
}
for (const prompt of await everything((page) => client.listPrompts(page), 'prompts'))
  await client.getPrompt({ name: prompt.name, arguments: Object.fromEntries((prompt.arguments ?? []).map((one) => [one.name, 'Contoso'])) });
const resources = await everything((page) => client.listResources(page), 'resources');
expect(resources.length > 0, 'there are no resources');
for (const resource of resources.slice(0, 5)) await client.readResource({ uri: resource.uri });
expect((await everything((page) => client.listResourceTemplates(page), 'resourceTemplates')).length === 2, 'there are not two templates');
await client.close();
for (const problem of problems) console.log(problem);
console.log(`typescript, ${era}: ${tools.length} tools called`);
process.exit(problems.length > 0 ? 1 : 0);
