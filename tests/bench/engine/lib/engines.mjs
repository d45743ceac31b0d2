// What is measured: how each engine is given its commands, started, and asked whether all of them stand in its tables.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { Program, brokers, createTopics, loadTopic, paceTopic, work } from "./processes.mjs";

const here = fileURLToPath(new URL("..", import.meta.url));
const program = (name) => `${process.env.BENCH_BIN}/${name}`;
// So many that hardly two commands are for one organization: equal ones that wait would become one run.
export const keys = 1_000_000_000;

function must(command, args, env) {
  const done = spawnSync(command, args, { encoding: "utf8", env: { ...process.env, ...env } });
  if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`);
}
const peerTables = (scratch) => scratch.sql(readFileSync(`${here}peers/tables.sql`, "utf8"));
const peerDrain = async (scratch) => ({
  settled: await scratch.number("SELECT count(*) FROM bench.runs WHERE state = 'succeeded'"),
  audited: await scratch.number("SELECT count(*) FROM bench.audit"),
});

export function rollcallWorker(name, tag, scratch, env = {}) {
  return new Program(name, program("rollcall-bench-worker"), [],
                     { DATABASE_URL: scratch.url, ROLLCALL_BENCH_PREFIX: tag, ROLLCALL_OPS_PORT: "0", ROLLCALL_LOG_LEVEL: "warn", ...env });
}
export const rollcallTopics = (tag, partitions) => {
  createTopics(partitions, `${tag}.member-sync.commands`, `${tag}.member-sync.ticks`);
  createTopics(16, "rollcall.runs", "rollcall.audit");
};
export const migrate = (scratch) =>
  must(program("rollcall-bench-worker"), [], { DATABASE_URL: scratch.url, ROLLCALL_BENCH_MIGRATE: "true" });

const rollcall = (name, handler, drain, helpers = () => []) => ({
  name,
  results: "rollcall.runs",
  async prepare({ scratch, tag, count }) {
    migrate(scratch);
    rollcallTopics(tag, 16);
    await loadTopic(`${tag}.member-sync.commands`, count, keys);
  },
  start: ({ scratch, tag }) => [rollcallWorker(name, tag, scratch, { ROLLCALL_BENCH_HANDLER: handler }),
                                ...helpers(scratch)],
  drain: async (scratch) => ({
    settled: await scratch.number("SELECT count(*) FROM ops.runs WHERE state = 'succeeded' AND attempt = 1"),
    ...(await drain(scratch)),
    unpublished: await scratch.number("SELECT count(*) FROM ops.outbox"),
  }),
});

const fromTopic = (name, command) => ({
  name,
  results: "bench.results",
  async prepare({ scratch, tag, count }) {
    await peerTables(scratch);
    createTopics(16, `${tag}.commands`, "bench.results");
    await loadTopic(`${tag}.commands`, count, keys);
  },
  start: ({ scratch, tag }) => [new Program(name, ...command(`${tag}.commands`, scratch.url))],
  drain: peerDrain,
});

const graphile = (name, mode, share) => ({
  name,
  share,  // of the count: what takes minutes says no more than what takes seconds
  results: "bench.results",
  async prepare({ scratch, count }) {
    await peerTables(scratch);
    createTopics(16, "bench.results");
    must("node", [`${here}peers/graphile.mjs`, "load", String(count), String(keys)], { DATABASE_URL: scratch.url });
    await scratch.sql("ANALYZE");
  },
  start: ({ scratch }) => [new Program(name, "node", [`${here}peers/graphile.mjs`, mode], { DATABASE_URL: scratch.url })],
  drain: async (scratch) => ({
    ...(await peerDrain(scratch)),
    left: await scratch.number("SELECT count(*) FROM graphile_worker._private_jobs"),
  }),
});

const river = (name, mode, share) => ({
  name,
  share,
  results: "bench.results",
  async prepare({ scratch, count }) {
    await peerTables(scratch);
    createTopics(16, "bench.results");
    must(process.env.BENCH_RIVER, ["load", String(count), String(keys)], { DATABASE_URL: scratch.url });
    await scratch.sql("ANALYZE");
  },
  start: ({ scratch }) => [new Program(name, process.env.BENCH_RIVER, [mode], { DATABASE_URL: scratch.url })],
  drain: async (scratch) => ({
    ...(await peerDrain(scratch)),
    left: await scratch.number("SELECT count(*) FROM river_job WHERE state <> 'completed'"),
  }),
});

export const throughputEngines = [
  rollcall("rollcall", "noop", async (scratch) => ({
    audited: await scratch.number("SELECT count(*) FROM ops.run_events WHERE event = 'succeeded'"),
  })),
  rollcall("rollcall_audit", "audit", async (scratch) => ({
    audited: await scratch.number("SELECT count(*) FROM audit.events"),
  }), (scratch) => [new Program("audit-writer", program("rollcall-audit-writer"), [],
                                { DATABASE_URL: scratch.url, ROLLCALL_OPS_PORT: "0" })]),
  fromTopic("bare_loop", (topic, url) => [`${work}/bin/bare_loop`, [brokers, topic, "bench.results", url, "1000"]]),
  fromTopic("bare_loop_claimed", (topic, url) => [`${work}/bin/bare_loop`, [brokers, topic, "bench.results", url, "1000", "claimed"]]),
  fromTopic("kafkajs_pg", (topic, url) => ["node", [`${here}peers/kafkajs_loop.mjs`, topic, "bench.results"],
                                           { DATABASE_URL: url }]),
  graphile("graphile_batched", "batched", 1),
  graphile("graphile_per_job", "per-job", 0.2),
  ...(process.env.BENCH_RIVER ? [river("river_gathered", "gathered", 1), river("river_per_job", "per-job", 0.2)] : []),
];

export const lowLoadEngines = [
  {
    name: "rollcall",
    results: "rollcall.runs",
    async prepare({ scratch, tag }) {
      migrate(scratch);
      rollcallTopics(tag, 4);
    },
    start: ({ scratch, tag }) => rollcallWorker("rollcall-low", tag, scratch),
    ready: async () => {},
    pace: ({ tag }, count, keyCount, perSecond) => paceTopic(`${tag}.member-sync.commands`, count, keyCount, perSecond),
  },
  {
    name: "graphile",
    results: "bench.results",
    async prepare({ scratch }) {
      await peerTables(scratch);
      createTopics(16, "bench.results");
      must("node", [`${here}peers/graphile.mjs`, "load", "0", "1"], { DATABASE_URL: scratch.url });
    },
    start: ({ scratch }) => new Program("graphile-low", "node", [`${here}peers/graphile.mjs`, "low-load"], { DATABASE_URL: scratch.url }),
    ready: (worker) => worker.says("serving"),
    pace: ({ scratch }, count, keyCount, perSecond) =>
      new Program("graphile-pace", "node", [`${here}peers/graphile.mjs`, "pace", String(count), String(keyCount), String(perSecond)],
                  { DATABASE_URL: scratch.url }),
  },
];
