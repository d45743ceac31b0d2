#include "common/audit/by_hand.h"
#include "common/audit/expected.h"
#include "common/postgres/bytea.h"
#include "tests/integration/audit_writer/world.h"
#include "workers/audit_writer/adapters/events_table.h"

#include <algorithm>
#include <random>

/// What verification finds, and what it lets pass. The writer's table is driven by hand, so that crashes and
/// rebalances are where the test wants them.
using namespace rollcall;
using namespace rollcall::audit_writer;
using namespace std::chrono_literals;

namespace {

constexpr const char* person = "0a000000-0000-4000-8000-00000000aaaa";

struct Trail {
  static std::string id(long number) {
    return crypto::derived_uuid({"trail", std::to_string(number)}).to_string();
  }
  Event event(long number, std::int64_t offset) const {
    Event event;
    event.event_id = id(number);
    event.occurred_at = at + std::chrono::seconds{number};
    event.tenant_id = "contoso";
    event.organization_id = id(1'000 + number % 3);
    event.group_id = id(2'000);
    event.run_id = id(3'000 + number % 2);
    event.actor = number % 2 ? "cli" : std::string("contoso/") + person;
    event.action = "member_added";
    event.member_object_id = number % 5 ? id(4'000 + number) : person;
    event.graph_request_id = "request-" + std::to_string(number);
    if (number % 3 == 0)
      event.detail = R"({"zeta":1e18,"a":[1.50,-0.0,"é\n"],"n":)" + std::to_string(number) + "}";
    event.offset = offset;
    return event;
  }
  /// Events numbered from `first` on, at the offsets that begin with `offset`.
  Written write(long first, long count, std::int64_t offset, std::int32_t partition = 0) {
    Slice slice{{offset, offset + count}, {}};
    for (long i = 0; i < count; ++i)
      slice.events.push_back(event(first + i, offset + i));
    return table.write({{{"rollcall.audit", partition}, slice}}, at + 1h);
  }
  std::vector<audit::Finding> findings(const std::optional<audit::Roots>& published = std::nullopt,
                                       const std::optional<WallTime>& since = std::nullopt) {
    std::vector<audit::Finding> all;
    tally = audit::verify(database, published, since, [&](const audit::Finding& one) { all.push_back(one); });
    return all;
  }
  /// As someone who owns the database may.
  void tamper(const std::string& sql) {
    database.transact([&](postgres::Transaction& transaction) {
      transaction.execute("SET LOCAL session_replication_role = replica");
      transaction.script(sql);
    });
  }
  bool found(const std::string& kind, const std::optional<std::string>& event_id = std::nullopt) {
    const auto all = findings();
    return std::ranges::any_of(all, [&](const audit::Finding& one) {
      return one.kind == kind && (!event_id || (one.event_id && one.event_id->to_string() == *event_id));
    });
  }
  long number(const std::string& sql) { return database.query(sql).at(0).number(0); }
  audit::Roots roots() {
    audit::Roots all;
    for (const auto& row : database.query("SELECT chain, number, root FROM audit.seals"))
      all[row.number(0)][row.number(1)] = postgres::bytes_of(row, 2);
    return all;
  }

  test::MigratedDatabase migrated;
  postgres::Database& database = migrated.database;
  WallTime at = parse_rfc3339("2026-10-21T09:30:00Z").value();
  EventsTable table{database};
  audit::Tally tally;
};

/// SQL that gives a column another value of its type, nearly the one it has.
const std::vector<std::pair<std::string, std::string>> flips = {
    {"occurred_at", "occurred_at + interval '1 microsecond'"},
    {"recorded_at", "recorded_at - interval '1 microsecond'"},
    {"tenant_id", "overlay(tenant_id placing 'X' from 1)"},
    {"organization_id", "overlay(organization_id::text placing '0' from 9 + 1)::uuid"},
    {"group_id", "NULL"},
    {"run_id", "gen_random_uuid()"},
    {"actor", "actor || ' '"},
    {"action", "overlay(action placing 'n' from 2)"},
    {"member_object_id", "gen_random_uuid()"},
    {"graph_request_id", "''"},
    {"detail", "detail || '{\"a\": [1.5]}'"},
    {"actor_salt", "gen_random_uuid()"},
    {"subject_salt", "NULL"},
    {"actor_commitment", "sha256('x')"},
    {"subject_commitment", "sha256('x')"},
    {"actor_erasure", "gen_random_uuid()"},
    {"subject_erasure", "gen_random_uuid()"},
    {"chain", "chain + 1"},
    {"seal", "seal + 1"},
    {"event_id", "gen_random_uuid()"}};

}  // namespace

TEST_CASE("a change of any column of any row is found and named") {
  Trail trail;
  trail.write(1, 12, 0);
  trail.write(13, 12, 12);
  REQUIRE(trail.findings().empty());
  CHECK(trail.tally.events == 24);
  CHECK(trail.tally.seals == 2);
  std::mt19937 random{20'261'121};
  // A column that a later migration adds must be sealed too, or be named here.
  CHECK(trail.database
            .query("SELECT FROM information_schema.columns WHERE table_schema = 'audit' AND table_name = "
                   "'events'")
            .size() == flips.size());
  for (const auto& [name, change] : flips) {
    const std::string victim = Trail::id(1 + static_cast<long>(random() % 24));
    INFO(name << " of " << victim);
    trail.tamper("CREATE TABLE kept AS SELECT * FROM audit.events WHERE event_id = '" + victim +
                 "'; UPDATE audit.events SET " + name + " = " + change + " WHERE event_id = '" + victim +
                 "'");
    const bool changed =
        trail.number("SELECT count(*) FROM kept JOIN audit.events e ON e.* IS NOT DISTINCT FROM kept.*") == 0;
    CHECK(changed);
    const bool named = trail.found("row_changed", victim) || trail.found("row_missing", victim) ||
                       trail.found("row_inserted", victim) || trail.found("erasure_unrecorded", victim);
    CHECK(named);
    trail.tamper(
        "DELETE FROM audit.events e WHERE NOT EXISTS (SELECT FROM audit.seals s WHERE s.chain = e.chain AND "
        "s.number = e.seal AND position(uuid_send(e.event_id) IN s.manifest) > 0) OR event_id = '" +
        victim + "'; INSERT INTO audit.events SELECT * FROM kept; DROP TABLE kept");
    REQUIRE(trail.findings().empty());
  }
}

TEST_CASE("rows taken away, put in or swapped are found and named") {
  Trail trail;
  trail.write(1, 10, 0);
  trail.write(11, 10, 10);
  SECTION("one is gone") {
    trail.tamper("DELETE FROM audit.events WHERE event_id = '" + Trail::id(7) + "'");
    CHECK(trail.found("row_missing", Trail::id(7)));
    CHECK(trail.findings().size() == 1);
  }
  SECTION("one of no seal") {
    trail.tamper("INSERT INTO audit.events (event_id, occurred_at, tenant_id, actor, action) VALUES ('" +
                 Trail::id(99) + "', '2026-10-22', 'contoso', 'cli', 'member_added')");
    CHECK(trail.found("row_inserted", Trail::id(99)));
  }
  SECTION("one that claims a seal") {
    trail.tamper(
        "INSERT INTO audit.events (event_id, occurred_at, tenant_id, actor, action, chain, seal) SELECT '" +
        Trail::id(99) +
        "', '2026-10-22', 'contoso', 'cli', 'member_added', chain, number FROM audit.chains "
        "WHERE chain > 0");
    CHECK(trail.found("row_inserted", Trail::id(99)));
  }
  SECTION("two trade what they say") {
    trail.tamper(
        "UPDATE audit.events a SET graph_request_id = b.graph_request_id FROM audit.events b WHERE "
        "a.event_id = "
        "'" +
        Trail::id(2) + "' AND b.event_id = '" + Trail::id(3) + "'");
    CHECK(trail.found("row_changed", Trail::id(2)));
  }
  SECTION("two trade places") {
    trail.tamper("UPDATE audit.events SET seal = 3 - seal WHERE event_id IN ('" + Trail::id(2) + "', '" +
                 Trail::id(12) + "')");
    CHECK(trail.found("row_missing", Trail::id(2)));
    CHECK(trail.found("row_inserted", Trail::id(12)));
  }
  SECTION("all of them are gone") {
    trail.tamper("TRUNCATE audit.events");
    CHECK(trail.findings().size() == 20);
  }
}

TEST_CASE("seals that were changed, taken out or cut off are found") {
  Trail trail;
  for (int i = 0; i < 4; ++i)
    trail.write(1 + 5 * i, 5, 5 * i);
  const auto roots = trail.roots();
  REQUIRE(trail.findings(roots).empty());
  for (const char* change :
       {"events = events + 1", "first_offset = 4", "next_offset = 11", "generation = 2",
        "sealed_at = sealed_at + interval '1 microsecond'", "previous = sha256('x')", "root = sha256('x')",
        "manifest = overlay(manifest placing '\\x00' from 40)", "manifest = substr(manifest, 1, 100)"}) {
    INFO(change);
    trail.tamper("CREATE TABLE kept AS SELECT * FROM audit.seals WHERE number = 2; UPDATE audit.seals SET " +
                 std::string(change) + " WHERE number = 2");
    CHECK((trail.found("seal_changed") || trail.found("link_broken")));
    trail.tamper(
        "DELETE FROM audit.seals WHERE number = 2; INSERT INTO audit.seals SELECT * FROM kept; DROP TABLE "
        "kept");
  }
  REQUIRE(trail.findings(roots).empty());
  SECTION("one from the middle, with its rows") {
    trail.tamper("DELETE FROM audit.seals WHERE number = 2; DELETE FROM audit.events WHERE seal = 2");
    CHECK(trail.found("seal_missing"));
  }
  SECTION("the last, with its rows") {
    trail.tamper("DELETE FROM audit.seals WHERE number = 4; DELETE FROM audit.events WHERE seal = 4");
    CHECK(trail.found("seal_missing"));
  }
  SECTION("the last, with its rows and the head: only what was published tells") {
    trail.tamper(
        "DELETE FROM audit.seals WHERE number = 4; DELETE FROM audit.events WHERE seal = 4; UPDATE "
        "audit.chains "
        "c SET number = 3, root = s.root, next_offset = 15 FROM audit.seals s WHERE s.number = 3 AND c.chain "
        "> 0");
    CHECK(trail.findings().empty());
    CHECK(trail.findings(roots).at(0).kind == "seal_missing");
    CHECK(trail.findings(roots).at(0).seal == 4);
  }
  SECTION("rewritten as if it had always been so") {
    Trail other;
    other.at += 1s;
    for (int i = 0; i < 4; ++i)
      other.write(1 + 5 * i, 5, 5 * i);
    CHECK(other.findings().empty());
    CHECK(other.findings(roots).at(0).kind == "root_differs");
    CHECK(other.findings(audit::Roots{}).at(0).kind == "root_unpublished");
  }
  SECTION("offsets that were never read") {
    trail.write(21, 5, 23);
    const auto all = trail.findings();
    REQUIRE(all.size() == 1);
    CHECK(all[0].kind == "offsets_gap");
    CHECK(all[0].message.find("offsets 20 to 22") != std::string::npos);
  }
}

TEST_CASE("what comes again is sealed once: after a crash, to a second writer, on another partition") {
  Trail trail;
  CHECK(trail.write(1, 10, 0).events == 10);
  CHECK(trail.write(1, 10, 0).seals.empty());  // the commit of the offsets was lost
  const auto more = trail.write(6, 10, 5);     // half of it is new
  CHECK(more.events == 5);
  REQUIRE(more.seals.size() == 1);
  CHECK(more.seals[0].second.first_offset == 10);
  CHECK(trail.write(1, 15, 20, 1).duplicates == 15);  // told again elsewhere: a seal of no events
  CHECK(trail.findings().empty());

  // Two writers, one partition: whoever comes second finds the events there.
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 2; ++writer)
      writers.emplace_back([&] {
        EventsTable own(trail.database);
        for (long i = 0; i < 20; ++i) {
          Slice slice{{15 + i * 5, 20 + i * 5}, {}};
          for (long at = slice.span.first; at < slice.span.next; ++at)
            slice.events.push_back(trail.event(1 + at, at));
          own.write({{{"rollcall.audit", 0}, slice}}, trail.at + 2h);
        }
      });
  }
  CHECK(trail.findings().empty());
  CHECK(trail.tally.events == 115);
  CHECK(trail.number("SELECT count(*) FROM audit.seals WHERE number > 2 AND events > 0") == 20);
}

TEST_CASE("a topic that began anew opens a new generation on the same chain") {
  Trail trail;
  trail.write(1, 10, 0);
  const auto anew = trail.write(11, 10, 0);
  CHECK(anew.events == 10);
  REQUIRE(anew.seals.size() == 1);
  CHECK(anew.seals[0].second.generation == 2);
  CHECK(trail.write(21, 10, 10).seals.at(0).second.generation == 2);
  CHECK(trail.findings().empty());
  CHECK(trail.tally.seals == 3);
}

TEST_CASE("a person is erased, and the trail still verifies") {
  Trail trail;
  trail.write(1, 20, 0);
  const auto id = Uuid::parse(person).value();
  const auto erased = trail.database.transact([&](postgres::Transaction& transaction) {
    return audit::erase_person(transaction, id, "asked for", {"contoso", "cli", trail.at});
  });
  CHECK(erased.parts == 14);  // ten times the actor, four times the member
  CHECK(trail.number(std::string("SELECT count(*) FROM audit.events e WHERE e::text LIKE '%") + person +
                     "%'") == 0);
  CHECK(trail.findings().empty());  // its own event is on its way
  CHECK(trail.tally.erased == 14);
  trail.tamper("DELETE FROM ops.outbox");
  CHECK(trail.found("erasure_unrecorded"));
  Slice told{{20, 21}, {trail.event(21, 20)}};
  told.events[0].event_id = audit::erasure_event_id(erased.erasure_id, erased.parts).to_string();
  trail.table.write({{{"rollcall.audit", 0}, told}}, trail.at + 2h);
  CHECK(trail.findings().empty());
  trail.tamper("UPDATE audit.events SET tenant_id = 'x' WHERE event_id = '" + Trail::id(10) + "'");
  CHECK(trail.found("row_changed", Trail::id(10)));
  trail.tamper("UPDATE audit.events SET tenant_id = 'contoso', detail = '{\"a\": 1}' WHERE event_id = '" +
               Trail::id(10) + "'");
  CHECK(trail.found("row_changed", Trail::id(10)));  // nothing may be put where a person was
}

TEST_CASE("retention takes whole months, and the trail still verifies") {
  Trail trail;
  trail.at = parse_rfc3339("2026-01-31T23:59:55Z").value();
  trail.write(1, 10, 0);  // on both sides of midnight
  const WallTime now = parse_rfc3339("2026-03-01T00:00:00Z").value();
  const auto drop = [&](long keep) {
    return trail.database.transact([&](postgres::Transaction& transaction) {
      return audit::drop_oldest_month(transaction, keep, {"contoso", "audit-writer", now});
    });
  };
  CHECK_FALSE(drop(3));
  const auto dropped = drop(2);
  REQUIRE(dropped);
  CHECK(dropped->month == "2026-01-01");
  CHECK(dropped->events == 4);
  CHECK_FALSE(drop(2));
  CHECK(trail.findings().empty());
  CHECK(trail.tally.dropped == 4);
  trail.tamper("DELETE FROM audit.events WHERE event_id = '" + Trail::id(8) + "'");
  CHECK(trail.found("row_missing", Trail::id(8)));
  CHECK_THROWS(trail.database.query("SELECT audit.drop_month((now() AT TIME ZONE 'UTC')::date)"));
}

TEST_CASE("events that never came to stand are named with their run") {
  Trail trail;
  const std::string run = Trail::id(3'000);
  const auto message = [&](long number) {
    return runs::make_message(runs::audit_topic, "k", "rollcall.audit-event.v1", Trail::id(number),
                              {{"event_id", Trail::id(number)}, {"run_id", run}}, trail.at);
  };
  trail.database.transact([&](postgres::Transaction& transaction) {
    runs::store_in_outbox(transaction, {message(1), message(2), message(3)});
  });
  const auto absent = [&] {
    return trail.database.transact(
        [](postgres::Transaction& transaction) { return audit::absent(transaction); });
  };
  CHECK(absent().empty());  // the outbox holds them
  trail.database.execute("DELETE FROM ops.outbox");
  trail.database.execute("UPDATE audit.expected SET created_at = '2026-10-21T09:30:00Z'");
  CHECK(absent().size() == 3);
  trail.write(1, 2, 0);
  const auto lost = absent();
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].event_id.to_string() == Trail::id(3));
  CHECK(lost[0].run_id.value_or(Uuid{}).to_string() == run);
  CHECK(audit::forget_written(trail.database, 0, 10) == 0);
  CHECK(absent().size() == 1);
  trail.write(3, 1, 2);
  audit::forget_written(trail.database, 0, 10);
  CHECK(trail.number("SELECT count(*) FROM audit.expected") == 0);
}

TEST_CASE("only what was sealed since a time is looked at where that is asked for") {
  Trail trail;
  trail.write(1, 10, 0);
  trail.at += 24h;
  trail.write(11, 10, 10);
  const auto since = trail.at;
  CHECK(trail.findings(std::nullopt, since).empty());
  CHECK(trail.tally.events == 10);
  CHECK(trail.tally.seals == 1);
  trail.tamper("UPDATE audit.events SET action = 'x' WHERE event_id IN ('" + Trail::id(1) + "', '" +
               Trail::id(11) + "')");
  CHECK(trail.findings(std::nullopt, since).size() == 1);
  CHECK(trail.findings().size() == 2);
}

TEST_CASE("the trail is append-only by grant and by trigger") {
  Trail trail;
  trail.write(1, 3, 0);
  for (const char* sql : {"UPDATE audit.events SET action = 'x'", "DELETE FROM audit.events",
                          "TRUNCATE audit.events", "TRUNCATE audit.events_2026_10", "DELETE FROM audit.seals",
                          "UPDATE audit.seals SET events = 0", "TRUNCATE audit.seals",
                          "UPDATE audit.events SET actor = 'erased', actor_erasure = gen_random_uuid()"}) {
    INFO(sql);
    CHECK_THROWS_WITH(trail.database.execute(sql), Catch::Matchers::Contains("append-only"));
  }
  const auto as_writer = [&](const std::string& sql) {
    trail.database.transact([&](postgres::Transaction& transaction) {
      transaction.execute("SET LOCAL ROLE rollcall_audit_writer");
      transaction.execute(sql);
    });
  };
  CHECK_NOTHROW(as_writer("SELECT audit.ensure_partition('2026-12-01')"));
  CHECK_NOTHROW(
      as_writer("INSERT INTO audit.events (event_id, occurred_at, tenant_id, actor, action) VALUES "
                "(gen_random_uuid(), '2026-12-02', 'c', 'cli', 'x')"));
  for (const char* sql :
       {"UPDATE audit.events SET action = 'x'", "DELETE FROM audit.events", "TRUNCATE audit.events",
        "UPDATE audit.seals SET events = 0", "SELECT audit.drop_month('2026-10-01')",
        "SELECT audit.erase(gen_random_uuid(), gen_random_uuid(), 'a', 'b')"}) {
    INFO(sql);
    CHECK_THROWS_WITH(as_writer(sql), Catch::Matchers::Contains("permission denied"));
  }
}
