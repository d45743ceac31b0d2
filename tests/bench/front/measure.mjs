// Runs the rows one after the other and reports; see run.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";

import { endAll } from "../engine/lib/processes.mjs";
import { table } from "../engine/lib/report.mjs";
import { readers } from "./lib/readers.mjs";
import { status } from "./lib/status.mjs";
import { startWorld } from "./lib/world.mjs";

const rows = { status, readers };
const { values: given } = parseArgs({ options: {
  rows: { type: "string" }, repeats: { type: "string" }, seconds: { type: "string" }, connections: { type: "string" },
  readers: { type: "string" }, json: { type: "string" }, quick: { type: "boolean" } } });
function usage(problem) {
  console.error(`${problem}; see tests/bench/run front --help`);
  process.exit(2);
}
function wholeNumber(name, text) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) usage(`--${name} takes whole numbers from 1 on, not '${text}'`);
  return number;
}
const chosen = given.rows ? given.rows.split(",") : Object.keys(rows);
for (const row of chosen) if (!rows[row]) usage(`--rows knows ${Object.keys(rows).join(", ")}, not '${row}'`);

const versionOf = (name) => JSON.parse(readFileSync(new URL("package-lock.json", import.meta.url))).packages[`node_modules/${name}`].version;
const versions = { node: process.version, fastify: versionOf("fastify"), "@fastify/jwt": versionOf("@fastify/jwt"), pg: versionOf("pg"),
                   wrk: execFileSync("sh", ["-c", "wrk --version 2>&1 | sed -n '1s/ \\[.*//p'"], { encoding: "utf8" }).trim() };
const failures = [];
process.on("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
const context = {
  world: await startWorld(),
  processors: cpus().length,
  repeats: wholeNumber("repeats", given.repeats ?? (given.quick ? 1 : 3)),
  seconds: wholeNumber("seconds", given.seconds ?? (given.quick ? 2 : 5)),
  connections: (given.connections ?? "1,16,64,256").split(",").map((one) => wholeNumber("connections", one)),
  readers: wholeNumber("readers", given.readers ?? 10_000),
  say: (text) => console.log(`    ${text}`),
  failed: (text) => failures.push(text),
};
const report = { machine: { processors: cpus().length, model: cpus()[0].model, memory_gib: Math.round(totalmem() / 2 ** 30) }, versions, rows: {} };
console.log(Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(" · "));
for (const row of chosen) {
  console.log(`==> ${row}`);
  report.rows[row] = await rows[row](context);
}
await context.world.stop();
report.failures = failures;
const file = given.json ?? `${process.env.BENCH_WORK}/front.json`;
writeFileSync(file, JSON.stringify(report, null, 2) + "\n");
console.log(table(report));
console.log(`as JSON: ${file}`);
for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exit(failures.length ? 1 : 0);
