#include "common/runs/by_hand.h"
#include "common/worker/claims.h"
#include "tests/integration/runs/fixture.h"

#include <functional>
#include <mutex>
#include <set>

using namespace rollcall;
using namespace rollcall::test;

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

TEST_CASE("equal commands that wait behind a busy organization are one run, and end as it does") {
  Bench bench;
  std::atomic<bool> go = false;
  TestHandler handler([&](const worker::Run&, worker::RunContext&) -> worker::Outcome {
    while (!go)
      std::this_thread::sleep_for(5ms);
    return worker::Done{{{"added", 1}}};
  });
  bench.start(handler);
  const auto organization = crypto::new_uuid();
  bench.send_command(organization);
  CHECK(eventually([&] { return handler.handled == 1; }));
  std::vector<Uuid> later;
  for (int i = 0; i < 100; ++i)
    later.push_back(bench.send_command(organization));
  auto different = Bench::command(crypto::new_uuid(), organization);
  different["dry_run"] = true;
  bench.send(".commands", organization.to_string(), dump(different));
  CHECK(eventually(
      [&] { return bench.count("ops.runs WHERE state = 'waiting' AND error_code = 'joined'") == 99; }));
  CHECK(eventually([&] { return bench.count("ops.runs") == 102; }));
  go = true;
  CHECK(eventually([&] { return bench.count("ops.runs WHERE state = 'succeeded'") == 102; }));
  std::set<std::string> told;
  bench.read(
      runs::runs_topic,
      [&](const kafka::Message& message) {
        const auto value = Json::parse(message.value);
        if (value.value("organization_id", "") != organization.to_string() ||
            value.at("state") != "succeeded")
          return false;
        return told.insert(value.at("run_id").get<std::string>()).second;
      },
      102);
  bench.stop();
  CHECK(told.size() == 102);
  CHECK(handler.handled == 3);  // the first, one for the hundred, the different one
  CHECK(bench.count("ops.runs WHERE outcome = 'joined' AND result = '{\"added\": 1}'") == 99);
}

TEST_CASE("one run twice in a block to join is joined once, and neither joins where its leader is not held") {
  Bench bench;
  const worker::Claimant claimant{"member-sync", "me"};
  const auto command = [organization = crypto::new_uuid()] {
    worker::Command one;
    one.run_id = crypto::new_uuid();
    one.organization_id = organization;
    one.tenant_id = one.operation = one.caller_identity = "x";
    return one;
  };
  const auto leader = command(), first = command(), other = command(), twin = first;
  const auto claim = bench.database.transact([&](postgres::Transaction& t) {
    return worker::claim_block(t, claimant, {leader}, wall_now()).claimed.at(0)->claim;
  });
  const auto join = [&](const Uuid& leader_claim) {
    return bench.database.transact([&](postgres::Transaction& t) {
      return worker::join_block(t, claimant.worker,
                                {{&first, leader.run_id, leader_claim},
                                 {&other, leader.run_id, leader_claim},
                                 {&twin, leader.run_id, leader_claim}});
    });
  };
  CHECK(join(crypto::new_uuid()) == std::vector<const worker::Command*>{&first, &other, &twin});
  CHECK(bench.count("ops.runs") == 1);
  CHECK(join(claim).empty());
  CHECK(bench.count("ops.runs WHERE state = 'waiting' AND joined_to = $1",
                    {postgres::value(leader.run_id)}) == 2);
}

TEST_CASE("a command that came twice joins once, and both its messages are done with") {
  Bench bench;
  std::atomic<bool> go = false;
  TestHandler handler([&](const worker::Run&, worker::RunContext&) {
    while (!go)
      std::this_thread::sleep_for(5ms);
    return worker::Done{};
  });
  const auto received = [&](int count) {
    const auto line = "rollcall_messages_total{worker=\"member-sync\"} " + std::to_string(count) + "\n";
    return bench.metrics.render().find(line) != std::string::npos;
  };
  // While the kind is paused they come together, to be taken as one block.
  bench.database.execute("INSERT INTO ops.worker_pauses (worker, note) VALUES ('member-sync', 'for now')");
  bench.start(handler);
  const auto organization = crypto::new_uuid();
  auto ahead = Bench::command(crypto::new_uuid(), organization);
  ahead["dry_run"] = true;
  bench.send(".commands", organization.to_string(), dump(ahead));
  bench.send_command(organization);
  const auto follower = bench.send_command(organization);
  bench.send(".commands", organization.to_string(), dump(Bench::command(follower, organization)));
  CHECK(eventually([&] { return received(4); }));
  bench.database.execute("DELETE FROM ops.worker_pauses");
  CHECK(eventually([&] { return bench.count("ops.runs") == 3; }));
  CHECK(bench.count("ops.runs WHERE id = $1 AND state = 'waiting' AND error_code = 'joined'",
                    {postgres::value(follower)}) == 1);
  go = true;
  CHECK(eventually([&] { return bench.count("ops.runs WHERE state = 'succeeded'") == 3; }));
  bench.stop();
  CHECK(handler.handled == 2);

  bench.start(handler);
  const auto last = bench.send_command();
  CHECK(eventually([&] { return bench.is(last, "succeeded"); }));
  bench.stop();
  CHECK(received(5));  // none of the four again
}

TEST_CASE("a paused kind claims nothing, and goes on when it is resumed") {
  Bench bench;
  TestHandler handler;
  bench.database.execute(
      "INSERT INTO ops.worker_pauses (worker, note) VALUES ('member-sync', 'maintenance')");
  bench.start(handler);
  CHECK(eventually([&] { return bench.count("ops.workers WHERE worker = 'member-sync'") == 1; }));
  const auto run = bench.send_command();
  std::this_thread::sleep_for(1s);
  CHECK(handler.handled == 0);
  bench.database.execute("DELETE FROM ops.worker_pauses");
  CHECK(eventually([&] { return bench.is(run, "succeeded"); }));
  bench.stop();
  CHECK(bench.count("ops.workers") == 0);
}

TEST_CASE("a run that a living worker holds is left to it; one without a heartbeat is taken over") {
  Bench bench;
  TestHandler handler;
  const auto held = crypto::new_uuid(), dead = crypto::new_uuid();
  bench.database.execute(
      "INSERT INTO ops.runs (id, worker, operation, state, claim, claimed_by, heartbeat_at, attempt) VALUES "
      "($1::uuid, 'member-sync', 'sync-members', 'running', gen_random_uuid(), 'other', now() + interval '1 "
      "hour', 1), "
      "($2::uuid, 'member-sync', 'sync-members', 'running', gen_random_uuid(), 'other', now() - interval '1 "
      "hour', 1)",
      {postgres::value(held), postgres::value(dead)});
  for (const auto& run : {held, dead}) {
    auto command = Bench::command(run, crypto::new_uuid());
    bench.send(".commands", run.to_string(), dump(command));
  }
  bench.start(handler);
  CHECK(eventually([&] { return bench.is(dead, "succeeded"); }));
  std::this_thread::sleep_for(1500ms);  // looked at again meanwhile
  CHECK(bench.is(held, "running"));
  CHECK(handler.handled == 1);
  // Its holder settles it: the message that waited tells the end again.
  bench.database.execute("UPDATE ops.runs SET state = 'succeeded', outcome = 'ok' WHERE id = $1::uuid",
                         {postgres::value(held)});
  const auto news = bench.read(
      runs::runs_topic,
      [&](const kafka::Message& message) {
        return Json::parse(message.value).at("run_id") == held.to_string();
      },
      1);
  bench.stop();
  REQUIRE(news.size() == 1);
  CHECK(Json::parse(news[0].value).at("state") == "succeeded");
}

TEST_CASE(
    "what an attempt carries is there for the next, and a cancel reaches a handler between checkpoints") {
  Bench bench;
  std::mutex mutex;
  std::vector<Json> carried;
  TestHandler handler([&](const worker::Run& run, worker::RunContext& context) -> worker::Outcome {
    {
      const std::lock_guard lock(mutex);
      carried.push_back(run.carried);
    }
    context.carry({{"seen", run.attempt}});
    if (run.attempt == 1) return worker::RetryAfter{"graph_unavailable", "no answer", 1ms};
    while (!context.stop().stop_requested())
      std::this_thread::sleep_for(5ms);
    return worker::WaitUntil{"throttled", "stopped", wall_now()};
  });
  bench.start(handler);
  const auto organization = crypto::new_uuid();
  const auto run = bench.send_command(organization);
  CHECK(eventually([&] { return bench.is(run, "waiting"); }));
  bench.database.execute("UPDATE ops.runs SET state = 'queued' WHERE id = $1::uuid", {postgres::value(run)});
  bench.send(".commands", organization.to_string(), dump(Bench::command(run, organization)));
  CHECK(eventually([&] { return handler.handled == 2; }));
  bench.database.execute("UPDATE ops.runs SET cancel_requested = true WHERE id = $1::uuid",
                         {postgres::value(run)});
  CHECK(eventually([&] { return bench.is(run, "cancelled"); }));
  bench.stop();
  REQUIRE(carried.size() == 2);
  CHECK(carried[0].is_null());
  CHECK(carried[1] == Json{{"seen", 1}});
}
