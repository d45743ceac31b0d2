// How soon agents are answered while Microsoft Graph takes 300 ms for each answer: the broker's actions, and tools on what a person connected.
import { randomBytes, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import pg from "pg";

import { Program } from "../../engine/lib/processes.mjs";
import { quantile } from "../../engine/lib/statistics.mjs";
import { client, tenant } from "../../front/lib/authority.mjs";
import { freePort, startWorld } from "../../front/lib/world.mjs";
import { callTool } from "./protocol.mjs";

const graphTakes = 300;
const goal = 2_000;
const lanes = 4;  // as many as Microsoft Graph serves at once of one mailbox

async function startSandbox(person) {
  const seed = `${process.env.BENCH_WORK}/mcp-seed.json`;
  writeFileSync(seed, JSON.stringify({ users: [{ id: person, mail: "ada@contoso.example", userPrincipalName: "ada@contoso.example", displayName: "Ada" }], groups: [] }));
  const program = new Program("graph", `${process.env.BENCH_BIN}/rollcall-sandbox-graph`, ["--port", "0", "--seed-file", seed, "--latency-ms", String(graphTakes)]);
  await program.says("url");
  const root = JSON.parse(program.lines[0]).url;
  const token = async (user) => {
    const answer = await fetch(`${root}/sandbox/token`, { method: "POST", headers: { "Content-Type": "application/json" },
                                                          body: JSON.stringify({ user, tenant, audience: client, scopes: ["access_as_user"] }) });
    const { access_token: text } = await answer.json();
    if (!text) throw new Error(`the sandbox gave no token: ${answer.status}`);
    return text;
  };
  // The stranger of the world is nobody here.
  return { program, authority: { root, token: (user) => (user === person ? token(user) : null), stop: () => program.stop() } };
}

/// As a browser does it: the page, the sign-in at Entra ID, and back.
async function connectAs(side, token, connector) {
  const link = await (await fetch(`${side.root}/api/v1/connections`, {
    method: "POST", headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, body: JSON.stringify({ connector }) })).json();
  const page = await fetch(link.connect_url);
  const cookie = page.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
  const there = /href="([^"]*authorize[^"]*)"/.exec(await page.text())[1].replaceAll("&amp;", "&");
  const back = (await fetch(`${there}&login_hint=ada@contoso.example`, { redirect: "manual" })).headers.get("location");
  const last = await fetch(back, { headers: { Cookie: cookie } });
  if (!(await last.text()).includes(">Connected<")) throw new Error(`${connector} could not be connected`);
}

async function addFindings(url, count) {
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  const { rows } = await database.query(
    "INSERT INTO advisor.findings (tenant_id, organization_id, rule, pillar, severity, title, remedy) SELECT $1, (SELECT id FROM directory.organizations), " +
    "'bench.' || n, 'operations', 'low', 'Finding ' || n, 'None' FROM generate_series(1, $2::int) n RETURNING id, organization_id", [tenant, count]);
  await database.end();
  return rows;
}

function broker(side, token, operation, parameters) {
  return async (i) => {
    const response = await fetch(`${side.root}/copilot/v1/actions`, {
      method: "POST", headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ operation, parameters: parameters(i) }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
  };
}
function tool(side, token, name, parameters) {
  return async () => {
    const { status, message } = await callTool(side, token, name, parameters);
    if (status !== 200 || !message?.result || message.result.isError) throw new Error(`${status} ${JSON.stringify(message)}`);
    return message.result.structuredContent;
  };
}

/// Some at a time; each timed from its request's first byte to its answer's last.
async function timed(ask, count) {
  const took = [];
  let next = 0;
  await ask(next++);  // what only the first one does: opens connections, fetches tokens
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (next <= count) {
      const i = next++, begun = performance.now();
      await ask(i);
      took.push(performance.now() - begun);
    }
  }));
  return took;
}

export async function latency({ quick, say, failed }) {
  const person = randomUUID();
  const { authority } = await startSandbox(person);
  const world = await startWorld({ authority, person });
  const port = await freePort();
  const root = `http://127.0.0.1:${port}`;
  const { program } = await world.front({ ROLLCALL_HTTP_PORT: String(port), ROLLCALL_PUBLIC_URL: root,
                                          ROLLCALL_VAULT_KEYS: `k1:${randomBytes(32).toString("base64")}` });
  const side = { port, root }, { token } = world;
  const [few, many] = quick ? [8, 40] : [40, 400];
  const findings = await addFindings(world.url, many + lanes + 1);
  for (const connector of ["mail", "files", "calendar"]) await connectAs(side, token, connector);
  const text = (await tool(side, token, "list_files", {})()).items.find((item) => /\.(txt|md|csv)$/.test(item.name));
  const days = (n) => new Date(Date.now() + n * 86_400_000).toISOString();
  const range = { from: days(0), until: days(14) };
  const asked = {
    "copilot query_advisor_findings": [broker(side, token, "query_advisor_findings", () => ({ severity: "low" })), many],
    "copilot query_ops_runs": [broker(side, token, "query_ops_runs", () => ({ state: "succeeded" })), many],
    "copilot trigger_advisor_scan": [broker(side, token, "trigger_advisor_scan", () => ({ organization_id: findings[0].organization_id })), many],
    "copilot acknowledge_finding": [broker(side, token, "acknowledge_finding", (i) => ({ finding_id: findings[i].id, why: "It is taken care of." })), many],
    "mcp get_job": [tool(side, token, "get_job", { job: world.job }), many],
    "mcp list_mail (Graph once)": [tool(side, token, "list_mail", {}), few],
    "mcp search_files (Graph once)": [tool(side, token, "search_files", { query: "a" }), few],
    "mcp list_events (Graph once)": [tool(side, token, "list_events", range), few],
  };
  if (text) asked["mcp read_file (Graph twice, then the content)"] = [tool(side, token, "read_file", { item: text.id }), few];
  else failed("there is no text among the files");
  const figures = {}, goals = [];
  for (const [name, [ask, count]] of Object.entries(asked)) {
    try {
      const took = await timed(ask, count);
      const [p50, p99] = [quantile(took, 0.5), quantile(took, 0.99)];
      figures[name] = { calls: took.length, "p50 ms": p50, "p99 ms": p99, "max ms": Math.max(...took) };
      goals.push({ what: `${name}, p99`, ratio: p99, at_most: goal, unit: "ms" });
      say(`${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
    } catch (error) {
      failed(`${name}: ${error.message}`);
    }
  }
  await program.stop();
  await world.stop();
  return { unit: `${lanes} at a time, Microsoft Graph takes ${graphTakes} ms`, figures, goals };
}
