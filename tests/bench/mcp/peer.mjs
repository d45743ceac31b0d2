// The peer: the tool get_job as one would write it with the official SDK, after its examples simpleStatelessStreamableHttp and
// jsonResponseStreamableHttp: Express, answers as JSON, zod schemas of what comes in and goes out, pg with a pool and named
// statements, jose for tokens, which are remembered once verified. PEER_SESSIONS: one server for each session instead of one for
// each request. PEER_RECORD: every call stands in ops.runs before anything happens, and what came of it afterwards, with an audit
// event in the outbox. PEER_PROCESSES: as many processes.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { isInitializeRequest } from "@modelcontextprotocol/sdk/types.js";
import { importSPKI, jwtVerify } from "jose";
import cluster from "node:cluster";
import { createHash, randomUUID } from "node:crypto";
import pg from "pg";
import * as z from "zod/v4";

const { DATABASE_URL, PEER_PORT, PEER_PUBLIC_KEY, PEER_AUDIENCE, PEER_ISSUER } = process.env;
const processes = Number(process.env.PEER_PROCESSES);
const [recorded, inSessions] = [process.env.PEER_RECORD === "1", process.env.PEER_SESSIONS === "1"];

const time = z.iso.datetime();
const job = {
  id: z.uuid(), job_id: z.uuid(), kind: z.enum(["job", "call"]),
  state: z.enum(["queued", "running", "waiting", "needs_approval", "succeeded", "failed", "cancelled", "pending"]),
  status: z.enum(["NotStarted", "Running", "Succeeded", "Failed", "Canceled"]),
  worker: z.string(), operation: z.string(), organization_id: z.string().nullable(), requested_by: z.string(),
  created_at: time, started_at: time.nullable(), finished_at: time.nullable(), resume_at: time.nullable(),
  duration_ms: z.int().min(0).nullable(), attempt: z.int().min(0), cancel_requested: z.boolean(),
  progress: z.looseObject({ done: z.int().optional(), total: z.int().optional() }).nullable(),
  result: z.looseObject({}).nullable(), plan_digest: z.string().nullable(),
  error: z.strictObject({ code: z.string(), message: z.string(), cure: z.string() }).nullable(),
  joined_to: z.uuid().nullable(), links: z.looseObject({ self: z.url(), events: z.url() }),
};
const statuses = { queued: "NotStarted", succeeded: "Succeeded", failed: "Failed", cancelled: "Canceled" };

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
const iso = (at) => at?.toISOString() ?? null;
async function find(id, { tid, oid }) {
  const { rows: [row] } = await pool.query({
    name: "job",
    text: `SELECT r.id, r.kind, r.state, r.worker, r.operation, r.organization_id, r.joined_to, r.caller_identity, r.attempt,
                  r.cancel_requested, r.created_at, r.started_at, r.finished_at, r.resume_at, r.duration_ms, r.progress,
                  r.result, CASE WHEN r.state = 'needs_approval' THEN r.result ->> 'plan_digest' END AS plan_digest,
                  r.error_code, r.error_message
             FROM ops.runs r WHERE r.id = $1 AND (r.caller_identity = $2 OR EXISTS (
                  SELECT FROM directory.known_members k WHERE k.organization_id = r.organization_id
                     AND k.object_id = $3 AND k.tenant_id = $4 AND k.role IN ('admin', 'owner')))`,
    values: [id, `${tid}/${oid}`, oid, tid],
  });
  if (!row) return null;
  const self = `http://127.0.0.1:${PEER_PORT}/api/v1/jobs/${row.id}`;
  return {
    id: row.id, job_id: row.id, kind: row.kind, state: row.state, status: statuses[row.state] ?? "Running", worker: row.worker,
    operation: row.operation, organization_id: row.organization_id, requested_by: row.caller_identity,
    created_at: iso(row.created_at), started_at: iso(row.started_at), finished_at: iso(row.finished_at),
    resume_at: iso(row.resume_at), duration_ms: row.duration_ms === null ? null : Number(row.duration_ms), attempt: row.attempt,
    cancel_requested: row.cancel_requested, progress: row.progress, result: row.result, plan_digest: row.plan_digest,
    error: row.error_code ? { code: row.error_code, message: row.error_message, cure: "" } : null, joined_to: row.joined_to,
    links: { self, events: `${self}/events` },
  };
}

/// Runs `work` with the call on record: one statement before, one after, each durable.
async function onRecord(operation, parameters, { tid, oid }, work) {
  const [id, begun, caller] = [randomUUID(), performance.now(), `${tid}/${oid}`];
  const hash = createHash("sha256").update(JSON.stringify(parameters)).digest("hex");
  await pool.query({
    name: "begin",
    text: `INSERT INTO ops.runs (id, kind, state, tenant_id, worker, operation, caller_identity, parameters_hash, claimed_by, started_at)
           VALUES ($1, 'call', 'pending', $2, 'mcp', $3, $4, $5, 'peer', now())`,
    values: [id, tid, operation, caller, hash],
  });
  const result = await work().catch((error) => ({ isError: true, content: [{ type: "text", text: error.message }] }));
  const [code, took] = [result.isError ? "failed" : null, Math.round(performance.now() - begun)];
  const [event, now] = [randomUUID(), new Date().toISOString()];
  const payload = JSON.stringify({
    event_id: event, occurred_at: now, tenant_id: tid, actor: caller, action: "agent_call", run_id: id,
    detail: { surface: "mcp", operation, outcome: code ? "error" : "success", parameters_hash: hash, duration_ms: took } });
  await pool.query({
    name: "settle",
    text: `WITH settled AS (
             UPDATE ops.runs SET state = $2, outcome = $3, error_code = $4, duration_ms = $5, finished_at = clock_timestamp(),
                    claimed_by = NULL, result = $6 WHERE id = $1 AND state = 'pending' RETURNING id)
           INSERT INTO ops.outbox (messages) SELECT $7::jsonb FROM settled`,
    values: [id, code ? "failed" : "succeeded", code ? "error" : "success", code, took, { status: code ? 500 : 200 },
             JSON.stringify([{ topic: "rollcall.audit", key: id, payload,
                               headers: { ce_specversion: "1.0", ce_id: event, ce_source: "/rollcall", ce_type: "rollcall.audit-event.v1",
                                          ce_time: now, "content-type": "application/json" } }])],
  });
  return result;
}

function makeServer() {
  const server = new McpServer({ name: "peer", version: "1.0.0" });
  server.registerTool("get_job", {
    title: "Get a job",
    description: "One job: its state, progress, result or error with what to do about it, and the digest of a plan that waits for approval.",
    inputSchema: { job: z.uuid().describe("Id (UUID) of the job: from list_jobs, or from what started it.") },
    outputSchema: job,
    annotations: { readOnlyHint: true, openWorldHint: false },
  }, async (parameters, { authInfo }) => {
    const work = async () => {
      const found = await find(parameters.job, authInfo.extra);
      if (!found) return { isError: true, content: [{ type: "text", text: "There is no such job. [job_not_found]" }] };
      return { content: [{ type: "text", text: JSON.stringify(found) }], structuredContent: found };
    };
    return recorded ? onRecord("get_job", parameters, authInfo.extra, work) : work();
  });
  return server;
}

async function serve() {
  const key = await importSPKI(PEER_PUBLIC_KEY, "RS256");
  const verified = new Map();
  const verifyAccessToken = async (token) => {
    const known = verified.get(token);
    if (known && known.expiresAt * 1000 > Date.now()) return known;
    const { payload } = await jwtVerify(token, key, { algorithms: ["RS256"], audience: PEER_AUDIENCE, issuer: PEER_ISSUER })
      .catch((error) => { throw new InvalidTokenError(error.message); });
    const facts = { token, clientId: payload.azp, scopes: payload.scp.split(" "), expiresAt: payload.exp, extra: { tid: payload.tid, oid: payload.oid } };
    verified.set(token, facts);
    return facts;
  };
  const app = createMcpExpressApp();
  const sessions = new Map();
  app.use(requireBearerAuth({ verifier: { verifyAccessToken } }));
  app.post("/mcp", async (request, response) => {
    if (!inSessions) {
      const server = makeServer();
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
      response.on("close", () => { transport.close(); server.close(); });
      await server.connect(transport);
      return transport.handleRequest(request, response, request.body);
    }
    const known = sessions.get(request.headers["mcp-session-id"]);
    if (known) return known.handleRequest(request, response, request.body);
    if (!isInitializeRequest(request.body)) return response.status(404).end();
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(), enableJsonResponse: true, onsessioninitialized: (id) => sessions.set(id, transport) });
    await makeServer().connect(transport);
    return transport.handleRequest(request, response, request.body);
  });
  app.listen(Number(PEER_PORT), "127.0.0.1", () => cluster.isWorker || console.log("listening"));
}

if (cluster.isPrimary && processes > 1) {
  let listening = 0;
  cluster.on("listening", () => ++listening === processes && console.log("listening"));
  for (let i = 0; i < processes; ++i) cluster.fork();
} else {
  await serve();
}
