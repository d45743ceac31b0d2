// The peer: job status as one would write it with Fastify and pg. Prepared statement, serializer from a schema, verified
// tokens remembered, one process or several.
import fastifyJwt from "@fastify/jwt";
import cluster from "node:cluster";
import Fastify from "fastify";
import pg from "pg";

const processes = Number(process.env.PEER_PROCESSES);
if (cluster.isPrimary && processes > 1) {
  let listening = 0;
  cluster.on("listening", () => ++listening === processes && console.log("listening"));
  for (let i = 0; i < processes; ++i) cluster.fork();
} else {
  const text = { type: "string" };
  const maybe = { type: "string", nullable: true };
  const job = {
    type: "object",
    properties: {
      id: text, job_id: text, state: text, status: text, worker: text, operation: text, organization_id: maybe, requested_by: text,
      created_at: text, started_at: maybe, finished_at: maybe, resume_at: maybe, duration_ms: { type: "integer", nullable: true },
      attempt: { type: "integer" }, cancel_requested: { type: "boolean" },
      progress: { type: "object", nullable: true, additionalProperties: true },
      result: { type: "object", nullable: true, additionalProperties: true },
      error: { type: "object", nullable: true, additionalProperties: true }, joined_to: maybe,
      links: { type: "object", properties: { self: text, events: text } },
    },
  };
  const statuses = { queued: "NotStarted", succeeded: "Succeeded", failed: "Failed", cancelled: "Canceled" };
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
  const iso = (time) => time?.toISOString() ?? null;
  const app = Fastify({ logger: false });
  await app.register(fastifyJwt, {
    secret: { public: process.env.PEER_PUBLIC_KEY },
    verify: { algorithms: ["RS256"], allowedAud: process.env.PEER_AUDIENCE, allowedIss: process.env.PEER_ISSUER, cache: true },
  });
  app.addHook("onRequest", (request) => request.jwtVerify());
  app.get("/api/v1/jobs/:job", { schema: { response: { 200: job } } }, async (request, reply) => {
    const { tid, oid } = request.user;
    const { rows: [row] } = await pool.query({
      name: "job",
      text: `SELECT r.id, r.state, r.worker, r.operation, r.organization_id, r.joined_to, r.caller_identity, r.attempt,
                    r.cancel_requested, r.created_at, r.started_at, r.finished_at, r.resume_at, r.duration_ms, r.progress,
                    r.result, r.error_code, r.error_message
               FROM ops.runs r WHERE r.id = $1 AND (r.caller_identity = $2 OR EXISTS (
                    SELECT FROM directory.known_members k WHERE k.organization_id = r.organization_id
                       AND k.object_id = $3 AND k.tenant_id = $4 AND k.role IN ('admin', 'owner')))`,
      values: [request.params.job, `${tid}/${oid}`, oid, tid],
    });
    if (!row) return reply.code(404).send({ code: "job_not_found" });
    const self = `http://${request.headers.host}/api/v1/jobs/${row.id}`;
    return {
      ...row, job_id: row.id, status: statuses[row.state] ?? "Running", requested_by: row.caller_identity,
      created_at: iso(row.created_at), started_at: iso(row.started_at), finished_at: iso(row.finished_at),
      resume_at: iso(row.resume_at), duration_ms: row.duration_ms === null ? null : Number(row.duration_ms),
      error: row.error_code ? { code: row.error_code, message: row.error_message } : null,
      links: { self, events: `${self}/events` },
    };
  });
  await app.listen({ host: "127.0.0.1", port: Number(process.env.PEER_PORT) });
  if (!cluster.isWorker) console.log("listening");
}
