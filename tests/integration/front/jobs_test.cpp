#include "tests/integration/front/jobs_world.h"
#include "tests/support/catch.h"

#include <thread>

using namespace rollcall;
using namespace rollcall::front_test;

namespace {

class JobsWorld {
 public:
  JobsWorld()
      : world(migrated_database(), [this](World& made) {
          producer.emplace(kafka::Options{test::kafka_brokers(), "front-test", {}});
          outbox.emplace(made.database, *producer);
          parts.emplace(front::Parts{made.database, *outbox, made.pool, made.clock, entra::tenant});
          return front::jobs_routes(*parts);
        }) {
    ours = world.add_organization("Ours");
    foreign = add_foreign_organization(world.database);
  }
  ~JobsWorld() {
    world.pipeline.reset();
    outbox.reset();
  }

  front::Response get(const std::string& path, const std::string& token) {
    return world.ask({.target = "/api/v1/jobs" + path, .token = token});
  }
  front::Response post(const Uuid& job, const std::string& deed, const std::string& token,
                       const std::string& body = {}) {
    return world.ask({.method = "POST",
                      .target = "/api/v1/jobs/" + job.to_string() + "/" + deed,
                      .token = token,
                      .body = body});
  }
  Uuid add(JobRow row) {
    if (!row.organization) row.organization = ours;
    return add_job(world.database, row);
  }
  std::string state_of(const Uuid& job) {
    return world.database.query("SELECT state FROM ops.runs WHERE id = $1::uuid", {postgres::value(job)})[0]
        .text(0);
  }
  long audited(const std::string& action) {
    return world.database
        .query(
            "SELECT count(*) FROM ops.outbox o, jsonb_array_elements(o.messages) m WHERE m ->> 'topic' = "
            "'rollcall.audit' AND (m ->> 'payload')::jsonb ->> 'action' = $1",
            {postgres::value(action)})[0]
        .number(0);
  }
  /// The outbox is looked at: nothing is to be sent and deleted meanwhile.
  void keep_outbox() {
    world.database.execute("CREATE RULE keep AS ON DELETE TO ops.outbox DO INSTEAD NOTHING");
  }

  std::optional<kafka::Producer> producer;
  std::optional<runs::OutboxPublisher> outbox;
  std::optional<front::Parts> parts;
  World world;
  Uuid ours, foreign;
};

std::vector<std::string> ids_in(const Json& page) {
  std::vector<std::string> ids;
  for (const auto& job : page["value"])
    ids.push_back(job["job_id"]);
  return ids;
}

std::string code_of(const front::Response& response) {
  return World::json(response)["code"];
}

}  // namespace

TEST_CASE("A job is shown to who administers its organization, asked for it, or operates the tenant") {
  JobsWorld jobs;
  const auto path = [](const Uuid& job) { return "/" + job.to_string(); };
  const auto mine = jobs.add({.asked_by = identity_of(stranger)});
  const auto foreign = jobs.add({.organization = jobs.foreign});
  const auto other_tenant = jobs.add({.tenant = "another", .organization = crypto::new_uuid()});

  CHECK(jobs.get(path(mine), token_of(admin)).status == 200);
  CHECK(jobs.get(path(mine), token_of(stranger)).status == 200);
  CHECK(jobs.get(path(mine), operator_token()).status == 200);
  for (const auto& token : {token_of(member), token_of(other_admin)}) {
    CHECK(jobs.get(path(mine), token).status == 404);
    CHECK(code_of(jobs.get(path(mine), token)) == "job_not_found");
  }
  CHECK(jobs.get(path(foreign), token_of(admin)).status == 404);
  CHECK(jobs.get(path(foreign), token_of(other_admin)).status == 200);
  CHECK(jobs.get(path(other_tenant), operator_token()).status == 404);
  CHECK(jobs.get("/" + crypto::new_uuid().to_string(), operator_token()).status == 404);
  CHECK(jobs.get("/7", operator_token()).status == 400);
  CHECK(code_of(jobs.get("/7", operator_token())) == "path_invalid");
  // A right that was taken away is gone with the next question.
  jobs.world.database.execute("UPDATE directory.members SET departed_at = now()");
  CHECK(jobs.get(path(mine), token_of(admin)).status == 404);
}

TEST_CASE("A job's answer matches its schema in every state, and says when to ask again") {
  JobsWorld jobs;
  const std::vector<std::pair<std::string, std::string>> states = {
      {"queued", "attempt = 0"},
      {"running", "progress = '{\"done\": 1, \"total\": 3}', started_at = now(), cancel_requested = true"},
      {"waiting", "resume_at = now() + interval '1 hour', error_code = 'throttled', error_message = 'x'"},
      {"needs_approval", "result = '{\"plan_digest\": \"d1\", \"removed\": 5}'"},
      {"succeeded", "result = '{\"added\": 1}', finished_at = now(), duration_ms = 12"},
      {"failed", "error_code = 'graph_refused', error_message = 'no', finished_at = now()"},
      {"cancelled", "finished_at = now(), joined_to = gen_random_uuid()"}};
  for (const auto& [state, more] : states) {
    INFO(state);
    const auto job = jobs.add({.state = state, .more = more});
    const auto response = jobs.get("/" + job.to_string(), token_of(admin));
    REQUIRE(response.status == 200);
    const Json body = World::json(response);
    for (const auto& mistake : jobs.world.components.mistakes("Job", body))
      FAIL(mistake.pointer << ": " << mistake.what);
    CHECK(body["state"] == state);
    CHECK(body["job_id"] == job.to_string());
    const bool over = state == "succeeded" || state == "failed" || state == "cancelled";
    CHECK(World::header(response, "Retry-After").empty() == over);
    CHECK(body["plan_digest"] == (state == "needs_approval" ? Json("d1") : Json(nullptr)));
  }
}

TEST_CASE("The list has what the caller may see, newest first, and pages without gap or repetition") {
  JobsWorld jobs;
  std::vector<std::string> expected;
  for (int i = 0; i < 25; ++i) {
    // Several of one moment: the id tells them apart.
    const std::string minute = std::to_string(10 + i / 4);
    expected.push_back(jobs.add({.state = i % 5 == 0 ? "failed" : "running",
                                 .created_at = "2026-11-21T09:" + minute + ":00.123456Z"})
                           .to_string());
    jobs.add({.organization = jobs.foreign, .created_at = "2026-11-21T09:" + minute + ":00Z"});
  }
  const auto asked = jobs.add(
      {.asked_by = identity_of(admin), .organization = jobs.foreign, .created_at = "2026-11-21T10:00:00Z"});
  std::vector<std::string> seen;
  std::string path = "?limit=4";
  for (int page = 0; !path.empty() && page < 20; ++page) {
    const auto response = jobs.get(path, token_of(admin));
    REQUIRE(response.status == 200);
    const Json body = World::json(response);
    CHECK(jobs.world.components.mistakes("JobPage", body).empty());
    for (const auto& id : ids_in(body))
      seen.push_back(id);
    const std::string next = body.value("nextLink", "");
    path = next.empty() ? "" : next.substr(next.find('?'));
  }
  REQUIRE(seen.size() == 26);
  CHECK(seen[0] == asked.to_string());
  std::sort(seen.begin(), seen.end());
  CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
  CHECK(ids_in(World::json(jobs.get("?limit=200", operator_token()))).size() == 51);
  CHECK(ids_in(World::json(jobs.get("?limit=200", token_of(other_admin)))).size() == 26);
  CHECK(ids_in(World::json(jobs.get("", token_of(stranger)))).empty());

  const auto count = [&](const std::string& query) {
    return ids_in(World::json(jobs.get("?limit=200&" + query, token_of(admin)))).size();
  };
  CHECK(count("state=failed") == 5);
  CHECK(count("worker=member-sync") == 26);
  CHECK(count("worker=none") == 0);
  CHECK(count("operation=sync-members") == 26);
  CHECK(count("organization=" + jobs.ours.to_string()) == 25);
  CHECK(count("organization=" + jobs.foreign.to_string()) == 1);
  CHECK(count("since=2026-11-21T09:16:00Z") == 2);
  CHECK(jobs.get("?state=done", token_of(admin)).status == 400);
  CHECK(jobs.get("?limit=0", token_of(admin)).status == 400);
  CHECK(code_of(jobs.get("?cursor=00", token_of(admin))) == "cursor_invalid");
}

TEST_CASE("Many who ask at once all get their own answer") {
  JobsWorld jobs;
  std::vector<Uuid> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(jobs.add(
        {.operation = "operation-" + std::to_string(i), .organization = i % 2 ? jobs.ours : jobs.foreign}));
  std::atomic<int> wrong = 0;
  const auto look = [&](const std::string& person, bool sees_ours) {
    const auto token = token_of(person);
    for (int round = 0; round < 5; ++round)
      for (std::size_t i = 0; i < all.size(); ++i) {
        const auto response = jobs.get("/" + all[i].to_string(), token);
        const bool visible = (i % 2 == 1) == sees_ours;
        if (response.status != (visible ? 200 : 404)) ++wrong;
        if (visible && World::json(response)["operation"] != "operation-" + std::to_string(i)) ++wrong;
      }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back(look, i % 2 ? admin : other_admin, i % 2 == 1);
  threads.clear();
  CHECK(wrong == 0);
}

TEST_CASE("Cancel ends what has not begun, asks what runs to stop, and may be asked twice") {
  JobsWorld jobs;
  jobs.keep_outbox();
  const auto queued = jobs.add({.state = "queued"});
  const auto done = jobs.post(queued, "cancel", token_of(admin));
  CHECK(done.status == 200);
  CHECK(World::json(done)["state"] == "cancelled");
  CHECK(jobs.audited("job_cancelled") == 1);
  CHECK(jobs.post(queued, "cancel", token_of(admin)).status == 200);
  CHECK(jobs.audited("job_cancelled") == 1);

  const auto running = jobs.add({.state = "running"});
  const auto asked = jobs.post(running, "cancel", token_of(admin));
  CHECK(asked.status == 202);
  CHECK(World::header(asked, "Operation-Location").ends_with("/api/v1/jobs/" + running.to_string()));
  CHECK(World::json(asked)["cancel_requested"] == true);
  CHECK(jobs.state_of(running) == "running");

  const auto over = jobs.add({.state = "succeeded"});
  CHECK(jobs.post(over, "cancel", token_of(admin)).status == 409);
  CHECK(code_of(jobs.post(over, "cancel", token_of(admin))) == "run_finished");
}

TEST_CASE("Retry queues a failed job again") {
  JobsWorld jobs;
  const auto failed = jobs.add({.state = "failed"});
  const auto answer = jobs.post(failed, "retry", token_of(admin));
  CHECK(answer.status == 202);
  CHECK(World::json(answer)["state"] == "queued");
  CHECK(code_of(jobs.post(failed, "retry", token_of(admin))) == "run_not_failed");
}

TEST_CASE("An approval names the plan, and another plan's is refused") {
  JobsWorld jobs;
  jobs.keep_outbox();
  const JobRow waiting{.state = "needs_approval", .more = R"(result = '{"plan_digest": "abc"}')"};
  const auto job = jobs.add(waiting);
  CHECK(code_of(jobs.post(job, "approve", token_of(admin))) == "body_missing");
  CHECK(code_of(jobs.post(job, "approve", token_of(admin), R"({"digets": "abc"})")) == "schema_violation");
  const auto other = jobs.post(job, "approve", token_of(admin), R"({"digest": "abd"})");
  CHECK(other.status == 409);
  CHECK(code_of(other) == "plan_changed");
  CHECK(jobs.state_of(job) == "needs_approval");
  const auto approved = jobs.post(job, "approve", token_of(admin), R"({"digest": "abc"})");
  CHECK(approved.status == 202);
  CHECK(jobs.state_of(job) == "queued");
  CHECK(jobs.audited("job_approved") == 1);
  CHECK(code_of(jobs.post(job, "approve", token_of(admin), R"({"digest": "abc"})")) ==
        "not_waiting_for_approval");

  const auto second = jobs.add(waiting);
  const auto rejected = jobs.post(second, "reject", token_of(admin));
  CHECK(rejected.status == 200);
  CHECK(World::json(rejected)["state"] == "cancelled");
  CHECK(World::json(rejected)["error"]["code"] == "rejected");
}

TEST_CASE(
    "What a caller may not see it cannot touch, and what it may only see it cannot let change a group") {
  JobsWorld jobs;
  const auto job = jobs.add({.state = "failed", .asked_by = identity_of(stranger)});
  for (const auto* deed : {"cancel", "retry", "reject"})
    CHECK(jobs.post(job, deed, token_of(other_admin)).status == 404);
  CHECK(jobs.post(job, "approve", token_of(other_admin), R"({"digest": "abc"})").status == 404);
  CHECK(jobs.post(job, "retry", token_of(stranger)).status == 403);
  CHECK(jobs.state_of(job) == "failed");
  CHECK(jobs.post(job, "retry", operator_token()).status == 202);
  // One's own job one may call off.
  CHECK(jobs.post(job, "cancel", token_of(stranger)).status == 200);
}
