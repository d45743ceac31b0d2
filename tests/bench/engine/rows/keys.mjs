// Handlers that sleep 0 to 5 ms, one partition, 100 keys, 16 lanes: what order per key and parallel across keys is worth.
import { Scratch } from "../lib/database.mjs";
import { migrate, rollcallTopics, rollcallWorker } from "../lib/engines.mjs";
import { Program, brokers, loadTopic, watchResults, work } from "../lib/processes.mjs";
import { summary } from "../lib/statistics.mjs";

async function rollcall(lanes, tag, count) {
  const scratch = await Scratch.create();
  try {
    migrate(scratch);
    rollcallTopics(tag, 1);
    await loadTopic(`${tag}.member-sync.commands`, count, 100);
    const { done } = await watchResults("rollcall.runs", count, 600);
    const worker = rollcallWorker("rollcall-keys", tag, scratch, { ROLLCALL_BENCH_HANDLER: "sleep", ROLLCALL_LANES: String(lanes) });
    const results = await done;
    const told = JSON.parse((await worker.stop()).at(-1));
    const settled = await scratch.number("SELECT count(*) FROM ops.runs WHERE state = 'succeeded' AND attempt = 1");
    // From the first handler's start to the last result on its topic: the engine's own work counts.
    return { per_second: (count / (results.last_us - told.first_start_us)) * 1e6, out_of_order: told.out_of_order,
             incomplete: settled !== count || results.lost > 0 };
  } finally {
    await scratch.drop();
  }
}

// From the first handler's start to the last one's end: nothing is stored, nothing published.
async function parallelConsumer(tag, count) {
  const topic = `${tag}.member-sync.commands`;
  rollcallTopics(tag, 1);
  await loadTopic(topic, count, 100);
  const lines = await new Program("parallel-consumer", "java", ["-cp", `${work}/java:${work}/java/*`, "ParallelConsumer",
                                                                brokers, topic, String(count), "16"]).finished();
  const told = JSON.parse(lines.at(-1));
  return { per_second: (count / told.microseconds) * 1e6, out_of_order: told.out_of_order, incomplete: false };
}

export async function keys(context) {
  const count = context.quick ? 1_000 : 10_000;
  const engines = {
    rollcall: (tag) => rollcall(16, tag, count),
    rollcall_serial: (tag) => rollcall(1, tag, Math.round(count / 5)),
    parallel_consumer: (tag) => parallelConsumer(tag, count),
  };
  const chosen = Object.keys(engines).filter((name) => context.wanted(name));
  const found = Object.fromEntries(chosen.map((name) => [name, []]));
  for (let repeat = 0; repeat < context.repeats; ++repeat) {
    for (const name of chosen) {
      const one = await engines[name](`bench-keys-${name}-${process.pid}-${repeat}`);
      context.say(`${name}: ${Math.round(one.per_second)}/s, out of order ${one.out_of_order}`);
      if (one.incomplete || one.out_of_order) context.failed(`${name}: ${JSON.stringify(one)}`);
      found[name].push(one);
    }
  }
  const figures = Object.fromEntries(Object.entries(found).map(([name, all]) => [name, {
    per_second: summary(all.map((one) => one.per_second)),
    out_of_order: all.reduce((sum, one) => sum + one.out_of_order, 0),
  }]));
  const goal = (peer, at_least) => figures.rollcall && figures[peer] && {
    what: `handlers sleeping 0-5 ms, rollcall : ${peer}`,
    ratio: figures.rollcall.per_second.median / figures[peer].per_second.median,
    at_least,
  };
  return { unit: "runs/s", figures, goals: [goal("rollcall_serial", 9), goal("parallel_consumer", 0.95)].filter(Boolean) };
}
