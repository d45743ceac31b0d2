#include "ops/cli/app.h"
#include "tests/integration/scheduler/world.h"

#include <sstream>

/// `rollcall schedules`, from its words to the ticks.
using namespace rollcall;
using namespace std::chrono_literals;
using test::eventually;
using World = test::SchedulerWorld;

namespace {

struct Answer {
  int exit = 0;
  std::string out, err;
  [[nodiscard]] Json json() const { return Json::parse(out); }
};

class Shell {
 public:
  explicit Shell(World& world) : url_(world.database.options().url) {}
  Answer operator()(const std::string& line) const {
    std::istringstream words(line), in;
    std::ostringstream out, err;
    std::vector<std::string> list{"schedules"};
    for (std::string word; words >> word;) {
      if (word.find('*') != std::string::npos) std::ranges::replace(word, '_', ' ');
      list.push_back(word);
    }
    const auto environment = [this](const std::string& name) -> std::optional<std::string> {
      if (name == "DATABASE_URL") return url_;
      if (name == "USER") return "ada";
      return std::nullopt;
    };
    const int exit = cli::run(list, {out, err, in, environment, {}});
    return {exit, out.str(), err.str()};
  }
  Json json(const std::string& line) const { return (*this)(line + " --json").json(); }

 private:
  std::string url_;
};

constexpr auto add_demo = "add --name demo --worker demo --operation sweep ";

}  // namespace

TEST_CASE("what is wrong with a new schedule is said by the name of the option") {
  World world;
  const Shell schedules(world);
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"--cron 61_*_*_*_*", "minute"},
      {"--cron 0_3_*_*_* --zone Europe/Nowhere", "Europe/Nowhere"},
      {"--every 15parsecs", "--every"},
      {"--every 0s", "--every"},
      {"--every 10m --offset 10m", "--offset"},
      {"--cron 0_3_*_*_* --offset 10m", "--offset"},
      {"--every 10m --overlap buffer-all", "--overlap"},
      {"--every 10m --catch-up 5s", "--catch-up"},
      {"--every 10m --jitter 2d", "--jitter"},
      {"--every 10m --until yesterday", "--until"},
      {"--every 10m --until 2020-01-01T00:00:00Z", "--until"},
      {"--every 10m --ticks 0", "--ticks"},
      {"--every 10m --parameters []", "--parameters"},
  };
  for (const auto& [options, named] : wrong) {
    CAPTURE(options);
    const auto answer = schedules(add_demo + options);
    CHECK(answer.exit == 2);
    CHECK(answer.err.find(named) != std::string::npos);
  }
  CHECK(world.count("ops.schedules") == 0);
  for (const char* command : {"show", "pause", "resume", "remove", "trigger"}) {
    const auto answer = schedules(std::string(command) + " nobody --json");
    CHECK(answer.exit == 3);
    CHECK(answer.json()["error"]["code"] == "schedule_not_found");
  }
}

TEST_CASE("a schedule is added, shown, paused with a note, resumed in its phase, and removed") {
  World world;
  const Shell schedules(world);
  REQUIRE(schedules(std::string(add_demo) +
                    "--every 1h --offset 7m --overlap buffer_one --catch-up 2h --jitter 5m --ticks 3")
              .exit == 0);
  CHECK(schedules(std::string(add_demo) + "--every 1h").exit == 4);
  const Json shown = schedules.json("show demo");
  CHECK(shown["overlap"] == "buffer_one");
  CHECK(shown["catch_up_seconds"] == 7200);
  CHECK(shown["remaining"] == 3);
  REQUIRE(shown["upcoming"].size() == 3);
  CHECK(shown["upcoming"][0] == shown["next_due_at"]);
  CHECK(world.count("ops.schedules WHERE extract(minute FROM coalesce(nominal_due_at, next_due_at)) = 7 AND "
                    "next_due_at >= coalesce(nominal_due_at, next_due_at)") == 1);

  CHECK(schedules("pause demo --note moving").exit == 0);
  const Json paused = schedules.json("list")[0];
  CHECK(paused["state"] == "paused");
  CHECK(paused["note"] == "moving");
  CHECK(paused["paused_by"] == "cli:ada");
  CHECK(paused["paused_at"].is_string());
  CHECK(paused["next_due_at"].is_null());
  CHECK(schedules("show demo").out.find("by cli:ada: moving") != std::string::npos);

  world.database.execute(
      "UPDATE ops.schedules SET nominal_due_at = nominal_due_at - interval '100 hours', next_due_at = "
      "next_due_at - interval '100 hours'");
  CHECK(schedules("resume demo").exit == 0);
  CHECK(world.count("ops.schedules WHERE NOT paused AND next_due_at > now() AND extract(minute FROM "
                    "coalesce(nominal_due_at, next_due_at)) = 7") == 1);
  CHECK(schedules("remove demo").exit == 0);
  CHECK(schedules.json("list").empty());
}

TEST_CASE("triggers and backfills are asked for, and reach the topic") {
  World world;
  const Shell schedules(world);
  REQUIRE(schedules(std::string(add_demo) + "--cron 0_*_*_*_*").exit == 0);
  CHECK(schedules("backfill demo --from now --to now").exit == 2);
  CHECK(schedules("backfill demo --from 2026-01-02T00:00:00Z --to 2026-01-01T00:00:00Z").exit == 2);
  CHECK(schedules("backfill demo --from 2026-01-01T00:00:00Z --to 2036-01-01T00:00:00Z").exit == 2);
  CHECK(schedules("backfill demo --from 2026-01-01T00:01:00Z --to 2026-01-01T00:02:00Z").exit == 2);
  CHECK(schedules("trigger demo --overlap some").exit == 2);
  CHECK(world.count("ops.schedule_requests") == 0);

  const test::Collector ticks(world.prefix + ".demo.ticks");
  const auto running = world.scheduler();
  CHECK(schedules.json("backfill demo --from 2026-01-01T00:00:00Z --to 2026-01-01T03:00:00Z")["due_times"] ==
        4);
  const std::string due = schedules.json("trigger demo")["due_at"];
  REQUIRE(eventually([&] { return ticks.count() >= 5; }));
  const auto seen = test::dues(ticks);
  CHECK(std::ranges::count(seen, due) == 1);
  CHECK(std::ranges::count(seen, "2026-01-01T03:00:00.000Z") == 1);
}

TEST_CASE("a schedule that has ended says so") {
  World world;
  const Shell schedules(world);
  REQUIRE(schedules(std::string(add_demo) + "--every 1s --ticks 2").exit == 0);
  const auto running = world.scheduler();
  REQUIRE(eventually([&] {
    world.database.execute("UPDATE ops.ticks SET served_at = now()");
    return schedules.json("show demo")["state"] == "ended";
  }));
  CHECK(world.count("ops.ticks") == 2);
  CHECK(schedules.json("resume demo")["error"]["code"] == "schedule_ended");
  CHECK(schedules("resume demo").exit == 4);
}
