"""The numbered commands, and the drift of rosters and groups under them."""
import csv
import json
import random
import subprocess
import threading
import time

import confluent_kafka
import psycopg2

people, organizations, rostered = 240, 8, 40
strangers = range(200, 240)  # never on a roster: the test alone puts them into groups
commands_topic, ticks_topic = "rollcall.member-sync.commands", "rollcall.member-sync.ticks"


def person(number):
    return f"00000000-0000-4000-8000-{1000000 + number:012d}"


def address(number):
    return f"person{number}@contoso.example"


def group(number):
    return f"c0a7e500-5a1e-4c0d-8e11-{number:012d}"


def directory():
    """The tenant's people and groups, each group a little off its first roster."""
    chance = random.Random("directory")
    users = [{"id": person(n), "mail": address(n), "userPrincipalName": address(n), "displayName": f"Person {n}"} for n in range(people)]
    groups = [{"id": group(n), "displayName": f"Group {n}", "kind": "microsoft365", "owners": [],
               "members": [person(one) for one in chance.sample(range(200), 30)]} for n in range(organizations)]
    return {"users": users, "groups": groups}


class Stream:
    """Sends until told to stop. What it sent stands in `sent`: run id → what it asked."""

    def __init__(self, seed, world):
        self.random = random.Random(f"stream {seed}")
        self.seed, self.world = seed, world
        self.sent = {}
        self.duplicates = self.dry_runs = self.cancels = self.poison = self.imports = self.drifts = 0
        self.doubtful = 0  # `rollcall sync` that ended in an error: there may be a run of it, or not
        self.undelivered = 0
        self.number = 0
        self.quiet = None  # the organization whose group the test is about to change
        self.producer = confluent_kafka.Producer({
            "bootstrap.servers": world.brokers, "acks": "all", "enable.idempotence": True, "partitioner": "murmur2_random",
            "delivery.timeout.ms": 600000, "reconnect.backoff.max.ms": 1000, "linger.ms": 1, "log_level": 0})
        self.rosters = [self.random.sample(range(200), rostered) for _ in range(organizations)]

    def run_id(self):
        self.number += 1
        return f"{self.seed % 2**32:08x}-0000-4000-8000-{self.number:012x}"

    def go_on(self, stop):
        turns = [(self.command, 62), (self.through_cli, 12), (self.duplicate, 10), (self.cancel, 5), (self.import_roster, 6), (self.drift, 3),
                 (self.send_poison, 2)]
        while not stop.is_set():
            self.random.choices([one for one, _ in turns], [weight for _, weight in turns])[0]()
            self.producer.poll(0)
            stop.wait(self.random.expovariate(6))

    def organization(self):
        return self.random.choice([n for n in range(organizations) if n != self.quiet])

    def send(self, topic, organization, value):
        def delivered(error, _):
            if error:
                self.undelivered += 1
        self.producer.produce(topic, json.dumps(value), key=self.world.ids[organization], on_delivery=delivered,
                              headers={"ce_type": "rollcall.member-sync.command.v1"})

    def command(self, organization=None, plain=False):
        organization = self.organization() if organization is None else organization
        run = self.run_id()
        value = {"run_id": run, "operation": "sync-members", "organization_id": self.world.ids[organization], "requested_by": "chaos"}
        if not plain and self.random.random() < 0.12:
            value["dry_run"] = True
            self.dry_runs += 1
        if not plain and self.random.random() < 0.2:
            value["full_read"] = True
        topic = ticks_topic if self.random.random() < 0.25 else commands_topic
        self.sent[run] = (topic, organization, value)
        self.send(topic, organization, value)
        return run

    def duplicate(self):
        direct = [one for one in self.sent.values() if one[0]]
        if not direct:
            return
        topic, organization, value = self.random.choice(direct[-40:])
        if organization == self.quiet:
            return
        for _ in range(self.random.randint(1, 3)):
            self.duplicates += 1
            self.send(topic, organization, value)

    def through_cli(self):
        threading.Thread(target=self._through_cli, args=(self.organization(), self.random.random() < 0.1), daemon=True).start()

    def _through_cli(self, organization, dry):
        arguments = ["sync", self.world.ids[organization], "--json"] + (["--dry-run"] if dry else [])
        self.world.open_cli += 1
        try:
            done = self.world.rollcall(*arguments, timeout=90)
            if done.returncode == 0:
                self.sent[json.loads(done.stdout)["job_id"]] = (None, organization, {})
            else:
                self.doubtful += 1
        except subprocess.TimeoutExpired:
            self.doubtful += 1
        finally:
            self.world.open_cli -= 1

    def cancel(self):
        recent = list(self.sent)[-10:]
        if recent and self.world.try_sql("UPDATE ops.runs SET cancel_requested = true WHERE id = %s AND finished_at IS NULL",
                                         [self.random.choice(recent)]) is not None:
            self.cancels += 1

    def send_poison(self):
        self.poison += 1
        self.producer.produce(commands_topic, f'{{"poison":{self.poison}}}', key=str(self.poison))

    def import_roster(self):
        organization = self.organization()
        roster = self.rosters[organization]
        for _ in range(self.random.randint(1, 6)):
            if self.random.random() < 0.5 and len(roster) > 25:
                roster.remove(self.random.choice(roster))
            else:
                roster.append(self.random.choice([one for one in range(200) if one not in roster]))
        self.store_roster(organization)

    def store_roster(self, organization):
        """Through the command line; where it fails, the roster stays what it was."""
        file = self.world.folder / f"roster-{organization}.csv"
        with open(file, "w", newline="", encoding="utf-8") as text:
            rows = csv.writer(text)
            rows.writerow(["email", "display_name", "role"])
            rows.writerows([address(one), f"Person {one}", "member"] for one in self.rosters[organization])
        try:
            self.imports += self.world.rollcall("roster", "import", self.world.ids[organization], file, timeout=60).returncode == 0
        except subprocess.TimeoutExpired:
            pass

    def drift(self):
        """Somebody changes a group by hand. Not while a run may be at it: who did what could not be told apart."""
        organization = self.random.randrange(organizations)
        self.quiet = organization
        stranger, change = self.random.choice(strangers), self.random.random()
        threading.Thread(target=self._drift, args=(organization, stranger, change), daemon=True).start()

    def _drift(self, organization, stranger, change):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            self.producer.flush(1)
            here = [run for run, (_, of, _) in list(self.sent.items()) if of == organization]
            open_runs = self.world.try_sql(
                "SELECT (SELECT count(*) FROM ops.runs WHERE organization_id = %s AND finished_at IS NULL) + "
                "(SELECT count(*) FROM unnest(%s::uuid[]) AS u(id) WHERE NOT EXISTS (SELECT FROM ops.runs r WHERE r.id = u.id))",
                [self.world.ids[organization], here])
            if self.quiet != organization:
                return
            if open_runs == [(0,)] and not self.world.open_cli:
                break
            time.sleep(0.3)
        else:
            self.quiet = None
            return
        members = self.world.graph.members(group(organization))
        if change < 0.5 and person(stranger) not in members:
            self.world.graph.change(group(organization), person(stranger), True)
        elif members:
            self.world.graph.change(group(organization), sorted(members)[int(change * len(members))], False)
        self.drifts += 1
        self.quiet = None


class Database:
    """The test's own look at PostgreSQL, past the proxy; it bears restarts."""

    def __init__(self, postgres):
        self.postgres = postgres
        self.lock = threading.Lock()
        self.connection = None

    def try_sql(self, statement, parameters=None):
        """The rows, [] for a statement without any; nothing where PostgreSQL is away."""
        with self.lock:
            try:
                if self.connection is None:
                    self.connection = psycopg2.connect(self.postgres.url, connect_timeout=5, application_name="chaos")
                    self.connection.autocommit = True
                with self.connection.cursor() as cursor:
                    cursor.execute(statement, parameters)
                    return cursor.fetchall() if cursor.description else []
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self.connection = None
                return None

    def sql(self, statement, parameters=None):
        for _ in range(300):
            rows = self.try_sql(statement, parameters)
            if rows is not None:
                return rows
            time.sleep(0.2)
        raise RuntimeError("PostgreSQL does not come back")
