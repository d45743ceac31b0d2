// A database with Rollcall's tables, an organization and its administrator, and many jobs; the programs that answer about them.
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { randomUUID } from "node:crypto";
import pg from "pg";

import { Program } from "../../engine/lib/processes.mjs";
import { client, startAuthority, tenant } from "./authority.mjs";

const jobs = 20_000;
let worlds = 0;

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function fill(url, person) {
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  for (const file of readdirSync(process.env.BENCH_MIGRATIONS).filter((name) => name.endsWith(".sql")).sort())
    await database.query(readFileSync(`${process.env.BENCH_MIGRATIONS}/${file}`, "utf8"));
  const { rows: [organization] } = await database.query(
    "INSERT INTO directory.organizations (tenant_id, name) VALUES ($1, 'Bench') RETURNING id", [tenant]);
  await database.query(
    "INSERT INTO directory.members (organization_id, email, role, object_id) SELECT $1, 'member' || n || '@contoso.example', CASE n WHEN 1 THEN 'admin' ELSE 'member' END, " +
    "CASE n WHEN 1 THEN $2::uuid ELSE gen_random_uuid() END FROM generate_series(1, 1000) n", [organization.id, person]);
  await database.query(
    "INSERT INTO ops.runs (id, tenant_id, organization_id, worker, operation, state, caller_identity, attempt, created_at, started_at, finished_at, duration_ms, result) " +
    "SELECT gen_random_uuid(), $1, $2, 'member-sync', 'sync-members', 'succeeded', 'cli', 1, now(), now(), now(), 1234, " +
    `'{"added": 12, "removed": 3, "unmatched": 1, "already_member": 980, "unresolved": 2, "failed": 0, "dry_run": false, "requests": {"http": 9, "reads": 5, "writes": 4, "throttled": 0}}' ` +
    "FROM generate_series(1, $3::int)", [tenant, organization.id, jobs]);
  await database.query("VACUUM ANALYZE");
  const { rows: [job] } = await database.query("SELECT id FROM ops.runs LIMIT 1 OFFSET 777");
  const { rows: [open] } = await database.query("UPDATE ops.runs SET state = 'running', finished_at = NULL WHERE id = (SELECT id FROM ops.runs WHERE id <> $1 LIMIT 1) RETURNING id", [job.id]);
  await database.end();
  return { job: job.id, openJob: open.id };
}

/// `asked`: an authority of one's own, and whose person administers the organization.
export async function startWorld(asked = {}) {
  const authority = asked.authority ?? (await startAuthority());
  const person = asked.person ?? randomUUID();
  const server = new URL(process.env.DATABASE_URL);
  const admin = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await admin.connect();
  const name = `bench_front_${process.pid}_${(worlds += 1)}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const url = Object.assign(server, { pathname: `/${name}` }).toString();
  const filled = await fill(url, person);
  const { rows: [{ text }] } = await admin.query("SELECT pg_read_file('postmaster.pid') AS text");
  return {
    ...filled,
    url,
    authority,
    postmaster: Number(text.split("\n")[0]),
    token: await authority.token(person),
    strangers: await authority.token(randomUUID()),
    async front(env = {}) {
      const [port, ops] = [env.ROLLCALL_HTTP_PORT ?? (await freePort()), await freePort()];
      const program = new Program("front", `${process.env.BENCH_BIN}/rollcall-front`, [], {
        DATABASE_URL: url, ROLLCALL_HTTP_PORT: String(port), ROLLCALL_OPS_PORT: String(ops), ROLLCALL_HTTP_RATE: "1000000",
        ROLLCALL_HTTP_BURST: "1000000", ROLLCALL_HTTP_STREAMS: "1000000", ROLLCALL_LOG_LEVEL: "warn", MS_AUTH_AUTHORITY: authority.root, MS_GRAPH_URL: authority.root,
        MS_AUTH_TENANT_ID: tenant, MS_AUTH_CLIENT_ID: client, MS_AUTH_SECRET: "bench", ...env });
      await ready(`http://127.0.0.1:${ops}/readyz`, program);
      return { program, port };
    },
    async peer(processes) {
      const port = await freePort();
      const program = new Program(`peer-${processes}`, process.execPath, [new URL("../peer.mjs", import.meta.url).pathname], {
        DATABASE_URL: url, PEER_PORT: String(port), PEER_PROCESSES: String(processes), PEER_PUBLIC_KEY: authority.publicKey,
        PEER_AUDIENCE: client, PEER_ISSUER: authority.issuer, NODE_ENV: "production" });
      await program.says("listening");
      return { program, port };
    },
    async stop() {
      authority.stop();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    },
  };
}

async function ready(url, program) {
  for (const until = Date.now() + 60_000; Date.now() < until && program.child.exitCode === null; ) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`rollcall-front is not ready; see ${process.env.BENCH_WORK}/log/front.log`);
}
