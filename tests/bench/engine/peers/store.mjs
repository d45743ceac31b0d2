// What both peers on Node.js write: run and audit row in one statement for many, and the results to their topic.
import { Kafka, Partitioners, logLevel } from "kafkajs";
import pg from "pg";

export const results = "bench.results";
export const kafka = new Kafka({ clientId: "bench", brokers: process.env.KAFKA_BROKERS.split(","), logLevel: logLevel.ERROR });
export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
export const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: false });

const insert = {
  name: "runs",
  text: `WITH given AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[]) AS g(id, organization, operation, result)),
    runs AS (INSERT INTO bench.runs (id, organization_id, operation, state, result, finished_at)
      SELECT id, organization, operation, 'succeeded', result, now() FROM given
      ON CONFLICT (id) DO UPDATE SET state = excluded.state, result = excluded.result, finished_at = now())
    INSERT INTO bench.audit (run_id, action, organization_id, detail) SELECT id, 'noop', organization, '{"attempt": 1}' FROM given
      ON CONFLICT DO NOTHING`,
};

/// `runs`: [{command, result}]. Returns when rows and results are as safe as they get.
export async function settle(runs, topic = results) {
  await pool.query({ ...insert, values: [runs.map((r) => r.command.run_id), runs.map((r) => r.command.organization_id),
                                         runs.map((r) => r.command.operation), runs.map((r) => JSON.stringify(r.result))] });
  await producer.send({ topic, acks: -1, messages: runs.map(({ command, result }) => ({
    key: command.organization_id,
    value: JSON.stringify({ run_id: command.run_id, organization_id: command.organization_id, operation: command.operation,
                            state: "succeeded", attempt: 1, result }),
  })) });
}

export const nowUs = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
