#include "common/core/clock.h"
#include "common/runs/runs.h"
#include "common/worker/feed.h"
#include "tests/support/catch.h"

#include <utility>

using namespace rollcall;
using namespace rollcall::worker;

namespace {

const schema::Validator& schemas() {
  static const schema::Validator made;  // not a global: the embedded files may not be there before main
  return made;
}
constexpr const char* id = "0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11";

kafka::Message message(std::string value, kafka::Headers headers = {}) {
  kafka::Message made;
  made.topic = "rollcall.member-sync.commands";
  made.partition = 3;
  made.offset = 42;
  made.value = std::move(value);
  made.headers = std::move(headers);
  return made;
}
std::string command_text() {
  return Json{{"run_id", id}, {"operation", "sync-members"}, {"organization_id", id}, {"dry_run", true}}
      .dump();
}
std::string tick_text() {
  return Json{{"tick_id", id},           {"schedule_id", id},           {"schedule_name", "s"},
              {"worker", "member-sync"}, {"operation", "sync-members"}, {"due_at", "2026-11-21T09:30:00Z"}}
      .dump();
}
std::string code_of(const Judged& judged) {
  const auto* problem = std::get_if<Problem>(&judged);
  return problem == nullptr ? "" : problem->code;
}

}  // namespace

TEST_CASE("a command is read with its parameters") {
  const auto judged = judge(message(command_text()), "member-sync", false, schemas());
  const auto& command = std::get<Command>(judged);
  CHECK(command.run_id.to_string() == id);
  CHECK(command.parameters == Json{{"dry_run", true}});
  CHECK(command.urgent);
}

TEST_CASE("the ticks topic carries ticks and bulk commands") {
  CHECK(std::holds_alternative<Tick>(judge(message(tick_text()), "member-sync", true, schemas())));
  CHECK_FALSE(std::get<Command>(judge(message(command_text()), "member-sync", true, schemas())).urgent);
  CHECK(code_of(judge(message(tick_text()), "member-sync", false, schemas())) == "schema_violation");
}

TEST_CASE("poison is named") {
  CHECK(code_of(judge(message("{"), "member-sync", false, schemas())) == "json_malformed");
  CHECK(code_of(judge(message("[]"), "member-sync", false, schemas())) == "schema_violation");
  CHECK(code_of(judge(message(""), "member-sync", false, schemas())) == "json_malformed");
  CHECK(code_of(judge(message(std::string(1000, '[')), "member-sync", false, schemas())) == "json_too_deep");
  CHECK(code_of(judge(message(command_text(), {{"ce_type", "rollcall.run.v1"}}), "member-sync", false,
                      schemas())) == "unknown_message_type");
}

TEST_CASE("the messages of a run match their schemas") {
  const auto run = *Uuid::parse(id);
  const auto now = WallTime{std::chrono::milliseconds{1'700'000'000'000}};
  runs::NewRun asked{run, "contoso", "member-sync", "sync-members", "cli", run, {{"dry_run", true}}, false};
  const auto command = runs::command_message(asked, now);
  CHECK(command.topic == "rollcall.member-sync.commands");
  CHECK(command.key == id);
  CHECK_FALSE(schemas().check("rollcall.member-sync.command.v1", Json::parse(command.value)));
  const auto news = runs::run_news(run, std::nullopt, "member-sync", "sync-members", "failed", 2, now,
                                   {{"a", 1}}, "c", "m");
  CHECK(news.key == id);
  CHECK(*news.header("ce_type") == "rollcall.run.v1");
  CHECK_FALSE(schemas().check("rollcall.run.v1", Json::parse(news.value)));
}
