// Runs the rows one after the other and reports; see run.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";

import { endAll } from "../engine/lib/processes.mjs";
import { table } from "../engine/lib/report.mjs";
import { calls } from "./lib/calls.mjs";
import { latency } from "./lib/latency.mjs";

const rows = { calls, latency };
const { values: given } = parseArgs({ options: {
  rows: { type: "string" }, repeats: { type: "string" }, seconds: { type: "string" }, connections: { type: "string" },
  json: { type: "string" }, quick: { type: "boolean" } } });
function usage(problem) {
  console.error(`${problem}; see tests/bench/run mcp --help`);
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
const versions = { build: process.env.BENCH_BUILD, node: process.version,
                   ...Object.fromEntries(["@modelcontextprotocol/sdk", "express", "zod", "jose", "pg"].map((name) => [name, versionOf(name)])),
                   PostgreSQL: execFileSync("psql", ["-qtAX", process.env.DATABASE_URL, "-c", "SHOW server_version"], { encoding: "utf8" }).split(" ")[0],
                   wrk: execFileSync("sh", ["-c", "wrk --version 2>&1 | sed -n '1s/ \\[.*//p'"], { encoding: "utf8" }).trim() };
const failures = [];
process.on("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
const context = {
  processors: cpus().length,
  repeats: wholeNumber("repeats", given.repeats ?? (given.quick ? 1 : 3)),
  seconds: wholeNumber("seconds", given.seconds ?? (given.quick ? 2 : 5)),
  connections: (given.connections ?? "16,64").split(",").map((one) => wholeNumber("connections", one)),
  quick: given.quick ?? false,
  say: (text) => console.log(`    ${text}`),
  failed: (text) => failures.push(text),
};
const report = { machine: { processors: cpus().length, model: cpus()[0].model, memory_gib: Math.round(totalmem() / 2 ** 30) }, versions, rows: {} };
console.log(Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(" · "));
for (const row of chosen) {
  console.log(`==> ${row}`);
  report.rows[row] = await rows[row](context);
}
report.failures = failures;
const file = given.json ?? `${process.env.BENCH_WORK}/mcp.json`;
writeFileSync(file, JSON.stringify(report, null, 2) + "\n");
console.log(table(report));
console.log(`as JSON: ${file}`);
for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exit(failures.length ? 1 : 0);
