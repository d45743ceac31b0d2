// graphile-worker around the same work: a run's row, an audit row, a result on its topic.
//   node graphile.mjs load COUNT KEYS          its schema, and COUNT jobs by add_jobs
//   node graphile.mjs batched | per-job        serves them: in its batched mode, or job by job as it comes out of the box
//   node graphile.mjs pace COUNT KEYS PER_SECOND    add_job at a rate; prints "SEQUENCE MICROSECONDS" when sent
//   node graphile.mjs low-load                 serves them as they come, prints "SEQUENCE MICROSECONDS" when each is complete
import { EventEmitter } from "node:events";
import { setTimeout as pause } from "node:timers/promises";

import { Logger, run, runMigrations } from "graphile-worker";

import { command } from "./ids.mjs";
import { nowUs, pool, producer, settle } from "./store.mjs";

const [, , action, ...given] = process.argv;
const logger = new Logger(() => (level, message) => level === "error" && console.error(message));

async function load(count, keys) {
  await runMigrations({ pgPool: pool, logger });
  for (let first = 1; first <= count; first += 10_000) {
    const specs = Array.from({ length: Math.min(10_000, count - first + 1) },
                             (_, i) => ({ identifier: "noop", payload: command(first + i, keys) }));
    await pool.query(`SELECT count(*) FROM graphile_worker.add_jobs(
      ARRAY(SELECT json_populate_record(null::graphile_worker.job_spec, json_array_elements($1::json))))`, [JSON.stringify(specs)]);
  }
  await pool.end();
}

async function pace(count, keys, perSecond) {
  const begun = performance.now();
  for (let i = 0; i < count; ++i) {
    await pause(Math.max(0, begun + (i * 1000) / perSecond - performance.now()));
    console.log(`${i + 1} ${nowUs()}`);
    await pool.query({ name: "add", text: "SELECT graphile_worker.add_job('noop', $1::json)", values: [JSON.stringify(command(i + 1, keys))] });
  }
  await pool.end();
}

// Gathers what the jobs in hand want stored, so that a flood costs one statement and one request for up to a thousand.
function gatherer() {
  let waiting = [];
  let busy = false;
  async function flush() {
    busy = true;
    while (waiting.length) {
      const block = waiting.splice(0, 1000);
      await settle(block).then(() => block.forEach((one) => one.resolve()), (error) => block.forEach((one) => one.reject(error)));
    }
    busy = false;
  }
  return (command, result) => new Promise((resolve, reject) => {
    waiting.push({ command, result, resolve, reject });
    if (!busy) {
      busy = true;
      setImmediate(flush);
    }
  });
}

const modes = {
  batched: { settle: gatherer(), worker: { concurrentJobs: 1000, maxPoolSize: 10, localQueue: { size: 2000 },
                                           completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  "per-job": { settle: (command, result) => settle([{ command, result }]), worker: { concurrentJobs: 16, maxPoolSize: 18 } },
};
modes["low-load"] = modes["per-job"];

async function serve(mode) {
  await producer.connect();
  const events = new EventEmitter();
  if (action === "low-load")
    events.on("job:complete", ({ job }) => console.log(`${parseInt(job.payload.run_id.slice(-12), 16)} ${nowUs()}`));
  const runner = await run({
    preset: { worker: { connectionString: process.env.DATABASE_URL, logger, ...mode.worker } },
    events,
    noHandleSignals: true,
    taskList: { noop: (payload) => mode.settle(payload, { started_us: nowUs() }) },
  });
  console.log("serving");
  process.on("SIGTERM", async () => {
    await runner.stop();
    await producer.disconnect();
    await pool.end();
    process.exit(0);
  });
}

if (action === "load") await load(Number(given[0]), Number(given[1]));
else if (action === "pace") await pace(Number(given[0]), Number(given[1]), Number(given[2]));
else if (modes[action]) await serve(modes[action]);
else {
  console.error("usage: see the head of graphile.mjs");
  process.exit(2);
}
