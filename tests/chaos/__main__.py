"""See run, beside this file."""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import stream as streams
import verdict as verdicts
from parts import Graph, Kafka, Postgres, Process
from proxy import Proxy
from weather import Weather


def say(words):
    print(words, flush=True)


class World:
    """Everything that runs, and how to reach it."""

    def __init__(self, programs, seed):
        self.programs, self.seed = programs, seed
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rollcall-chaos-"))
        self.open_cli = 0
        self.processes, self.closers = [], []
        self.ids = []

    def start(self):
        (self.folder / "seed.json").write_text(json.dumps(streams.directory()))
        self.proxies = [Proxy(name, self.seed) for name in ("PostgreSQL", "Kafka", "Graph")]
        database, kafka, graph = self.proxies
        self.postgres = Postgres(self.folder / "postgres", database)
        self.closers.append(self.postgres.destroy)
        self.postgres.start()
        self.kafka = Kafka(self.folder / "kafka", kafka)
        self.closers.append(self.kafka.stop)
        self.kafka.start()
        self.graph = Graph(self.programs / "rollcall-sandbox-graph", self.folder, self.folder / "seed.json", self.seed)
        self.closers.append(self.graph.stop)
        graph.target = self.graph.port
        self.brokers = f"127.0.0.1:{kafka.port}"
        self.database = streams.Database(self.postgres)
        self.try_sql, self.sql = self.database.try_sql, self.database.sql
        through = f"http://127.0.0.1:{graph.port}"
        self.environment = {
            "DATABASE_URL": f"postgresql://rollcall@127.0.0.1:{database.port}/rollcall", "KAFKA_BROKERS": self.brokers,
            "MS_GRAPH_URL": through, "MS_AUTH_AUTHORITY": through, "MS_AUTH_TENANT_ID": "tenant", "MS_AUTH_CLIENT_ID": "client",
            "MS_AUTH_SECRET": "secret", "MS_AUTH_ENABLED": "true", "ROLLCALL_OPS_PORT": "0", "ROLLCALL_HOLD_OFF": "3s",
            "ROLLCALL_ATTEMPTS_MAX": "1000", "ROLLCALL_PARK_AFTER": "3s", "ROLLCALL_RESEND_AFTER": "10s", "ROLLCALL_RESCUE_AFTER": "10s",
            "ROLLCALL_GRAPH_RESOURCE_UNITS": "1000000", "ROLLCALL_GRAPH_RESOURCE_UNITS_MAX": "1000000", "ROLLCALL_GRAPH_WRITES": "1000000"}
        self.prepare()
        # One of each kind has a stable name, hence static membership; the other has not.
        for kind, number in (("scheduler", 1), ("member-sync", 1), ("member-sync", 2), ("audit-writer", 1), ("audit-writer", 2)):
            name = f"{kind}-{number}"
            environment = {**self.environment, **({"ROLLCALL_INSTANCE_ID": name} if number == 1 else {})}
            process = Process(name, [self.programs / f"rollcall-{kind}"], environment, self.folder / f"{name}.log")
            process.start()
            self.processes.append(process)

    def prepare(self):
        self.must("migrate")
        self.must("topics", "create")
        for number in range(streams.organizations):
            added = self.must("org", "add", "--name", f"Organization {number}", "--group", streams.group(number), "--json")
            self.ids.append(json.loads(added)["id"])
        self.sql("UPDATE directory.organizations SET removal_policy = 'mirror', "
                 "guards = '{\"removals\": {\"off\": true}, \"empty_roster\": {\"off\": true}}'")

    def rollcall(self, *arguments, timeout=60):
        return subprocess.run([self.programs / "rollcall", *map(str, arguments)], env={**os.environ, **self.environment}, text=True,
                              capture_output=True, timeout=timeout, check=False)

    def must(self, *arguments):
        done = self.rollcall(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"rollcall {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def end(self):
        for process in self.processes:
            if process.running:
                process.running.send_signal(signal.SIGCONT)
                process.running.kill()
                process.running.wait()
        for close in reversed(self.closers):
            try:
                close()
            except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
                say(f"while cleaning up: {problem}")


def last_syncs(world, stream):
    """One more sync of each organization, when nothing goes wrong any more and Graph shows all that was written."""
    time.sleep(4)
    for number in range(streams.organizations):
        stream.command(number, plain=True)
    stream.producer.flush(60)


def run(world, minutes, patience):
    world.start()
    stream = streams.Stream(world.seed, world)
    for number in range(streams.organizations):
        stream.store_roster(number)
    weather = Weather(world.seed, world, say)
    world.graph.set_faults(True)
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,), daemon=True) for work in (stream.go_on, weather.go_on)]
    for thread in threads:
        thread.start()
    try:
        stop.wait(minutes * 60)
    finally:  # also where the test is ended: nothing may be started again after the cleaning up
        stop.set()
        for thread in threads:
            thread.join()
        weather.clear_up()
    for process in world.processes:
        process.look()
    say(f"{len(stream.sent)} commands are sent; waiting for all to settle")
    deadline = time.monotonic() + 100
    while (world.open_cli or stream.quiet is not None) and time.monotonic() < deadline:
        time.sleep(0.2)
    stream.producer.flush(60)
    began = time.monotonic()
    settled = verdicts.settle(world, stream, patience, say)
    took = time.monotonic() - began
    world.graph.set_faults(False)
    last_syncs(world, stream)
    settled = verdicts.settle(world, stream, 60, say) and settled
    for process in world.processes:
        process.look()
    verdict = verdicts.judge(world, stream)
    verdict.require(settled, "not everything settled")
    verdict.few(weather.failed, "things that were to go wrong failed themselves")
    verdict.require(stream.undelivered == 0, f"{stream.undelivered} commands could not be delivered to Kafka by the test itself")
    verdict.tally = {"commands": len(stream.sent), "in doubt": stream.doubtful, "sent twice": stream.duplicates, "dry runs": stream.dry_runs,
                     "cancels": stream.cancels, "poison": stream.poison, "imports": stream.imports, "drifts": stream.drifts,
                     "gone wrong": weather.counts, "settled after s": round(took, 1), **verdict.tally}
    return verdict


def main():
    parser = argparse.ArgumentParser(prog="tests/chaos/run")
    parser.add_argument("minutes", nargs="?", type=float, default=3)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--patience", type=float, default=240, help="seconds in which all must have settled")
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    options = parser.parse_args()
    say(f"seed {options.seed}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    world = World(options.bin.resolve(), options.seed)
    good = False
    try:
        verdict = run(world, options.minutes, options.patience)
        for name, value in verdict.tally.items():
            say(f"  {name}: {value}")
        for words in verdict.problems:
            say(f"WRONG: {words}")
        good = not verdict.problems
        if not good:  # for looking at afterwards
            dump = subprocess.run(["pg_dump", "--inserts", world.postgres.url], capture_output=True, check=False)
            (world.folder / "database.sql").write_bytes(dump.stdout)
            (world.folder / "graph-log.json").write_bytes(world.graph.ask("/sandbox/log")[1])
    finally:
        world.end()
        if good:
            shutil.rmtree(world.folder, ignore_errors=True)
        else:
            say(f"logs: {world.folder}")
    say(f"chaos: {'passed' if good else 'FAILED'} (seed {options.seed})")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
