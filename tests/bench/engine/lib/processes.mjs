// Starting, watching and ending the programs that are measured, and what the kernel knows about them.
import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

export const work = process.env.BENCH_WORK;
export const brokers = process.env.KAFKA_BROKERS;
const topicTool = `${work}/bin/topic`;
const running = new Set();

export class Program {
  constructor(name, command, args, env = {}) {
    const log = openSync(`${work}/log/${name}.log`, "a");
    this.name = name;
    this.begun = process.hrtime.bigint();
    this.lines = [];
    this.child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", log] });
    closeSync(log);
    running.add(this);
    this.ended = new Promise((resolve) => {
      this.child.once("error", (error) => resolve(`${error.message}`));
      this.child.once("close", (code, signal) => {
        running.delete(this);
        resolve(code ?? signal);
      });
    });
    createInterface({ input: this.child.stdout }).on("line", (line) => this.lines.push(line));
  }
  get pid() {
    return this.child.pid;
  }
  /// Waits for a line on its output; fails where it ends first.
  async says(text, seconds = 60) {
    const until = Date.now() + seconds * 1000;
    while (!this.lines.some((line) => line.includes(text))) {
      if (this.child.exitCode !== null || Date.now() > until)
        throw new Error(`${this.name} did not say '${text}'; see ${work}/log/${this.name}.log`);
      await pause(5);
    }
  }
  async finished() {
    const code = await this.ended;
    if (code !== 0) throw new Error(`${this.name} ended with ${code}; see ${work}/log/${this.name}.log`);
    return this.lines;
  }
  /// SIGTERM, then its last words.
  async stop() {
    this.child.kill("SIGTERM");
    const killer = setTimeout(() => this.child.kill("SIGKILL"), 40_000);
    await this.ended;
    clearTimeout(killer);
    return this.lines;
  }
}

export function endAll() {
  for (const program of running) program.child.kill("SIGKILL");
}

export function createTopics(partitions, ...names) {
  const done = spawnSync(topicTool, ["create", brokers, String(partitions), ...names], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`topics: ${done.stderr}`);
}
export const loadTopic = (topic, count, keys, first = 1) =>
  new Program("load", topicTool, ["load", brokers, topic, String(count), String(keys), String(first)]).finished();
export const paceTopic = (topic, count, keys, perSecond) =>
  new Program("pace", topicTool, ["pace", brokers, topic, String(count), String(keys), "1", String(perSecond)]);

/// Watches the topic of results from its present end on. Answers once it does; `done` is then {results, lost, duplicates, …_us} and, where asked
/// for, `each`: [[sequence, arrived_us, started_us]].
export async function watchResults(topic, count, seconds, each = false) {
  const watcher = new Program("watch", topicTool, ["watch", brokers, topic, String(count), "1", String(seconds)],
                              each ? { TOPIC_EACH: "1" } : {});
  await watcher.says("watching");
  const done = watcher.finished().then((lines) => ({
    ...JSON.parse(lines.at(-1)),
    each: lines.slice(1, -1).map((line) => line.split(" ").map(Number)),
  }));
  done.catch(() => {});  // whoever awaits it hears of it; the engine may fail first
  return { done };
}

// Processor time in microseconds, of a process and of the children it has seen end.
function cpuOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
    return [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) * 10_000;
  } catch {
    return 0;
  }
}
function childrenOf(pid) {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\) /, "").split(" ")[1] === String(pid);
    } catch {
      return false;
    }
  });
}
/// With the children it has now.
export const cpuOfFamily = (pid) => [pid, ...childrenOf(pid)].reduce((sum, one) => sum + cpuOf(one), 0);
export function cpuTimes(engine, postmaster) {
  return {
    engine: cpuOf(engine),
    postgres: cpuOfFamily(postmaster),
    kafka: cpuOf(process.env.BENCH_KAFKA_PID),
  };
}
export function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return { now: kib("VmRSS") * 1024, peak: kib("VmHWM") * 1024 };
}
