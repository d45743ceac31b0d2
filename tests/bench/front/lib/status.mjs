// Job status: how many answers a second, and how late the slowest of a hundred come.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { cpuOfFamily } from "../../engine/lib/processes.mjs";
import { median, summary } from "../../engine/lib/statistics.mjs";

const run = promisify(execFile);
const members = ["job_id", "state", "status", "worker", "operation", "organization_id", "created_at", "attempt", "result", "links"];

const saturated = 64;

/// Both give the same answer, and keep it from those it is not for.
async function check(world, { port }, name, failed) {
  const url = `http://127.0.0.1:${port}/api/v1/jobs/${world.job}`;
  const ask = async (token) => fetch(url, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  const answer = await (await ask(world.token)).json();
  for (const member of members) if (answer[member] === undefined) failed(`${name} leaves out ${member}`);
  if (answer.job_id !== world.job || answer.result.added !== 12) failed(`${name} answers about another job`);
  for (const [token, status] of [[world.strangers, 404], [null, 401], [world.token.slice(0, -4) + "AAAA", 401]]) {
    const got = (await ask(token)).status;
    if (got !== status) failed(`${name} answers ${got} where ${status} is right`);
  }
}

const units = { us: 1e-3, ms: 1, s: 1e3 };
async function measure(world, { port, program }, connections, seconds, failed) {
  const before = [cpuOfFamily(program.pid), cpuOfFamily(world.postmaster)];
  const { stdout } = await run("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "--timeout", "10s",
    "-H", `Authorization: Bearer ${world.token}`, `http://127.0.0.1:${port}/api/v1/jobs/${world.job}`]);
  const number = (pattern) => Number(pattern.exec(stdout)[1]);
  const latency = (share) => { const [, value, unit] = new RegExp(`${share}%\\s+([0-9.]+)(us|ms|s)`).exec(stdout); return value * units[unit]; };
  if (/Non-2xx/.test(stdout) || /Socket errors/.test(stdout)) failed(`wrong answers: ${/(Non-2xx.*|Socket errors.*)/.exec(stdout)[1]}`);
  const answers = number(/(\d+) requests in/);
  const [server, postgres] = [cpuOfFamily(program.pid) - before[0], cpuOfFamily(world.postmaster) - before[1]].map((us) => us / answers);
  return { server, postgres, per_second: number(/Requests\/sec:\s+([0-9.]+)/), p50: latency(50), p99: latency(99) };
}

export async function status({ world, repeats, seconds, connections, processors, say, failed }) {
  const sides = { rollcall: () => world.front(), "fastify x1": () => world.peer(1), [`fastify x${processors}`]: () => world.peer(processors) };
  const results = {};
  for (let repeat = 0; repeat < repeats; ++repeat)
    for (const [name, start] of Object.entries(sides)) {
      const side = await start();
      if (repeat === 0) await check(world, side, name, failed);
      await measure(world, side, 16, 1, failed);  // warm
      for (const count of connections) {
        const measured = await measure(world, side, count, seconds, failed);
        say(`${name} ${count} connections: ${Math.round(measured.per_second)}/s, p50 ${measured.p50.toFixed(2)} ms, p99 ${measured.p99.toFixed(2)} ms, ` +
            `processor time an answer ${Math.round(measured.server)} us, PostgreSQL ${Math.round(measured.postgres)} us`);
        ((results[name] ??= {})[count] ??= []).push(measured);
      }
      await side.program.stop();
    }
  const figures = {}, goals = [];
  for (const count of connections) {
    const of = (name, measure) => results[name][count].map((one) => one[measure]);
    for (const name of Object.keys(sides))
      figures[`${name}, ${count} connections`] = { "answers/s": summary(of(name, "per_second")), "p50 ms": summary(of(name, "p50")), "p99 ms": summary(of(name, "p99")),
        "server us/answer": summary(of(name, "server")), "PostgreSQL us/answer": summary(of(name, "postgres")) };
    const peers = Object.keys(sides).slice(1);
    const best = Math.max(...peers.map((name) => median(of(name, "per_second"))));
    const quickest = Math.min(...peers.map((name) => median(of(name, "p99"))));
    // With fewer both wait for PostgreSQL's answer to one question, and nothing can be gathered.
    if (count >= saturated) goals.push({ what: `answers/s over the better peer's, ${count} connections`, ratio: median(of("rollcall", "per_second")) / best, at_least: 5 });
    goals.push({ what: `p99 over the quicker peer's, ${count} connections`, ratio: median(of("rollcall", "p99")) / quickest, at_most: 1 });
  }
  return { unit: "wrk, one thread, keep-alive", figures, goals };
}
