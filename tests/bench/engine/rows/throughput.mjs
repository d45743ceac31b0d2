// No-op runs: command → claimed → settled, with an audit row and a result on its topic. Commands per second between the
// tenth part of the results and the last, as the watcher saw them arrive.
import { setTimeout as pause } from "node:timers/promises";

import { Scratch } from "../lib/database.mjs";
import { throughputEngines } from "../lib/engines.mjs";
import { cpuTimes, watchResults } from "../lib/processes.mjs";
import { summary } from "../lib/statistics.mjs";

// What is behind the results may need a moment more: audit-writer, the outbox's deletes.
async function drained(engine, scratch, count) {
  for (let attempt = 0; ; ++attempt) {
    const found = await engine.drain(scratch);
    const complete = found.settled === count && found.audited === count && !found.unpublished && !found.left;
    if (complete || attempt === 150) return { ...found, complete };
    await pause(200);
  }
}

async function measure(engine, context) {
  const count = Math.round(context.commands * (engine.share ?? 1));
  const scratch = await Scratch.create();
  const tag = `bench-${engine.name}-${process.pid}-${context.repeat}`;
  try {
    await engine.prepare({ scratch, tag, count });
    const { done } = await watchResults(engine.results, count, 300);
    const before = cpuTimes(0, context.postmaster);
    const programs = engine.start({ scratch, tag });
    const results = await Promise.race([done, programs[0].ended.then((code) => {
      throw new Error(`${engine.name} ended by itself with ${code}`);
    })]);
    const drain = await drained(engine, scratch, count);
    let last = results.last_us;
    if (engine.name === "rollcall_audit")  // measured to the last row of the audit table
      last = Math.max(last, await scratch.number("SELECT extract(epoch FROM max(recorded_at)) * 1e6 FROM audit.events"));
    const after = cpuTimes(programs[0].pid, context.postmaster);
    for (const program of programs) await program.stop();
    return {
      count,
      per_second: ((count * 0.9) / (last - results.tenth_us)) * 1e6,
      cpu_us: Object.fromEntries(Object.keys(after).map((part) => [part, (after[part] - before[part]) / count])),
      lost: results.lost,
      duplicates: results.duplicates,
      drain,
    };
  } finally {
    await scratch.drop();
  }
}

export async function throughput(context) {
  const found = Object.fromEntries(throughputEngines.filter(({ name }) => context.wanted(name)).map(({ name }) => [name, []]));
  for (let repeat = 0; repeat < context.repeats; ++repeat) {
    for (const engine of throughputEngines.filter(({ name }) => name in found)) {
      const one = await measure(engine, { ...context, repeat });
      context.say(`${engine.name}: ${Math.round(one.per_second)}/s, lost ${one.lost}, twice ${one.duplicates}` +
                  `, cpu us/command ${JSON.stringify(one.cpu_us, (_, v) => (typeof v === "number" ? Math.round(v) : v))}`);
      if (one.lost || !one.drain.complete) context.failed(`${engine.name}: not drained: ${JSON.stringify(one)}`);
      found[engine.name].push(one);
    }
  }
  const figures = Object.fromEntries(Object.entries(found).map(([name, all]) => [name, {
    per_second: summary(all.map((one) => one.per_second)),
    cpu_us: summary(all.map((one) => one.cpu_us.engine + one.cpu_us.postgres + one.cpu_us.kafka)),
    lost: all.reduce((sum, one) => sum + one.lost, 0),
    duplicates: all.reduce((sum, one) => sum + one.duplicates, 0),
  }]));
  const goal = (ours, peer, at_least) => figures[ours] && figures[peer] && {
    what: `no-op runs/s, ${ours} : ${peer}`,
    ratio: figures[ours].per_second.median / figures[peer].per_second.median,
    at_least,
  };
  return {
    unit: "runs/s",
    figures,
    goals: ["rollcall", "rollcall_audit"].flatMap((ours) => [
      goal(ours, "graphile_batched", 1), goal(ours, "graphile_per_job", 10), goal(ours, "kafkajs_pg", 1),
      goal(ours, "bare_loop", 0.85), goal(ours, "bare_loop_claimed", 0.85), goal(ours, "river_gathered", 1)]).filter(Boolean),
  };
}
