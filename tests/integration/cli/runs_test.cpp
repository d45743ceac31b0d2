#include "tests/integration/cli/shell.h"

/// Runs that are asked for twice, cancelled and tried again.
using namespace rollcall;
using namespace rollcall::test;

namespace {

constexpr auto group_a = "1b2d4c1e-0000-4000-8000-00000000000a";
constexpr auto group_b = "1b2d4c1e-0000-4000-8000-00000000000b";
constexpr auto unknown_id = "1b2d4c1e-0000-4000-8000-0000000000ff";

std::string add(const Shell& rollcall, const std::string& name, const std::string& group) {
  return rollcall.json({"org", "add", "--name", name, "--group", group})["id"];
}

void set_state(const Shell& rollcall, const std::string& run, const std::string& state) {
  rollcall.query("UPDATE ops.runs SET state = '" + state + "' WHERE id = '" + run + "'");
}

}  // namespace

TEST_CASE("Two syncs in a row are one job, and the second says so") {
  const Shell rollcall;
  const std::string org = add(rollcall, "Contoso", group_a);
  const Json first = rollcall.json({"sync", org});
  CHECK(first["joined"] == false);
  const Json second = rollcall.json({"sync", org});
  CHECK(second["joined"] == true);
  CHECK(second["job_id"] == first["job_id"]);
  const auto text = rollcall({"sync", org});
  CHECK(text.exit == 0);
  CHECK(text.out.find("joined " + first["job_id"].get<std::string>()) == 0);
  CHECK(rollcall.query("SELECT FROM ops.runs").size() == 1);
  // What is asked differently is another job.
  CHECK(rollcall.json({"sync", org, "--dry-run"})["job_id"] != first["job_id"]);

  add(rollcall, "Fabrikam", group_b);
  const Json all = rollcall.json({"sync", "--all"});
  REQUIRE(all.size() == 2);
  CHECK(all[0]["job_id"] == first["job_id"]);
  CHECK(all[0]["joined"] == true);
  CHECK(all[1]["joined"] == false);
  CHECK(rollcall.query("SELECT FROM ops.runs").size() == 3);

  set_state(rollcall, first["job_id"], "running");
  CHECK(rollcall.json({"sync", org})["joined"] == false);
}

TEST_CASE("A run is cancelled while it is open") {
  const Shell rollcall;
  const std::string org = add(rollcall, "Contoso", group_a);
  const std::string run = rollcall.json({"sync", org})["job_id"];
  CHECK(rollcall.json({"runs", "cancel", run}) ==
        Json({{"job_id", run}, {"state", "cancelled"}, {"cancel_requested", false}}));
  const auto over = rollcall({"runs", "cancel", run, "--json"});
  CHECK(over.exit == 4);
  CHECK(over.json()["error"]["code"] == "run_finished");
  CHECK(rollcall({"runs", "cancel", unknown_id}).exit == 3);
  CHECK(rollcall({"runs", "cancel", "nonsense"}).exit == 2);
  CHECK(rollcall({"runs", "cancel"}).exit == 2);

  set_state(rollcall, run, "running");
  CHECK(rollcall.json({"runs", "cancel", run}) ==
        Json({{"job_id", run}, {"state", "running"}, {"cancel_requested", true}}));
  CHECK(rollcall({"runs", "cancel", run}).out.find("next checkpoint") != std::string::npos);
  CHECK(rollcall.query("SELECT FROM ops.runs WHERE cancel_requested").size() == 1);
}

TEST_CASE("A failed or cancelled run is tried again under its id") {
  const Shell rollcall;
  const std::string org = add(rollcall, "Contoso", group_a);
  const std::string run = rollcall.json({"sync", org})["job_id"];
  const auto early = rollcall({"runs", "retry", run, "--json"});
  CHECK(early.exit == 4);
  CHECK(early.json()["error"]["code"] == "run_not_failed");
  CHECK(rollcall({"runs", "retry", unknown_id}).exit == 3);
  for (const char* state : {"failed", "cancelled"}) {
    set_state(rollcall, run, state);
    CHECK(rollcall.json({"runs", "retry", run}) == Json({{"job_id", run}, {"state", "queued"}}));
    CHECK(rollcall.json({"runs", "show", run})["state"] == "queued");
  }
  const Json events = rollcall.json({"runs", "show", run})["events"];
  REQUIRE(events.size() == 2);
  CHECK(events[1]["event"] == "retried");
  CHECK(events[1]["detail"]["by"] == "cli");
  set_state(rollcall, run, "succeeded");
  CHECK(rollcall({"runs", "retry", run}).exit == 4);
}
