#include "tests/integration/cli/shell.h"

#include <chrono>
#include <future>
#include <sstream>

/// Commands from their words to the database and back, each test on a database of its own. Kafka is left out
/// on purpose: commands must not need it.
using namespace rollcall;
using namespace rollcall::test;

namespace {

constexpr auto group_a = "1b2d4c1e-0000-4000-8000-00000000000a";
constexpr auto group_b = "1b2d4c1e-0000-4000-8000-00000000000b";
constexpr auto unknown_id = "1b2d4c1e-0000-4000-8000-0000000000ff";

}  // namespace

TEST_CASE("Migrating twice changes nothing the second time") {
  const Shell rollcall;
  CHECK(rollcall.json({"migrate"})["applied"].empty());
}

TEST_CASE("Organizations are added, listed, found by name or id, and ambiguous names refused") {
  const Shell rollcall;
  const auto empty = rollcall({"org", "list"});
  CHECK(empty.exit == 0);
  CHECK(empty.err.find("rollcall org add") != std::string::npos);

  const std::string id = rollcall.json({"org", "add", "--name", "Contoso", "--group", group_a})["id"];
  const Json list = rollcall.json({"org", "list"});
  REQUIRE(list.size() == 1);
  CHECK(list[0]["id"] == id);
  CHECK(list[0]["group"] == group_a);
  CHECK(rollcall.json({"org", "show", "contoso"})["id"] == id);
  CHECK(rollcall({"org", "show", id}).exit == 0);
  CHECK(rollcall({"org", "show", unknown_id}).exit == 3);
  CHECK(rollcall({"org", "show", "Nobody"}).exit == 3);

  const std::string second = rollcall.add("Contoso");
  const auto ambiguous = rollcall({"org", "show", "Contoso"});
  CHECK(ambiguous.exit == 4);
  CHECK(ambiguous.err.find(id) != std::string::npos);
  CHECK(ambiguous.err.find(second) != std::string::npos);
}

TEST_CASE("Names and groups that cannot be are mistakes of usage") {
  const Shell rollcall;
  CHECK(rollcall({"org", "add", "--name", " "}).exit == 2);
  CHECK(rollcall({"org", "add", "--name", std::string(257, 'x')}).exit == 2);
  CHECK(rollcall({"org", "add", "--name", "Contoso", "--group", "123"}).exit == 2);
  CHECK(rollcall.json({"org", "list"}).empty());
}

TEST_CASE("A group belongs to one organization, and each change of it is audited by message") {
  const Shell rollcall;
  const std::string one = rollcall.add("One"), two = rollcall.add("Two");
  CHECK(rollcall.json({"org", "link", "One", group_a})["changed"] == true);
  CHECK(rollcall.json({"org", "link", "One", group_a})["changed"] == false);
  const auto taken = rollcall({"org", "link", "Two", group_a, "--json"});
  CHECK(taken.exit == 4);
  CHECK(taken.json()["error"]["code"] == "group_linked_elsewhere");
  CHECK(rollcall({"org", "add", "--name", "Three", "--group", group_a}).exit == 4);
  CHECK(rollcall.json({"org", "list"}).size() == 2);
  CHECK(rollcall({"org", "link", "One", group_b}).exit == 0);
  CHECK(rollcall({"org", "link", "Two", group_a}).exit == 0);
  CHECK(rollcall({"org", "unlink", one}).exit == 0);
  CHECK(rollcall.json({"org", "show", "One"})["group"].is_null());

  std::vector<std::string> actions;
  for (const auto& row : rollcall.query(
           "SELECT (m->>'payload')::json->>'action' FROM ops.outbox, jsonb_array_elements(messages) AS m "
           "WHERE m->>'topic' = 'rollcall.audit' AND m->>'key' = '" +
           one + "' ORDER BY id"))
    actions.push_back(row.text(0));
  CHECK(actions == std::vector<std::string>{"organization_added", "group_linked", "group_unlinked",
                                            "group_linked", "group_unlinked"});
}

TEST_CASE("A roster is imported as a whole, again without effect, and people depart and return") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  const std::string head = "email,display_name,role\n", ada = "Ada@contoso.com,Ada,admin\n",
                    bob = "bob@contoso.com,Bob,member\n";
  CHECK(rollcall.json({"roster", "import", org, "-"}, head + ada + bob) ==
        Json({{"added", 2}, {"changed", 0}, {"departed", 0}, {"unchanged", 0}, {"roster_version", 1}}));
  CHECK(rollcall.json({"roster", "import", org, "-"}, head + bob + ada) ==
        Json({{"added", 0}, {"changed", 0}, {"departed", 0}, {"unchanged", 2}, {"roster_version", 1}}));
  CHECK(rollcall({"roster", "import", org, "-"}, head + bob + ada).out.find("nothing changed") !=
        std::string::npos);
  CHECK(rollcall.json({"roster", "import", org, "-"}, head + "ada@contoso.com,Ada L.,admin\n") ==
        Json({{"added", 0}, {"changed", 1}, {"departed", 1}, {"unchanged", 0}, {"roster_version", 2}}));
  CHECK(rollcall.query("SELECT FROM directory.members WHERE departed_at IS NOT NULL").size() == 1);
  CHECK(rollcall.json({"roster", "import", org, "-"},
                      head + "ada@contoso.com,Ada L.,admin\n" + bob)["added"] == 1);
  CHECK(rollcall.query("SELECT FROM directory.members WHERE departed_at IS NOT NULL").empty());
  CHECK(rollcall.json({"roster", "show", org})["members"].size() == 2);
}

TEST_CASE("A file without object ids leaves known ones alone; an empty field takes one away") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  const std::string with = "email,display_name,role,object_id\na@b.c,A,member,",
                    without = "email,display_name,role\na@b.c,A,member\n";
  CHECK(rollcall.json({"roster", "import", org, "-"}, with + group_a + "\n")["added"] == 1);
  CHECK(rollcall.json({"roster", "import", org, "-"}, without)["unchanged"] == 1);
  CHECK(rollcall.json({"roster", "show", org})["members"][0]["object_id"] == group_a);
  CHECK(rollcall.json({"roster", "import", org, "-"}, with + "\n")["changed"] == 1);
}

TEST_CASE("A roster with mistakes changes nothing and tells all of them") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  const auto bad = rollcall({"roster", "import", org, "-", "--json"},
                            "email,display_name,role\na@b.c,A,m\nA@b.c,A,m\nnobody,N,m\n");
  CHECK(bad.exit == 2);
  const Json mistakes = bad.json()["error"]["mistakes"];
  REQUIRE(mistakes.size() == 2);
  CHECK(mistakes[0]["line"] == 3);
  CHECK(mistakes[1]["line"] == 4);
  CHECK(rollcall.query("SELECT FROM directory.members").empty());
  CHECK(rollcall.json({"org", "show", org})["roster_version"] == 0);
  CHECK(rollcall({"roster", "import", org, "/nonexistent.csv"}).exit == 3);
  CHECK(rollcall({"roster", "import", "Nobody", "-"}, "email,display_name,role\n").exit == 3);
}

TEST_CASE("The policy is changed once and audited") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  CHECK(rollcall.json({"policy", org, "show"})["removal"] == "keep");
  CHECK(rollcall.json({"policy", org, "set", "--removal", "mirror"})["changed"] == true);
  CHECK(rollcall.json({"policy", org, "set", "--removal", "mirror"})["changed"] == false);
  CHECK(rollcall.json({"policy", org, "show"})["removal"] == "mirror");
  CHECK(rollcall
            .query("SELECT FROM ops.outbox, jsonb_array_elements(messages) AS m "
                   "WHERE (m->>'payload')::json->>'action' = 'policy_changed'")
            .size() == 1);
}

TEST_CASE("A sync is queued with its command even where Kafka is away") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  CHECK(rollcall({"sync", org}).exit == 4);  // no group yet
  CHECK(rollcall({"org", "link", org, group_a}).exit == 0);
  const auto queued = rollcall({"sync", org, "--dry-run", "--json"});
  CHECK(queued.exit == 0);
  CHECK(queued.err.find("rollcall-scheduler sends it") != std::string::npos);
  const Json answer = queued.json();
  CHECK(answer["state"] == "queued");
  const Json run = rollcall.json({"runs", "show", answer["job_id"]});
  CHECK(run["parameters"]["dry_run"] == true);
  CHECK(rollcall
            .query("SELECT FROM ops.outbox, jsonb_array_elements(messages) AS m "
                   "WHERE m->>'topic' = 'rollcall.member-sync.commands'")
            .size() == 1);
  const auto late = rollcall({"runs", "watch", answer["job_id"], "--timeout", "1", "--json"});
  CHECK(late.exit == 1);
  CHECK(late.json()["error"]["code"] == "timeout");
  CHECK(rollcall.json({"sync", "--all"}).size() == 1);
}

TEST_CASE("Waiting for a run ends with the exit code of its end") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  CHECK(rollcall({"org", "link", org, group_a}).exit == 0);
  const std::string run = rollcall.json({"sync", org})["job_id"];
  const auto watched_in = [&](const std::string& state) {
    rollcall.query("UPDATE ops.runs SET state = '" + state + "', result = '{\"added\": 3}' WHERE id = '" +
                   run + "'");
    return rollcall({"runs", "watch", run, "--json"});
  };
  CHECK(watched_in("succeeded").exit == 0);
  CHECK(watched_in("succeeded").json()["result"]["added"] == 3);
  CHECK(watched_in("failed").exit == 1);
  CHECK(watched_in("cancelled").exit == 1);
  CHECK(watched_in("needs_approval").exit == 4);
  const auto unknown = rollcall({"runs", "watch", unknown_id});
  CHECK(unknown.exit == 3);
  CHECK(unknown.err.find(unknown_id) != std::string::npos);
  CHECK(watched_in("needs_approval").json()["approve"] == "rollcall runs approve " + run);
}

TEST_CASE("A sweep ends with 4 and says how to go on where some runs wait for approval") {
  const Shell rollcall;
  CHECK(rollcall({"org", "add", "--name", "One", "--group", group_a}).exit == 0);
  CHECK(rollcall({"org", "add", "--name", "Two", "--group", group_b}).exit == 0);
  auto sweep = std::async(std::launch::async, [&] { return rollcall({"sync", "--all", "--wait"}); });
  while (sweep.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout)
    rollcall.query(
        "UPDATE ops.runs r SET state = CASE o.name WHEN 'One' THEN 'succeeded' ELSE 'needs_approval' END"
        " FROM directory.organizations o WHERE o.id = r.organization_id");
  const auto answer = sweep.get();
  CHECK(answer.exit == 4);
  CHECK(answer.out.find("\tneeds_approval\tTwo\t") != std::string::npos);
  CHECK(answer.err.find("rollcall runs approve RUN") != std::string::npos);
}

TEST_CASE("A plan is told by what would be done, with addresses where they are known") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  CHECK(rollcall({"org", "link", org, group_a}).exit == 0);
  CHECK(rollcall({"roster", "import", org, "-"},
                 std::string("email,display_name,role,object_id\nada@contoso.com,Ada,m,") + group_b + "\n")
            .exit == 0);
  const std::string run = rollcall.json({"sync", org})["job_id"];
  const std::string lists = std::string(R"("adds": [")") + group_b +
                            R"("], "removals": [], "unmatched": [")" + unknown_id + R"("])";
  rollcall.query(
      "UPDATE ops.runs SET state = 'needs_approval', error_code = 'guard_removals', error_message = 'x',"
      " result = '{\"added\": 0, \"removed\": 0, \"unmatched\": 1, \"plan\": {" +
      lists + ", \"cut\": {\"removals\": 9000}}}' WHERE id = '" + run + "'");
  rollcall.query("INSERT INTO sync.plans (run_id, organization_id, group_id, digest, document) VALUES ('" +
                 run + "', '" + org + "', '" + group_a + "', 'd', '{" + lists + "}')");
  const auto shown = rollcall({"runs", "show", run});
  CHECK(shown.exit == 0);
  CHECK(shown.out.find("would be added 1, would be removed 9000, unmatched 1\n") != std::string::npos);
  CHECK(shown.out.find(std::string("+ ") + group_b + "  ada@contoso.com\n") != std::string::npos);
  CHECK(shown.out.find(std::string("? ") + unknown_id + "\n") != std::string::npos);
  CHECK(shown.out.find("rollcall runs approve " + run) != std::string::npos);
}

TEST_CASE("Only a run that waits for approval can be approved or rejected") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  CHECK(rollcall({"org", "link", org, group_a}).exit == 0);
  const std::string run = rollcall.json({"sync", org})["job_id"];
  const auto early = rollcall({"runs", "approve", run, "--json"});
  CHECK(early.exit == 4);
  CHECK(early.json()["error"]["code"] == "not_waiting_for_approval");
  CHECK(rollcall({"runs", "reject", run}).exit == 4);
  CHECK(rollcall({"runs", "approve", unknown_id}).exit == 3);
  CHECK(rollcall({"runs", "show", unknown_id}).exit == 3);
  rollcall.query("UPDATE ops.runs SET state = 'needs_approval', result = '{\"digest\": \"d\"}' WHERE id = '" +
                 run + "'");
  CHECK(rollcall({"runs", "reject", run}).exit == 0);
  CHECK(rollcall.json({"runs", "list", "--state", "cancelled"}).size() == 1);
}

TEST_CASE("Schedules are checked, added, paused, resumed and removed") {
  const Shell rollcall;
  const auto add = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"schedules", "add",         "--name",      "nightly",
                                      "--worker",  "member-sync", "--operation", "sync-members"};
    words.insert(words.end(), more.begin(), more.end());
    return rollcall(words).exit;
  };
  CHECK(add({"--cron", "61 * * * *"}) == 2);
  CHECK(add({"--cron", "0 3 * * *", "--zone", "Europe/Nowhere"}) == 2);
  CHECK(add({"--every", "15 parsecs"}) == 2);
  CHECK(add({"--every", "0s"}) == 2);
  CHECK(add({"--every", "15m", "--cron", "0 3 * * *"}) == 2);
  CHECK(add({"--cron", "0 3 * * *", "--zone", "Europe/Berlin"}) == 0);
  CHECK(add({"--every", "15m"}) == 4);  // the name is taken
  CHECK(rollcall({"schedules", "pause", "nightly", "--note", "move"}).exit == 0);
  const Json list = rollcall.json({"schedules", "list"});
  REQUIRE(list.size() == 1);
  CHECK(list[0]["paused"] == true);
  CHECK(list[0]["note"] == "move");
  rollcall.query("UPDATE ops.schedules SET next_due_at = now() - interval '1 year'");
  CHECK(rollcall({"schedules", "resume", "nightly"}).exit == 0);
  CHECK(rollcall.query("SELECT FROM ops.schedules WHERE NOT paused AND next_due_at > now()").size() == 1);
  CHECK(rollcall({"schedules", "remove", "nightly"}).exit == 0);
  CHECK(rollcall({"schedules", "remove", "nightly"}).exit == 3);
}

TEST_CASE("A database that does not answer is not reachable, and says so") {
  std::ostringstream out, err;
  std::istringstream in;
  const auto environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "DATABASE_URL") return "postgresql://nobody@127.0.0.1:1/none";
    return std::nullopt;
  };
  CHECK(cli::run({"org", "list", "--json"}, {out, err, in, environment, {}}) == 5);
  CHECK(Json::parse(out.str())["error"]["code"] == "database_unavailable");
}
