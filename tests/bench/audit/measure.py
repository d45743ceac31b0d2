"""audit-writer against a bare idempotent batch loop and plain COPY: the same events, the same table with the same indexes."""
import json
import os
import signal
import statistics
import subprocess
import sys
import time

work, binaries, brokers, server = (os.environ[name] for name in ("BENCH_WORK", "BENCH_BIN", "KAFKA_BROKERS", "DATABASE_URL"))
peers, topic_tool = f"{work}/bin/peers", f"{work}/bin/topic"
count, repeats, batch, report = int(sys.argv[1]), int(sys.argv[2]), 2000, sys.argv[3]
base = server.rsplit("/", 1)[0]
loaded = f"bench.audit-{os.getpid()}"  # Kafka keeps its data from one call to the next

TABLE = """
CREATE SCHEMA bench;
CREATE TABLE bench.events (event_id uuid NOT NULL, occurred_at timestamptz NOT NULL, tenant_id text NOT NULL, organization_id uuid,
  group_id uuid, run_id uuid, actor text NOT NULL, action text NOT NULL, member_object_id uuid, graph_request_id text,
  detail jsonb NOT NULL DEFAULT '{}', recorded_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (event_id, occurred_at))
  PARTITION BY RANGE (occurred_at);
CREATE INDEX ON bench.events (organization_id, occurred_at);
CREATE INDEX ON bench.events (run_id);
CREATE INDEX ON bench.events USING brin (occurred_at);
CREATE TABLE bench.events_all PARTITION OF bench.events FOR VALUES FROM ('2020-01-01') TO ('2100-01-01');
"""


def sql(database, text):
    done = subprocess.run(["psql", "-qtAX", "-v", "ON_ERROR_STOP=1", database, "-c", text], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: {done.stderr}")
    return done.stdout.strip()


def scratch(name):
    sql(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    sql(server, f"CREATE DATABASE {name}")
    sql(server, "CHECKPOINT")
    return f"{base}/{name}"


def rate(database, table):
    """Whole cycles: from the first batch's write to the last's, without what the last one holds."""
    return float(sql(database, f"SELECT count(*) FILTER (WHERE recorded_at < (SELECT max(recorded_at) FROM {table})) / "
                               f"extract(epoch FROM max(recorded_at) - min(recorded_at)) FROM {table}"))


def server_cpu():
    """Processor time of PostgreSQL and all its children, also of those that have ended, in microseconds."""
    time.sleep(0.5)  # a session that is just ending would be counted neither as a child nor as one that has ended
    total = 0
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/stat") as stat:
                fields = stat.read().rsplit(") ", 1)[1].split()
        except (OSError, IndexError):
            continue
        if entry == postmaster or fields[1] == postmaster:
            total += sum(int(field) for field in fields[11:15]) * 10_000
    return total


def stands(database, table):
    found = int(sql(database, f"SELECT count(*) FROM {table}"))
    if found != count:
        raise SystemExit(f"error: {found} of {count} events stand in {table}")


def finish(process):
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"error: {process.args[0]} ended with {status}; see {work}/log")
    return (used.ru_utime + used.ru_stime) * 1e6 / count


def peer(mode):
    database = scratch("bench_audit")
    sql(database, TABLE)
    before = server_cpu()
    used = finish(subprocess.Popen([peers, mode, brokers, loaded, database, str(count), str(batch)]))
    of_server = (server_cpu() - before) / count
    stands(database, "bench.events")
    return rate(database, "bench.events"), used, of_server


def rollcall():
    database = scratch("bench_audit")
    environment = {**os.environ, "DATABASE_URL": database, "ROLLCALL_OPS_PORT": "0", "ROLLCALL_LOG_LEVEL": "warn"}
    subprocess.run([f"{binaries}/rollcall", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([peers, "load", brokers, "rollcall.audit", str(count)], check=True)
    before = server_cpu()
    with open(f"{work}/log/audit-writer.log", "a") as log:
        process = subprocess.Popen([f"{binaries}/rollcall-audit-writer"], env=environment, stdout=log, stderr=log)
    # Seals are few, so that asking does not weigh.
    while sql(database, "SELECT coalesce(sum(events), 0) FROM audit.seals") != str(count):
        if process.poll() is not None:
            raise SystemExit(f"error: rollcall-audit-writer ended; see {work}/log/audit-writer.log")
        time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    used = finish(process)
    of_server = (server_cpu() - before) / count
    stands(database, "audit.events")
    measured = rate(database, "audit.events")
    begun = time.monotonic()
    subprocess.run([f"{binaries}/rollcall", "audit", "verify"], env=environment, check=True, stdout=subprocess.DEVNULL)
    verified.append(count / (time.monotonic() - begun))
    return measured, used, of_server


def text(values):
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}-{max(values):,.0f})"


postmaster = sql(server, "SELECT pg_read_file('postmaster.pid')").split("\n")[0]
verified = []
engines = {"rollcall-audit-writer": rollcall, "bare idempotent batch loop": lambda: peer("batch"), "plain COPY": lambda: peer("copy")}
subprocess.run([topic_tool, "create", brokers, "4", "rollcall.audit", loaded], check=True, stdout=subprocess.DEVNULL)
subprocess.run([topic_tool, "create", brokers, "1", "rollcall.audit-roots", "rollcall.audit.dead"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([peers, "load", brokers, loaded, str(count)], check=True)
rates, cpu, servers = ({name: [] for name in engines} for _ in range(3))
for i in range(repeats):
    for name, engine in list(engines.items())[:: 1 if i % 2 == 0 else -1]:
        measured, used, of_server = engine()
        rates[name].append(measured)
        cpu[name].append(used)
        servers[name].append(of_server)
        print(f"{i + 1}/{repeats} {name}: {measured:,.0f} events/s, {used:.1f} + {of_server:.1f} us of processor time", file=sys.stderr)
print(f"{count} events, batches of {batch}, {repeats} repeats: events/s, median (range); processor time in us an event, its own + PostgreSQL's")
for name in engines:
    print(f"  {name:28} {text(rates[name]):>28} {statistics.median(cpu[name]):8.1f} + {statistics.median(servers[name]):.1f}")
print(f"  {'rollcall audit verify':28} {text(verified):>28}")
own = statistics.median(rates["rollcall-audit-writer"])
for name, goal in (("bare idempotent batch loop", 0.9), ("plain COPY", 0.5)):
    ratio = own / statistics.median(rates[name])
    print(f"  {ratio:.2f} x {name} (goal: >= {goal}): {'met' if ratio >= goal else 'NOT met'}")
with open(report, "w") as out:
    json.dump({"events": count, "repeats": repeats, "events_per_second": rates, "cpu_us": cpu, "postgresql_us": servers, "verified_per_second": verified}, out, indent=1)
