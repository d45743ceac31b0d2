#include "workers/front/core/job.h"

#include "tests/support/catch.h"
#include "workers/front/core/viewer.h"

using namespace rollcall;
using namespace rollcall::front;
using namespace std::chrono_literals;

namespace {

const Uuid id = *Uuid::parse("11111111-2222-4333-8444-555555555555");
const WallTime now{1'000'000s};

Job job_in(const std::string& state) {
  Job job;
  job.id = id;
  job.state = state;
  return job;
}

Json links_in(const std::string& state) {
  return Json::parse(job_body(job_in(state), "https://r.test"))["links"];
}

}  // namespace

TEST_CASE("A job's body has every member, whatever is known of it") {
  Job job = job_in("failed");
  job.worker = "member-sync";
  job.operation = "quote \" and\nbreak";
  job.attempt = 3;
  job.created_at = now;
  job.result = R"({"added": 1})";
  job.error_code = "graph_refused";
  job.error_message = "Graph said \"no\".";
  const Json body = Json::parse(job_body(job, "https://r.test"));
  CHECK(body["id"] == id.to_string());
  CHECK(body["job_id"] == id.to_string());
  CHECK(body["status"] == "Failed");
  CHECK(body["operation"] == "quote \" and\nbreak");
  CHECK(body["created_at"] == to_rfc3339(now));
  CHECK(body["started_at"].is_null());
  CHECK(body["progress"].is_null());
  CHECK(body["result"]["added"] == 1);
  CHECK(body["error"]["code"] == "graph_refused");
  CHECK(body["error"]["message"] == "Graph said \"no\".");
  CHECK(!body["error"]["cure"].get<std::string>().empty());
  CHECK(body["organization_id"].is_null());
  CHECK(body["plan_digest"].is_null());
  CHECK(Json::parse(job_body(job_in("queued"), ""))["error"].is_null());
}

TEST_CASE("A job's links are what can be done to it now") {
  const std::string self = "https://r.test/api/v1/jobs/" + id.to_string();
  CHECK(links_in("running") ==
        Json({{"self", self}, {"events", self + "/events"}, {"cancel", self + "/cancel"}}));
  CHECK(links_in("needs_approval").contains("approve"));
  CHECK(links_in("needs_approval").contains("reject"));
  CHECK(links_in("failed").contains("retry"));
  CHECK_FALSE(links_in("failed").contains("cancel"));
  CHECK(links_in("succeeded").size() == 2);
}

TEST_CASE("States are final or not, and have their name in long-running operations") {
  for (const auto* state : {"succeeded", "failed", "cancelled"})
    CHECK(is_final(state));
  for (const auto* state : {"queued", "running", "waiting", "needs_approval", "unheard of"})
    CHECK_FALSE(is_final(state));
  CHECK(monitor_status("queued") == "NotStarted");
  CHECK(monitor_status("waiting") == "Running");
  CHECK(monitor_status("cancelled") == "Canceled");
}

TEST_CASE("When to ask again: soon while it runs, when it goes on while it waits, never when it is over") {
  CHECK(ask_again_in(job_in("running"), now) == 1s);
  CHECK_FALSE(ask_again_in(job_in("failed"), now));
  Job waiting = job_in("waiting");
  CHECK(ask_again_in(waiting, now) == 1s);
  waiting.resume_at = now + 7500ms;
  CHECK(ask_again_in(waiting, now) == 8s);
  waiting.resume_at = now - 1h;
  CHECK(ask_again_in(waiting, now) == 1s);
  waiting.resume_at = now + 1h;
  CHECK(ask_again_in(waiting, now) == 60s);
}

TEST_CASE("News has the names of a job") {
  const auto news = read_news(
      R"({"run_id":")" + id.to_string() + R"(","state":"failed","error":{"code":"cancelled","message":"m"}})",
      "e1");
  REQUIRE(news);
  CHECK(news->run == id);
  const Json body = Json::parse(news->body);
  CHECK(body["job_id"] == id.to_string());
  CHECK_FALSE(body.contains("run_id"));
  CHECK(body["event_id"] == "e1");
  CHECK(!body["error"]["cure"].get<std::string>().empty());
  for (const auto* bad : {"", "[]", "{}", R"({"run_id":7})", R"({"run_id":"x"})", "{"})
    CHECK_FALSE(read_news(bad, ""));
}

TEST_CASE("Who may hear of a job") {
  const Audience audience{"t1", "t1/asker", {"t1/admin"}};
  const Uuid someone = id;
  CHECK(may_hear({"t1", "t1/asker", someone}, audience));
  CHECK(may_hear({"t1", "t1/asker", std::nullopt}, audience));  // a program that asked for it
  CHECK(may_hear({"t1", "t1/admin", someone}, audience));
  CHECK_FALSE(may_hear({"t1", "t1/admin", std::nullopt}, audience));  // a program is on no roster
  CHECK_FALSE(may_hear({"t1", "t1/other", someone}, audience));
  CHECK(may_hear({"t1", "t1/other", someone, true}, audience));
  CHECK_FALSE(may_hear({"t2", "t2/other", someone, true}, audience));
  CHECK(may_hear({"t2", "t2/other", someone, true}, {"", "", {}}));
}
