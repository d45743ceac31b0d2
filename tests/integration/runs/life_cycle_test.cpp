#include "tests/integration/runs/fixture.h"

#include <functional>
#include <mutex>

using namespace rollcall;
using namespace rollcall::test;

namespace {

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return "";
}

}  // namespace

TEST_CASE("a run that needs approval goes on with the digest approved, and not without") {
  Bench bench;
  std::mutex mutex;
  std::vector<std::string> digests;
  TestHandler handler([&](const worker::Run& run, worker::RunContext&) -> worker::Outcome {
    const std::lock_guard lock(mutex);
    digests.push_back(run.approved_digest);
    if (run.approved_digest == "d1") return worker::Done{};
    return worker::NeedsApproval{"guard_removals", "9 of 10 would go.", "d1", {{"removed", 9}}};
  });
  bench.start(handler);
  const auto run = bench.send_command();
  const auto refused = bench.send_command();
  CHECK(eventually([&] { return bench.is(run, "needs_approval") && bench.is(refused, "needs_approval"); }));
  const auto approve = [&] {
    return bench.database.transact(
        [&](postgres::Transaction& t) { return runs::approve(t, run, "cli", wall_now()); });
  };
  const auto stored = approve();
  REQUIRE(stored.messages.size() == 2);
  CHECK(code_of(approve) == "not_waiting_for_approval");
  bench.database.transact(
      [&](postgres::Transaction& t) { return runs::reject(t, refused, "cli", wall_now()); });
  CHECK(bench.is(refused, "cancelled"));
  CHECK(code_of([&] {
          bench.database.transact(
              [&](postgres::Transaction& t) { runs::reject(t, crypto::new_uuid(), "cli", wall_now()); });
        }) == "run_not_found");
  bench.send(".commands", stored.messages[0].key, stored.messages[0].value);
  CHECK(eventually([&] { return bench.is(run, "succeeded"); }));
  bench.stop();
  CHECK(digests == std::vector<std::string>{"", "", "d1"});
  CHECK(bench.count("ops.run_events WHERE event IN ('approved', 'rejected')") == 2);
}

TEST_CASE("enqueue stores run and command together, and once") {
  Bench bench;
  const runs::NewRun run{crypto::new_uuid(), "contoso",           "member-sync", "sync-members", "cli",
                         crypto::new_uuid(), {{"dry_run", true}}, false};
  const auto enqueue = [&] {
    return bench.database.transact(
        [&](postgres::Transaction& t) { return runs::enqueue(t, run, wall_now()); });
  };
  const auto stored = enqueue();
  REQUIRE(stored.ids.size() == 1);
  CHECK(stored.messages[0].topic == "rollcall.member-sync.commands");
  CHECK_FALSE(bench.schemas.check("rollcall.member-sync.command.v1", Json::parse(stored.messages[0].value)));
  CHECK(enqueue().ids.empty());
  CHECK(bench.is(run.id, "queued"));
  CHECK(bench.count("ops.outbox") == 1);
  CHECK(bench.count("ops.runs WHERE length(parameters_hash) = 64") == 1);
}

TEST_CASE("more messages than a row holds are several rows, each deleted when all of its own are delivered") {
  Bench bench;
  runs::OutboxPublisher publisher(bench.database, bench.producer);
  std::vector<kafka::Message> messages(
      1200, runs::make_message(bench.topic(".commands"), "k", "t", "i", {{"a", 1}}, wall_now()));
  auto ids =
      bench.database.transact([&](postgres::Transaction& t) { return runs::store_in_outbox(t, messages); });
  CHECK(ids.size() == 3);
  publisher.publish(ids, messages);
  publisher.flush(20s);
  CHECK(bench.count("ops.outbox") == 0);
}

TEST_CASE("the publisher deletes what was delivered") {
  Bench bench;
  runs::OutboxPublisher publisher(bench.database, bench.producer);
  std::vector<kafka::Message> messages(
      10, runs::make_message(bench.topic(".commands"), "k", "t", "i", {{"a", 1}}, wall_now()));
  auto ids =
      bench.database.transact([&](postgres::Transaction& t) { return runs::store_in_outbox(t, messages); });
  publisher.publish(std::move(ids), messages);
  publisher.flush(20s);
  CHECK(bench.count("ops.outbox") == 0);
}
