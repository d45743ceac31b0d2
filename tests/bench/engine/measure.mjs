// Runs the rows one after the other and reports; see run.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";

import { serverFacts } from "./lib/database.mjs";
import { endAll } from "./lib/processes.mjs";
import { table } from "./lib/report.mjs";
import { keys } from "./rows/keys.mjs";
import { latency } from "./rows/latency.mjs";
import { memory } from "./rows/memory.mjs";
import { throughput } from "./rows/throughput.mjs";

const rows = { throughput, latency, keys, memory };
const { values: given } = parseArgs({ options: {
  rows: { type: "string" }, repeats: { type: "string" }, commands: { type: "string" }, only: { type: "string" },
  json: { type: "string" }, quick: { type: "boolean" } } });

function wholeNumber(name, fallback) {
  if (given[name] === undefined) return fallback;
  const number = Number(given[name]);
  if (!Number.isInteger(number) || number < 1) usage(`--${name} takes a whole number from 1 on, not '${given[name]}'`);
  return number;
}
function usage(problem) {
  console.error(`${problem}; see tests/bench/run engine --help`);
  process.exit(2);
}
const chosen = given.rows ? given.rows.split(",") : Object.keys(rows);
for (const row of chosen) if (!rows[row]) usage(`--rows knows ${Object.keys(rows).join(", ")}, not '${row}'`);

const sandbox = process.env.BENCH_KAFKA === "sandbox";
const { facts, postmaster } = await serverFacts();
const versionOf = (name) => JSON.parse(readFileSync(new URL(`package-lock.json`, import.meta.url))).packages[`node_modules/${name}`].version;
const versions = {
  postgresql: facts.version,
  kafka: sandbox ? "sandbox broker" : `Apache Kafka ${/kafka_version=(.*)/.exec(readFileSync(new URL("../../../ops/kafka", import.meta.url), "utf8"))[1]}`,
  librdkafka: execFileSync("pkg-config", ["--modversion", "rdkafka"], { encoding: "utf8" }).trim(),
  node: process.version,
  "graphile-worker": versionOf("graphile-worker"),
  kafkajs: versionOf("kafkajs"),
  pg: versionOf("pg"),
  ...(process.env.BENCH_RIVER && {
    river: /riverqueue\/river (v\S+)/.exec(readFileSync(new URL("peers/river/go.mod", import.meta.url), "utf8"))[1] }),
  "parallel-consumer": /core<\/artifactId><version>([^<]+)/.exec(readFileSync(new URL("peers/pom.xml", import.meta.url), "utf8"))[1],
};
const failures = [];
const context = {
  repeats: wholeNumber("repeats", given.quick ? 2 : 5),
  // The sandbox broker keeps 5 MiB a partition and drops the oldest beyond it without a word.
  commands: wholeNumber("commands", given.quick || sandbox ? 20_000 : 100_000),
  quick: given.quick ?? false,
  sandbox,
  postmaster,
  wanted: (name) => !given.only || given.only.split(",").includes(name),
  say: (text) => console.log(`    ${text}`),
  failed: (text) => failures.push(text),
};
process.on("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

const report = { machine: { processors: cpus().length, model: cpus()[0].model, memory_gib: Math.round(totalmem() / 2 ** 30) },
                 versions, postgresql: facts, repeats: context.repeats, commands: context.commands, rows: {} };
console.log(Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(" · "));
for (const row of chosen) {
  console.log(`==> ${row}`);
  report.rows[row] = await rows[row](context);
}
report.failures = failures;
const file = given.json ?? `${process.env.BENCH_WORK}/engine.json`;
writeFileSync(file, JSON.stringify(report, null, 2) + "\n");
console.log(table(report));
console.log(`as JSON: ${file}`);
for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exit(failures.length ? 1 : 0);
