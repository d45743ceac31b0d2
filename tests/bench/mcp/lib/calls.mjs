// What a call of the tool get_job costs: processor time and PostgreSQL's, how many a second, how late the slowest of a hundred come.
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";

import { Program, cpuOfFamily } from "../../engine/lib/processes.mjs";
import { median, summary } from "../../engine/lib/statistics.mjs";
import { client } from "../../front/lib/authority.mjs";
import { freePort, startWorld } from "../../front/lib/world.mjs";
import { callTool, openSession } from "./protocol.mjs";

const run = promisify(execFile);
const asked = 1_000;  // jobs; each call asks for the next

async function startPeer(world, { record = false, sessions = false, processes = 1 }) {
  const port = await freePort();
  const program = new Program("mcp-peer", process.execPath, [new URL("../peer.mjs", import.meta.url).pathname], {
    DATABASE_URL: world.url, PEER_PORT: String(port), PEER_PROCESSES: String(processes), PEER_RECORD: record ? "1" : "0",
    PEER_SESSIONS: sessions ? "1" : "0", PEER_PUBLIC_KEY: world.authority.publicKey, PEER_AUDIENCE: client,
    PEER_ISSUER: world.authority.issuer, NODE_ENV: "production" });
  await program.says("listening");
  return { program, port, record };
}

/// All answer alike, and keep it from those it is not for.
async function check(world, side, name, failed, shapes) {
  const { status, message } = await callTool(side, world.token, "get_job", { job: world.job });
  const result = message?.result ?? {}, found = result.structuredContent ?? {};
  if (status !== 200 || result.isError) return failed(`${name} answers ${status} ${JSON.stringify(message)}`);
  if (found.job_id !== world.job || found.result?.added !== 12) failed(`${name} answers about another job`);
  if (JSON.stringify(JSON.parse(result.content[0].text)) !== JSON.stringify(found)) failed(`${name}: text and structure differ`);
  // But for its address, which is in the links, and for half a millisecond that one rounds and the other cuts off.
  const plain = JSON.stringify({ ...found, links: Object.keys(found.links).sort() }, Object.keys(found).concat(Object.keys(found.result)).sort())
    .replaceAll(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/g, '"time"');
  shapes.add(plain);
  if (shapes.size > 1) failed(`${name} answers otherwise: ${[...shapes].join(" and ")}`);
  const hidden = await callTool(side, world.strangers, "get_job", { job: world.job });
  if (hidden.message?.result?.isError !== true) failed(`${name} shows a stranger the job`);
  for (const token of [null, world.token.slice(0, -4) + "AAAA"]) {
    const refused = await callTool(side, token, "get_job", { job: world.job });
    if (refused.status !== 401) failed(`${name} answers ${refused.status} where 401 is right`);
  }
}

const recordOf = async (database) => (await database.query(
  "SELECT count(*)::int AS calls, count(*) FILTER (WHERE state = 'pending')::int AS pending, count(*) FILTER (WHERE state = 'failed')::int AS failed " +
  "FROM ops.runs WHERE kind = 'call'")).rows[0];

/// No call may be missing from the record. Those that wrk no longer waited for may stand there, too.
async function checkRecord(world, name, before, answered, connections, failed) {
  let record;
  for (const until = Date.now() + 10_000; Date.now() < until; await pause(50))
    if ((record = await recordOf(world.database)).pending === 0) break;
  const calls = record.calls - before.calls;
  if (record.pending > 0) failed(`${name}: ${record.pending} calls are not settled`);
  if (record.failed > before.failed) failed(`${name}: ${record.failed - before.failed} calls stand as failed`);
  if (calls < answered || calls > answered + connections) failed(`${name}: ${answered} calls were answered, and ${calls} are on record`);
}

const units = { us: 1e-3, ms: 1, s: 1e3 };
async function measure(world, side, name, connections, seconds, failed) {
  const record = side.record ? await recordOf(world.database) : null;
  const before = [cpuOfFamily(side.program.pid), cpuOfFamily(world.postmaster)];
  const { stdout } = await run("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "--timeout", "10s",
    "-H", `Authorization: Bearer ${world.token}`, "-H", "MCP-Protocol-Version: 2025-11-25",
    ...(side.session ? ["-H", `Mcp-Session-Id: ${side.session}`] : []),
    "-s", new URL("../call.lua", import.meta.url).pathname, `http://127.0.0.1:${side.port}/mcp`, "--", world.jobsFile]);
  const number = (pattern) => Number(pattern.exec(stdout)[1]);
  const latency = (share) => { const [, value, unit] = new RegExp(`${share}%\\s+([0-9.]+)(us|ms|s)`).exec(stdout); return value * units[unit]; };
  const answered = number(/(\d+) requests in/);
  const [server, postgres] = [cpuOfFamily(side.program.pid) - before[0], cpuOfFamily(world.postmaster) - before[1]].map((us) => us / answered);
  const wrong = /Non-2xx.*|Socket errors.*/.exec(stdout)?.[0];
  if (wrong) failed(`${name}: ${wrong}`);
  if (number(/Failed calls: (\d+)/) > 0) failed(`${name}: ${number(/Failed calls: (\d+)/)} calls failed`);
  if (record) await checkRecord(world, name, record, answered, connections, failed);
  return { server, postgres, cost: server + postgres, per_second: number(/Requests\/sec:\s+([0-9.]+)/), p50: latency(50), p99: latency(99) };
}

async function openWorld() {
  const world = await startWorld();
  world.database = new pg.Client({ connectionString: world.url });
  await world.database.connect();
  world.jobsFile = `${process.env.BENCH_WORK}/jobs`;
  const { rows } = await world.database.query(`SELECT id FROM ops.runs WHERE state = 'succeeded' AND organization_id IS NOT NULL LIMIT ${asked}`);
  writeFileSync(world.jobsFile, rows.map((row) => row.id).join("\n") + "\n");
  return world;
}
/// The next side finds the record as empty as this one did.
async function forgetCalls({ database }) {
  await database.query("DELETE FROM ops.runs WHERE kind = 'call'");
  await database.query("TRUNCATE ops.outbox, audit.expected");
  await database.query("VACUUM ANALYZE ops.runs");
}

export async function calls({ repeats, seconds, connections, processors, say, failed }) {
  const world = await openWorld();
  const all = `sdk, with record x${processors}`;
  const sides = {
    rollcall: async () => ({ ...(await world.front()), record: true }),
    "sdk, with record": () => startPeer(world, { record: true }),
    [all]: () => startPeer(world, { record: true, processes: processors }),
    "sdk, with record, one session": async () => {
      const side = await startPeer(world, { record: true, sessions: true });
      return { ...side, session: await openSession(side, world.token) };
    },
    "sdk, without record": () => startPeer(world, {}),
  };
  const results = {}, shapes = new Set();
  for (let repeat = 0; repeat < repeats; ++repeat)
    for (const [name, start] of Object.entries(sides)) {
      const side = await start();
      if (repeat === 0) await check(world, side, name, failed, shapes);
      await measure(world, side, name, 16, 2, failed);  // warm
      for (const count of connections) {
        const measured = await measure(world, side, name, count, seconds, failed);
        say(`${name} ${count} connections: ${Math.round(measured.per_second)}/s, p50 ${measured.p50.toFixed(2)} ms, p99 ${measured.p99.toFixed(2)} ms, ` +
            `processor time a call ${Math.round(measured.server)} us, PostgreSQL ${Math.round(measured.postgres)} us`);
        ((results[name] ??= {})[count] ??= []).push(measured);
      }
      await side.program.stop();
      await forgetCalls(world);
    }
  await world.database.end();
  await world.stop();
  const figures = {}, goals = [];
  for (const count of connections) {
    const of = (name, measure) => results[name][count].map((one) => one[measure]);
    const ratio = (name, measure) => median(of("rollcall", measure)) / median(of(name, measure));
    for (const name of Object.keys(sides))
      figures[`${name}, ${count} connections`] = { "calls/s": summary(of(name, "per_second")), "p50 ms": summary(of(name, "p50")), "p99 ms": summary(of(name, "p99")),
        "server us/call": summary(of(name, "server")), "PostgreSQL us/call": summary(of(name, "postgres")) };
    // The goal is judged where both do the same work: with the record.
    goals.push({ what: `processor time of a call over the SDK's with the record, ${count} connections`, ratio: ratio("sdk, with record", "cost"), at_most: 0.1 });
    goals.push({ what: `the same without PostgreSQL's, ${count} connections`, ratio: ratio("sdk, with record", "server"), at_most: 0.1 });
    goals.push({ what: `the same over the SDK's in one session, ${count} connections`, ratio: ratio("sdk, with record, one session", "cost"), at_most: 0.1 });
    goals.push({ what: `the same over the SDK's without a record, ${count} connections`, ratio: ratio("sdk, without record", "cost"), at_most: 0.1 });
    goals.push({ what: `calls/s over the SDK's on all processors, with the record, ${count} connections`, ratio: ratio(all, "per_second"), at_least: 10 });
    goals.push({ what: `p99 over the SDK's on all processors, with the record, ${count} connections`, ratio: ratio(all, "p99"), at_most: 1 });
  }
  return { unit: "wrk, one thread, keep-alive, tools/call get_job", figures, goals };
}
