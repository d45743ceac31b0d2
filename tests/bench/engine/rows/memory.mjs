// A million commands waiting: the worker's memory must not follow the backlog. And what a process costs that does nothing.
import { setTimeout as pause } from "node:timers/promises";

import { Scratch } from "../lib/database.mjs";
import { keys, migrate, rollcallTopics, rollcallWorker } from "../lib/engines.mjs";
import { loadTopic, residentBytes, watchResults } from "../lib/processes.mjs";
import { summary } from "../lib/statistics.mjs";

const mib = (bytes) => bytes / 2 ** 20;

async function answers(port, path) {
  try {
    return (await fetch(`http://127.0.0.1:${port}${path}`)).ok;
  } catch {
    return false;
  }
}

async function idle(tag) {
  const scratch = await Scratch.create();
  try {
    migrate(scratch);
    rollcallTopics(tag, 16);
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const worker = rollcallWorker("rollcall-idle", tag, scratch, { ROLLCALL_OPS_PORT: String(port) });
    while (!(await answers(port, "/readyz"))) {
      if (worker.child.exitCode !== null) throw new Error("the worker ended before it was ready");
      await pause(2);
    }
    const ready_ms = Number(process.hrtime.bigint() - worker.begun) / 1e6;
    await pause(10_000);  // groups joined, first heartbeats sent
    const idle_mib = mib(residentBytes(worker.pid).now);
    await worker.stop();
    return { ready_ms, idle_mib };
  } finally {
    await scratch.drop();
  }
}

async function backlog(tag, count, context) {
  const scratch = await Scratch.create();
  try {
    migrate(scratch);
    rollcallTopics(tag, 16);
    await loadTopic(`${tag}.member-sync.commands`, count, keys);
    const { done } = await watchResults("rollcall.runs", count, 1_800);
    const worker = rollcallWorker("rollcall-backlog", tag, scratch);
    const samples = [];
    let finished = false;
    done.finally(() => (finished = true)).catch(() => {});
    while (!finished && worker.child.exitCode === null) {
      samples.push(mib(residentBytes(worker.pid).now));
      await pause(250);
    }
    const results = await done;
    const peak = mib(residentBytes(worker.pid).peak);
    const settled = await scratch.number("SELECT count(*) FROM ops.runs WHERE state = 'succeeded' AND attempt = 1");
    if (results.lost || settled !== count) context.failed(`backlog: ${settled} of ${count} settled, ${results.lost} results lost`);
    await worker.stop();
    const part = (from, to) => Math.max(...samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to)));
    return { waiting: count, peak_mib: peak, first_quarter_mib: part(0, 0.25), second_quarter_mib: part(0.25, 0.5),
             third_quarter_mib: part(0.5, 0.75), last_quarter_mib: part(0.75, 1) };
  } finally {
    await scratch.drop();
  }
}

export async function memory(context) {
  const idles = [];
  for (let repeat = 0; repeat < context.repeats; ++repeat) idles.push(await idle(`bench-idle-${process.pid}-${repeat}`));
  const waiting = context.quick ? 50_000 : context.sandbox ? context.commands : 1_000_000;
  const figures = {
    idle: { ready_ms: summary(idles.map((one) => one.ready_ms)), idle_mib: summary(idles.map((one) => one.idle_mib)) },
    backlog: await backlog(`bench-backlog-${process.pid}`, waiting, context),
  };
  return {
    unit: "ms, MiB",
    figures,
    goals: [
      { what: "ready", ratio: figures.idle.ready_ms.median, at_most: 150, unit: "ms" },
      { what: "idle, resident", ratio: figures.idle.idle_mib.median, at_most: 20, unit: "MiB" },
      { what: "backlog's last quarter : its first", ratio: figures.backlog.last_quarter_mib / figures.backlog.first_quarter_mib, at_most: 1.1 },
    ],
  };
}
