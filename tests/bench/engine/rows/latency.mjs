// Command to start, and to settled, while little is asked: how long somebody who waits has to wait. Settled: the final state
// stands in the database and the result is on its topic. Microseconds by this machine's one clock.
import { setTimeout as pause } from "node:timers/promises";

import { Scratch } from "../lib/database.mjs";
import { keys, lowLoadEngines } from "../lib/engines.mjs";
import { watchResults } from "../lib/processes.mjs";
import { quantile, summary } from "../lib/statistics.mjs";

const perSecond = 20;
const pairs = (lines) => new Map(lines.map((line) => line.split(" ").map(Number)).filter(([n, at]) => n > 0 && at > 0));

async function measure(engine, context, count) {
  const scratch = await Scratch.create();
  const tag = `bench-low-${engine.name}-${process.pid}-${context.repeat}`;
  try {
    await engine.prepare({ scratch, tag });
    const { done } = await watchResults(engine.results, count, count / perSecond + 60, true);
    const worker = engine.start({ scratch, tag });
    await engine.ready(worker);
    await pause(5_000);  // group joined, connections open, code warm
    const sent = pairs(await engine.pace({ scratch, tag }, count, keys, perSecond).finished());
    const results = await done;
    const completed = pairs(await worker.stop());  // where the engine completes a job after its result was sent
    if (results.lost) context.failed(`${engine.name}: ${results.lost} of ${count} lost at low load`);
    const start = [], settled = [];
    for (const [sequence, arrived, started] of results.each) {
      if (sequence <= count / 10) continue;  // warm-up
      start.push((started - sent.get(sequence)) / 1000);
      settled.push((Math.max(arrived, completed.get(sequence) ?? 0) - sent.get(sequence)) / 1000);
    }
    return { start_p50: quantile(start, 0.5), start_p99: quantile(start, 0.99), settled_p50: quantile(settled, 0.5),
             settled_p99: quantile(settled, 0.99) };
  } finally {
    await scratch.drop();
  }
}

export async function latency(context) {
  const count = context.quick ? 100 : 400;
  const engines = lowLoadEngines.filter(({ name }) => context.wanted(name));
  const found = Object.fromEntries(engines.map(({ name }) => [name, []]));
  for (let repeat = 0; repeat < context.repeats; ++repeat) {
    for (const engine of engines) {
      const one = await measure(engine, { ...context, repeat }, count);
      context.say(`${engine.name}: ${Object.entries(one).map(([name, ms]) => `${name} ${ms.toFixed(1)}`).join(", ")} ms`);
      found[engine.name].push(one);
    }
  }
  const measures = ["start_p50", "start_p99", "settled_p50", "settled_p99"];
  const figures = Object.fromEntries(Object.entries(found).map(([name, all]) => [
    name, Object.fromEntries(measures.map((measure) => [measure, summary(all.map((one) => one[measure]))]))]));
  const { rollcall, graphile } = figures;
  return {
    unit: `ms at ${perSecond} commands/s`,
    figures,
    goals: rollcall && graphile ? measures.map((measure) => ({
      what: `${measure}, rollcall : graphile`,
      ratio: rollcall[measure].median / graphile[measure].median,
      at_most: measure.endsWith("p50") ? 2 : 1,
    })) : [],
  };
}
