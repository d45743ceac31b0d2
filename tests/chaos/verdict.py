"""The end: waits until all is settled, then compares what was sent, done, told and recorded."""
import collections
import json
import time
import uuid

import confluent_kafka

from stream import address, group, organizations, person

final = ("succeeded", "failed", "cancelled")
groups = {"rollcall-member-sync": "rollcall.member-sync.commands", "rollcall-member-sync-ticks": "rollcall.member-sync.ticks",
          "rollcall-audit-writer": "rollcall.audit"}


def consumer(world, name):
    return confluent_kafka.Consumer({"bootstrap.servers": world.brokers, "group.id": name, "enable.auto.commit": False,
                                     "auto.offset.reset": "earliest", "enable.partition.eof": True, "log_level": 0})


def partitions(reader, topic):
    return [confluent_kafka.TopicPartition(topic, one) for one in reader.list_topics(topic, 20).topics[topic].partitions]


def lag(world, name):
    reader = consumer(world, name)
    try:
        left = 0
        for one in reader.committed(partitions(reader, groups[name]), 20):
            low, high = reader.get_watermark_offsets(one, 20)
            left += high - (one.offset if one.offset >= 0 else low)
        return left
    finally:
        reader.close()


def read_all(world, topic):
    """Every message of a topic, as (headers, value)."""
    reader = consumer(world, f"chaos-{uuid.uuid4()}")
    try:
        parts = partitions(reader, topic)
        for one in parts:
            one.offset = confluent_kafka.OFFSET_BEGINNING
        reader.assign(parts)
        ended, messages = set(), []
        while len(ended) < len(parts):
            message = reader.poll(20)
            if message is None:
                raise RuntimeError(f"{topic} cannot be read to its end")
            if message.error():
                if message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                    continue
                if not message.error().retriable():
                    raise RuntimeError(f"{topic}: {message.error()}")
                continue
            messages.append(({name: text.decode() for name, text in message.headers() or []}, message.value()))
        return messages
    finally:
        reader.close()


def missing(world, stream):
    """What is not settled yet, in words."""
    words = []
    ids = list(stream.sent)
    rows = world.sql("SELECT count(*) FROM unnest(%s::uuid[]) AS u(id) WHERE NOT EXISTS (SELECT FROM ops.runs r WHERE r.id = u.id)", [ids])
    if rows[0][0]:
        words.append(f"{rows[0][0]} commands have no run")
    for state, code, count, oldest in world.sql(
            "SELECT state, coalesce(error_code, '-'), count(*), min(id::text) FROM ops.runs WHERE state <> ALL(%s) GROUP BY 1, 2",
            [list(final)]):
        words.append(f"{count} runs are {state} ({code}), such as {oldest}")
    rows = world.sql("SELECT count(*) FROM ops.outbox")
    if rows[0][0]:
        words.append(f"{rows[0][0]} rows in the outbox")
    for name in groups:
        left = lag(world, name)
        if left:
            words.append(f"{name} is {left} messages behind")
    if stream.producer.flush(0):
        words.append("commands of the test's own are undelivered")
    return words


def settle(world, stream, patience, say):
    """True: nothing is missing. What is missing is said when it changes."""
    until, told = time.monotonic() + patience, None
    while True:
        try:
            words = missing(world, stream)
        except confluent_kafka.KafkaException as problem:
            words = [f"Kafka: {problem}"]
        if not words:
            return True
        if words != told and (told is None or time.monotonic() > until or len(words) != len(told)):
            say("still missing: " + "; ".join(words))
        told = words
        if time.monotonic() > until:
            say("gave up waiting; missing: " + "; ".join(words))
            return False
        time.sleep(1)


class Verdict:
    def __init__(self):
        self.problems, self.tally = [], {}

    def require(self, right, words):
        if not right:
            self.problems.append(words)

    def few(self, things, words):
        things = list(things)
        self.require(not things, f"{len(things)} {words}: {', '.join(map(str, things[:5]))}{' …' if len(things) > 5 else ''}")


def judge_runs(world, stream, verdict):
    runs = {row[0]: row[1:] for row in world.sql("SELECT id::text, state, caller_identity, error_code, error_message FROM ops.runs")}
    verdict.tally["runs"] = dict(collections.Counter(state for state, *_ in runs.values()))
    verdict.few(sorted(set(stream.sent) - set(runs)), "commands without a run")
    unknown = [run for run in runs if run not in stream.sent]
    verdict.require(len(unknown) <= stream.doubtful, f"{len(unknown)} runs nobody asked for; {stream.doubtful} commands were in doubt")
    verdict.few([f"{run} {row[0]}" for run, row in runs.items() if row[0] not in final], "runs that are not finished")
    verdict.few([f"{run} {row[2]}: {row[3]}" for run, row in runs.items() if row[0] == "failed"], "runs that failed")
    told, news = collections.defaultdict(lambda: collections.defaultdict(set)), read_all(world, "rollcall.runs")
    for headers, value in news:
        value = json.loads(value)
        if value["state"] in final:
            told[value["run_id"]][value["state"]].add(headers["ce_id"])
    verdict.tally["news"] = len(news)
    verdict.few(sorted(set(runs) - set(told)), "runs whose end was never told")
    verdict.few([f"{run} is {runs[run][0]}, told {sorted(states)}" for run, states in told.items()
                 if run in runs and sorted(states) != [runs[run][0]]], "runs told to have ended otherwise than they did")
    verdict.few([run for run, states in told.items() if any(len(ids) > 1 for ids in states.values())],
                "runs whose end was told under more than one event id")
    return runs


def judge_changes(world, verdict):
    done = world.graph.changes()
    applied = collections.Counter(one[:3] for one in done)
    audited = collections.Counter(world.sql(
        "SELECT group_id::text, member_object_id::text, action FROM audit.events WHERE action IN ('member_added', 'member_removed')"))
    verdict.tally["changes of Graph"] = sum(applied.values())
    verdict.tally["audit events"] = sum(audited.values())
    at = {one[:3]: f"{one[3]} {one[4]}" for one in done}
    verdict.few([f"{key} ({count} more, last {at[key]})" for key, count in (applied - audited).items()], "changes that were not audited")
    verdict.few([f"{key} ({count} more)" for key, count in (audited - applied).items()], "audit events without a change")
    twice = world.sql("SELECT event_id::text FROM audit.events GROUP BY event_id HAVING count(*) > 1")
    verdict.few([row[0] for row in twice], "audit events that stand twice")


def judge_groups(world, verdict):
    for number in range(organizations):
        rows = world.sql("SELECT email FROM directory.members WHERE organization_id = %s AND departed_at IS NULL", [world.ids[number]])
        people = {address(n): person(n) for n in range(200)}
        expected, found = {people[row[0]] for row in rows}, world.graph.members(group(number))
        verdict.require(found == expected, f"group {number} differs from its roster: lacks {sorted(expected - found)[:5]}, "
                                           f"has {sorted(found - expected)[:5]} too many")


def judge(world, stream):
    verdict = Verdict()
    judge_runs(world, stream, verdict)
    judge_changes(world, verdict)
    judge_groups(world, verdict)
    letters = {value for _, value in read_all(world, "rollcall.member-sync.commands.dead")} if stream.poison else set()
    expected = {f'{{"poison":{n + 1}}}'.encode() for n in range(stream.poison)}
    verdict.few(sorted(expected - letters), "poisonous messages not on the dead-letter topic")
    verdict.few(sorted(letters - expected), "messages on the dead-letter topic that are good")
    for process in world.processes:
        verdict.require(not process.ended_by_itself, f"{process.name} ended by itself with {process.ended_by_itself}")
    verdict.tally["starts"] = sum(process.starts for process in world.processes)
    verdict.tally["connections cut"] = sum(proxy.cuts for proxy in world.proxies)
    return verdict
