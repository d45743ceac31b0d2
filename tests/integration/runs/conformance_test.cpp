#include "common/runs/blocks.h"
#include "common/runs/by_hand.h"
#include "common/worker/context.h"
#include "tests/fakes/manual_clock.h"
#include "tests/integration/runs/fixture.h"
#include "tests/simulation/database.h"
#include "workers/scheduler/adapters/lease.h"
#include "workers/scheduler/adapters/requeue.h"
#include "workers/scheduler/adapters/tools.h"

#include <map>
#include <set>

// The simulation's tables against what they stand for: the same steps, drawn from a seed, are taken on the
// fake and, by the product's own adapters, on PostgreSQL; both must answer alike and leave the same rows.

using namespace rollcall;
using namespace rollcall::test;

namespace {

using simulation::Random;
using simulation::RunsTable;

constexpr const char* worker_kind = "member-sync";
/// Ages are multiples of it and the time that a few statements take: 2 s and more below every limit (8 and
/// 10 s, and those of options()).
constexpr std::chrono::milliseconds leap{6'000};

scheduler::SchedulerOptions options(const std::string& prefix) {
  scheduler::SchedulerOptions options;
  options.topic_prefix = prefix;
  options.lease = 4s;
  options.resend_after = 62s;
  return options;
}

class Pair {
 public:
  explicit Pair(std::uint64_t seed) : random_(seed) {
    table_.on_taken = [](const auto&) {};
    for (int i = 0; i < 2; ++i)
      organizations_.push_back(random_.uuid());
    // A rescue counts from PostgreSQL's start.
    REQUIRE(eventually([&] {
      return bench_.database.query("SELECT now() - pg_postmaster_start_time() > interval '15 s'")[0].flag(0);
    }));
    leapt_ = std::chrono::steady_clock::now();
  }

  void step() {
    now_ += 1ms;
    if (std::chrono::steady_clock::now() - leapt_ > 500ms) pass_time();
    static constexpr std::array<void (Pair::*)(), 17> steps{
        &Pair::enqueue, &Pair::enqueue,  &Pair::enqueue_unless_open,
        &Pair::claim,   &Pair::claim,    &Pair::claim,
        &Pair::join,    &Pair::join,     &Pair::settle,
        &Pair::settle,  &Pair::hold,     &Pair::heartbeat,
        &Pair::cancel,  &Pair::retry,    &Pair::requeue,
        &Pair::lead,    &Pair::pass_time};
    (this->*random_.pick(steps))();
    compare_rows();
  }

 private:
  struct Held {  // one claim, as both sides know it
    std::string instance;
    std::shared_ptr<worker::Claimed> real, fake;
  };
  /// What is published: topic, run and state; a command has none.
  using Published = std::multiset<std::tuple<std::string, std::string>>;

  [[nodiscard]] static Json parameters_of(int parameters) { return {{"dry_run", parameters != 0}}; }

  Published published(const std::vector<kafka::Message>& messages) {
    Published all;
    for (const auto& message : messages) {
      const auto value = Json::parse(message.value);
      all.emplace(value.at("run_id"), value.value("state", std::string{}));
    }
    return all;
  }
  Published published(const RunsTable::Messages& messages) {
    Published all;
    for (const auto& message : messages) {
      if (const auto* news = std::get_if<simulation::RunNews>(&message.payload)) {
        all.emplace(news->run.to_string(), news->state);
      } else {
        all.emplace(std::get<simulation::CommandNote>(message.payload).run.to_string(), std::string{});
      }
    }
    return all;
  }

  /// A run that is known, now and then one that is not.
  Uuid some_run() {
    if (table_.rows.empty() || random_.chance(0.15)) return random_.uuid();
    auto at = table_.rows.begin();
    std::advance(at, random_.below(static_cast<int>(table_.rows.size())));
    return at->first;
  }
  std::string some_instance() { return random_.chance(0.5) ? "one" : "two"; }

  runs::NewRun new_run(const RunsTable::Asked& asked) {
    runs::NewRun run;
    run.id = asked.run;
    run.worker = worker_kind;
    run.operation = "sync";
    run.organization_id = asked.organization;
    run.parameters = parameters_of(asked.parameters);
    run.bulk = asked.bulk;
    return run;
  }
  RunsTable::Asked ask() {
    return {random_.uuid(), random_.pick(organizations_), {}, random_.below(2), random_.chance(0.4)};
  }

  void enqueue() {
    const auto asked = ask();
    RunsTable::Messages messages;
    const auto fake = table_.enqueue(asked, now_, messages);
    const auto real = bench_.database.transact(
        [&](postgres::Transaction& t) { return runs::enqueue(t, {new_run(asked)}, wall_now()); });
    CHECK(real.asked.at(0).run == fake);
    CHECK(published(real.stored.messages) == published(messages));
  }

  void enqueue_unless_open() {
    const auto asked = ask();
    RunsTable::Messages messages;
    table_.enqueue_unless_open(asked, now_, messages);
    const auto real = bench_.database.transact(
        [&](postgres::Transaction& t) { return runs::enqueue_block(t, {new_run(asked)}, wall_now(), true); });
    CHECK(published(real.messages) == published(messages));
  }

  /// The command of a run both sides understand: the fake's parameters are a number.
  worker::Command command_of(const Uuid& run, bool real) {
    const auto known = table_.rows.find(run);
    const bool there = known != table_.rows.end();
    const int parameters = there ? known->second.parameters : 0;
    worker::Command command;
    command.run_id = run;
    command.organization_id = there ? known->second.organization : organizations_.front();
    command.operation = "sync";
    command.parameters = real ? parameters_of(parameters) : Json(parameters);
    command.parameters_hash = real ? runs::parameters_hash(command.parameters) : std::to_string(parameters);
    return command;
  }

  void claim() {
    std::set<Uuid> ids;
    for (int n = random_.between(1, 3); n > 0; --n)
      ids.insert(some_run());
    std::vector<worker::Command> real_commands, fake_commands;
    for (const auto& id : ids) {
      real_commands.push_back(command_of(id, true));
      fake_commands.push_back(command_of(id, false));
    }
    const auto instance = some_instance();
    const auto fake = table_.claim({instance, nullptr}, fake_commands, now_, random_);
    const auto real = bench_.database.transact([&](postgres::Transaction& t) {
      return worker::claim_block(t, {worker_kind, instance}, real_commands, wall_now());
    });
    REQUIRE(real.claimed.size() == fake.claimed.size());
    for (std::size_t i = 0; i < real.claimed.size(); ++i) {
      const auto &left = *real.claimed[i], &right = *fake.claimed[i];
      CHECK(left.run.id == right.run.id);
      CHECK(left.run.attempt == right.run.attempt);
      CHECK(left.run.resumed == right.run.resumed);
      CHECK(left.cancel_requested == right.cancel_requested);
      CHECK(left.followed == right.followed);
      held_.push_back({instance, real.claimed[i], fake.claimed[i]});
    }
    std::set<std::size_t> known;
    for (const auto& one : real.known)
      known.insert(one.command);
    CHECK(known == std::set(fake.known.begin(), fake.known.end()));
    CHECK(std::set(real.held.begin(), real.held.end()) == std::set(fake.held.begin(), fake.held.end()));
  }

  /// Some claim of any time; most of them are over.
  const Held* some_held() {
    if (held_.empty()) return nullptr;
    const auto recent = std::min<int>(6, static_cast<int>(held_.size()));
    return &held_[held_.size() - 1 - static_cast<std::size_t>(random_.below(recent))];
  }

  void join() {
    const auto* leader = some_held();
    const auto run = some_run();
    if (!leader || leader->real->run.id == run) return;
    const auto real_command = command_of(run, true), fake_command = command_of(run, false);
    const auto real = bench_.database.transact([&](postgres::Transaction& t) {
      return worker::join_block(t, worker_kind, {{&real_command, leader->real->run.id, leader->real->claim}});
    });
    const auto fake = table_.join({{&fake_command, leader->fake->run.id, leader->fake->claim}}, now_);
    CHECK(real.size() == fake.size());
  }

  worker::Settlement some_settlement(WallTime now, int kind) {
    const worker::RetryPolicy policy{.attempts_max = 3, .backoff = {3'500ms, 3'500ms}};
    switch (kind) {
      case 0:
        return worker::settlement_of(worker::Done{}, 1, now, policy, now, 0);
      case 1:
        return worker::settlement_of(worker::Failed{"broken", "Broken.", nullptr}, 1, now, policy, now, 0);
      case 2:
        return worker::settlement_of(worker::RetryAfter{"later", "Later.", 3'500ms}, 1, now, policy, now, 0);
      case 3:
        return worker::settlement_of(worker::WaitUntil{"later", "Later.", now + 10'500ms}, 1, now, policy,
                                     now, 0);
      case 4:
        return worker::released();
      default:
        return worker::cancelled();
    }
  }

  void settle() {
    const auto* held = some_held();
    if (!held) return;
    const int kind = random_.below(6);
    worker::Finished real{held->real, some_settlement(wall_now(), kind), {}, true};
    worker::Finished fake{held->fake, some_settlement(now_, kind), {}, true};
    RunsTable::Messages messages;
    const auto kept = table_.settle({&fake}, now_, messages);
    const auto settled = bench_.database.transact(
        [&](postgres::Transaction& t) { return worker::settle_block(t, worker_kind, {&real}, wall_now()); });
    CHECK(settled.held.at(0) == kept.contains(held->fake->run.id));
    CHECK(real.settlement.state == fake.settlement.state);
    CHECK(published(settled.published.messages) == published(messages));
  }

  void hold() {
    const auto* held = some_held();
    if (!held) return;
    worker::InFlight in_flight(bench_.clock);
    worker::LoopContext context(
        {worker_kind, bench_.database, bench_.producer, outbox_, in_flight, bench_.clock}, *held->real, {});
    CHECK(code_of([&] { context.checkpoint({}, {}); }) ==
          code_of([&] { table_.hold(held->fake->run.id, held->fake->claim, now_); }));
  }

  void heartbeat() {
    const auto* held = some_held();
    if (!held) return;
    const auto id = held->real->run.id;
    fakes::ManualClock clock;
    worker::InFlight in_flight(clock);
    in_flight.add(id);
    in_flight.claimed(held->real);
    clock.advance(runs::heartbeat_every);
    in_flight.heartbeat(bench_.database);
    const auto heard = table_.heartbeat({{id, held->fake->claim}}, now_, [] { return false; }).at(id);
    CHECK(in_flight.confirmed(id) == heard.renewed);
    CHECK(in_flight.cancelled(id) == (heard.cancel_requested && !heard.lost));
    CHECK(in_flight.stop_of(id).stop_requested() == (heard.cancel_requested || heard.lost));
  }

  void cancel() {
    const auto run = some_run();
    RunsTable::Messages messages;
    table_.cancel(run, now_, messages);
    by_hand([&](postgres::Transaction& t) { return runs::cancel(t, run, "test", wall_now()).stored; },
            messages);
  }

  void retry() {
    const auto run = some_run();
    RunsTable::Messages messages;
    table_.retry(run, now_, messages);
    by_hand([&](postgres::Transaction& t) { return runs::retry(t, run, "test", wall_now()); }, messages);
  }

  /// The fake does nothing where the product says why it does nothing.
  void by_hand(const std::function<runs::Stored(postgres::Transaction&)>& work,
               const RunsTable::Messages& messages) {
    runs::Stored stored;
    code_of([&] { stored = bench_.database.transact(work); });
    CHECK(published(stored.messages) == published(messages));
  }

  void requeue() {
    if (!term_) return;
    RunsTable::Messages resumed, rescued, resent;
    table_.resume(now_, resumed);
    table_.rescue(now_, options_.rescue_after, rescued);
    table_.resend(now_, options_.resend_after, resent);
    const scheduler::Tools tools{options_, *term_, bench_.producer, outbox_, bench_.clock, bench_.metrics};
    scheduler::Requeue real(tools);
    const auto told = code_of([&] {
      CHECK(real.resume() * 2 == static_cast<long>(resumed.size()));  // a command and news of each
      CHECK(real.rescue() * 2 == static_cast<long>(rescued.size()));
      CHECK(real.resend() == static_cast<long>(resent.size()));
    });
    CHECK(told == "");
  }

  /// Two schedulers ask for the lease, renew it, write under it.
  void lead() {
    const auto fake = lease_.acquire(now_, options_.lease);
    auto real = random_.pick(leases_).acquire();
    REQUIRE(real.has_value() == fake.has_value());
    if (real) {
      CHECK(real->fencing() == *fake);
      if (term_) former_.emplace(*term_, number_);
      term_.emplace(std::move(*real));
      number_ = *fake;
    }
    const auto renew = [&](const scheduler::Term& term, long number) {
      CHECK(leases_[0].renew(term) == lease_.renew(number, now_, options_.lease));
    };
    const auto write = [&](scheduler::Term& term, long number) {
      CHECK(code_of([&] { term.transact([](auto& t) { return t.execute("SELECT 1"); }); }) ==
            code_of([&] { lease_.check(number); }));
    };
    if (random_.chance(0.3)) renew(*term_, number_);
    write(*term_, number_);
    if (!former_) return;
    renew(former_->first, former_->second);
    write(former_->first, former_->second);
  }

  /// On both sides `leap` has passed since the last time.
  void pass_time() {
    const auto real = std::chrono::steady_clock::now();
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(real - leapt_);
    leapt_ = real;
    now_ += leap;
    const auto shift = postgres::value(static_cast<long>((leap - elapsed).count()));
    bench_.database.execute(
        "UPDATE ops.runs SET created_at = created_at - s, queued_at = queued_at - s, started_at = started_at "
        "- s, "
        "heartbeat_at = heartbeat_at - s, resume_at = resume_at - s FROM (SELECT $1::bigint * interval "
        "'1 millisecond' AS s) shift",
        {shift});
    bench_.database.execute(
        "UPDATE ops.claim_blocks SET claimed_at = claimed_at - $1::bigint * interval '1 millisecond'",
        {shift});
    bench_.database.execute(
        "UPDATE ops.leases SET expires_at = expires_at - $1::bigint * interval '1 millisecond'", {shift});
  }

  void compare_rows() {
    const auto rows = bench_.database.query(
        "SELECT id, concat_ws(' ', state, attempt, coalesce(claimed_by, '-'), coalesce(joined_to::text, "
        "'-'), "
        "cancel_requested, bulk, resends, claim IS NOT NULL, heartbeat_at IS NOT NULL, resume_at IS NOT "
        "NULL, "
        "started_at IS NOT NULL, finished_at IS NOT NULL, outcome) FROM ops.runs");
    REQUIRE(rows.size() == table_.rows.size());
    const auto flag = [](bool set) { return set ? "t" : "f"; };
    for (const auto& row : rows) {
      const auto& fake = table_.rows.at(row.uuid(0));
      CHECK(row.text(1) == fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}{}", fake.state, fake.attempt,
                                       fake.claimed_by.empty() ? "-" : fake.claimed_by,
                                       fake.joined_to.is_nil() ? "-" : fake.joined_to.to_string(),
                                       flag(fake.cancel_requested), flag(fake.bulk), fake.resends,
                                       flag(!fake.claim.is_nil()), flag(fake.heartbeat_at.has_value()),
                                       flag(fake.resume_at.has_value()), flag(fake.started_at.has_value()),
                                       flag(fake.finished_at.has_value()),
                                       fake.outcome.empty() ? "" : " " + fake.outcome));
    }
  }

  Bench bench_;
  runs::OutboxPublisher outbox_{bench_.database, bench_.producer};
  const scheduler::SchedulerOptions options_ = options(bench_.prefix);
  std::vector<scheduler::Lease> leases_{{bench_.database, "scheduler", "one", options_.lease},
                                        {bench_.database, "scheduler", "two", options_.lease}};
  std::optional<scheduler::Term> term_;
  std::optional<std::pair<scheduler::Term, long>> former_;
  long number_ = 0;
  Random random_;
  RunsTable table_;
  simulation::Lease lease_;
  WallTime now_ = wall_now();
  std::chrono::steady_clock::time_point leapt_;
  std::vector<Uuid> organizations_;
  std::vector<Held> held_;
};

}  // namespace

TEST_CASE("the simulation's tables answer as PostgreSQL does") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    INFO("seed " << seed);
    Pair pair(seed);
    for (int i = 0; i < 250; ++i) {
      INFO("step " << i);
      pair.step();
    }
  }
}
