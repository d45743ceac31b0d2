// A database of its own for every measurement: the same emptiness, the same statistics, no bloat of the one before.
import pg from "pg";

const server = new URL(process.env.DATABASE_URL);
const urlOf = (name) => Object.assign(new URL(server), { pathname: `/${name}` }).toString();

async function administer(...statements) {
  const client = new pg.Client({ connectionString: urlOf("postgres") });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

export class Scratch {
  static async create() {
    const scratch = new Scratch();
    scratch.name = `bench_${process.pid}_${(Scratch.count = (Scratch.count ?? 0) + 1)}`;
    await administer(`CREATE DATABASE ${scratch.name}`, "CHECKPOINT");
    scratch.url = urlOf(scratch.name);
    scratch.client = new pg.Client({ connectionString: scratch.url });
    await scratch.client.connect();
    return scratch;
  }
  async sql(text) {
    return (await this.client.query(text)).rows;
  }
  async number(text) {
    const [row] = await this.sql(text);
    return Number(Object.values(row)[0]);
  }
  async drop() {
    await this.client.end();
    await administer(`DROP DATABASE ${this.name} WITH (FORCE)`);
  }
}

/// What the figures were measured on. Refuses a server that does not keep what it is told.
export async function serverFacts() {
  const client = new pg.Client({ connectionString: urlOf("postgres") });
  await client.connect();
  const show = async (name) => (await client.query(`SHOW ${name}`)).rows[0][name];
  const facts = { version: await show("server_version"), fsync: await show("fsync"),
                  synchronous_commit: await show("synchronous_commit"), shared_buffers: await show("shared_buffers") };
  const postmaster = (await client.query("SELECT pg_read_file('postmaster.pid') AS text")).rows[0].text.split("\n")[0];
  await client.end();
  if (facts.fsync !== "on" || facts.synchronous_commit !== "on")
    throw new Error("PostgreSQL must run with fsync and synchronous_commit on");
  return { facts, postmaster: Number(postmaster) };
}
