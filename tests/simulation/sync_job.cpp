#include "tests/simulation/sync_job.h"

#include "common/crypto/crypto.h"

#include <algorithm>

namespace rollcall::simulation {

using namespace member_sync;

namespace {

constexpr int batches_in_flight_max = 4;
constexpr Backoff step_backoff{milliseconds{300}, milliseconds{10'000}};

graph::Cost cost_of(const Batch& batch) {
  const auto size = static_cast<double>(batch.steps.size());
  return {size, size};
}

}  // namespace

SyncJob::SyncJob(Services& services, HostPtr host, GraphLink& link,
                 std::shared_ptr<const worker::Claimed> claimed, Context context)
    : services_(services),
      host_(std::move(host)),
      link_(link),
      claimed_(std::move(claimed)),
      context_(std::move(context)) {}

/// Whose turn is it? The other run of the organization whose plan is being carried out goes first.
void SyncJob::start() {
  services_.database.transact<Turn>(
      host_,
      [this, self = shared_from_this()](Tables& tables) {
        Turn turn;
        turn.begun = services_.timeline.wall();
        for (const auto& [id, plan] : tables.plans) {
          const bool other = id != run() && plan.organization == organization();
          if (other && tables.under_way(id)) turn.wait = milliseconds{1'000};
        }
        const auto plan = tables.plans.find(run());
        if (claimed_->run.resumed && plan != tables.plans.end() && tables.under_way(run()))
          turn.stored = plan->second;
        const auto& roster = tables.organizations[organization()].roster;
        turn.roster.assign(roster.begin(), roster.end());
        return turn;
      },
      [this, self = shared_from_this()](const Database::Answer<Turn>& turn) {
        if (!turn) return end(tl::unexpected(turn.error()));
        if (turn->stored) {
          plan_ = turn->stored->plan;
          std::vector<std::uint32_t> done;
          for (const auto& [change, code] : turn->stored->results)
            done.push_back(change);
          queue_.emplace(plan_, done, true);
          return carry_out();
        }
        if (turn->wait > milliseconds{0})
          return end(worker::WaitUntil{"run_ahead", "", services_.timeline.wall() + turn->wait});
        read_group(*turn);
      });
}

void SyncJob::read_group(Turn turn) {
  const graph::Cost cost{3, 0};
  const auto priority = claimed_->urgent ? graph::Priority::interactive : graph::Priority::bulk;
  link_.acquire(
      cost, priority, organization(), services_.settings.patience,
      [this, self = shared_from_this(), cost, turn = std::move(turn)](const GraphLink::Granted& id) {
        if (!id) return end(tl::unexpected(id.error()));
        link_.check_sending(services_.timeline.now());
        services_.graph.list(
            host_, organization(), [this, self, cost, id = *id, turn](const GraphAnswer& answer) {
              link_.answered(id, cost, answer);
              if (answer.status == 200) return record_plan(turn, answer.members);
              if (answer.status == 429)
                return end(
                    tl::unexpected(Error(Fault::throttled, "throttled", "Retry-After", answer.retry_after)));
              end(tl::unexpected(Error(Fault::transient, "graph_unavailable", "No answer.")));
            });
      });
}

void SyncJob::record_plan(Turn turn, Ids group) {
  plan_ = make_plan({turn.roster, {}, group, {}, RemovalPolicy::mirror});
  const auto first = std::make_shared<bool>(true);
  transact(
      [this, begun = turn.begun, first](Tables& tables) {
        for (const auto& [id, plan] : tables.plans) {
          const bool other = id != run() && plan.organization == organization();
          if (other && tables.under_way(id)) *first = false;
        }
        if (tables.organizations[organization()].synced_at > begun) *first = false;
        if (*first && !plan_.empty())
          tables.plans[run()] = {organization(), plan_, true, {}, services_.timeline.wall()};
        return std::vector<Message>{};
      },
      [this, first] {
        if (!*first)
          return end(worker::WaitUntil{"run_ahead", "", services_.timeline.wall() + milliseconds{100}});
        services_.timeline.note("{}: run {} plans {} adds, {} removals", host_->name, brief(run()),
                                plan_.adds.size(), plan_.removals.size());
        queue_.emplace(plan_, std::vector<std::uint32_t>{}, false);
        carry_out();
      });
}

void SyncJob::carry_out() {
  go_on();
}

/// What Applier::run() does each time round.
void SyncJob::go_on() {
  if (ended_) return;
  if (context_.stop.stop_requested()) stopped_ = true;
  if (!pending_.empty() && !storing_ && !error_) checkpoint();
  if (!stopping()) fill();
  if (in_flight_ > 0 || launching_ || storing_ || (!pending_.empty() && !error_)) return;
  if (error_) return end(tl::unexpected(*error_));
  const auto now = services_.timeline.wall();
  if (pause_) return end(worker::WaitUntil{"throttled", "", now + *pause_});
  if (stopped_) return end(worker::WaitUntil{"throttled", "stops", now});
  if (queue_->empty()) return finish();
  if (const auto due = queue_->next_due(); due && !look_again_) {
    look_again_ = true;
    const auto wait =
        std::max(milliseconds{1}, std::chrono::ceil<milliseconds>(*due - services_.timeline.now()));
    services_.timeline.after(std::min(wait, milliseconds{500}), host_, [this, self = shared_from_this()] {
      look_again_ = false;
      go_on();
    });
  }
}

void SyncJob::fill() {
  while (in_flight_ < batches_in_flight_max && !launching_ && !stopping()) {
    Batch batch = queue_->next_batch(services_.timeline.now());
    if (batch.steps.empty()) return;
    launch(batch);
  }
}

/// Room for the call, then the last look before something that cannot be taken back: is the run still ours?
void SyncJob::launch(const Batch& batch) {
  launching_ = true;
  const auto priority = claimed_->urgent ? graph::Priority::interactive : graph::Priority::bulk;
  link_.acquire(cost_of(batch), priority, organization(), services_.settings.patience,
                [this, self = shared_from_this(), batch](const GraphLink::Granted& id) {
                  if (!id) return not_sent(batch, id.error());
                  confirm([this, batch, id = *id, granted = services_.timeline.now()](bool ours) {
                    if (ours && !error_) return send(batch, id, granted);
                    launching_ = false;
                    link_.give_back(id);
                    queue_->put_back(batch);
                    if (ours) go_on();
                  });
                });
}

void SyncJob::confirm(std::function<void(bool ours)> done) {
  if (context_.confirmed()) return done(true);
  const auto asked = std::make_shared<std::function<void(bool)>>(std::move(done));
  transact([](Tables&) { return std::vector<Message>{}; }, [this, asked] { confirm(*asked); },
           [asked] { (*asked)(false); });
}

void SyncJob::not_sent(const Batch& batch, const Error& error) {
  launching_ = false;
  queue_->put_back(batch);
  if (error.fault() == Fault::throttled) {
    pause_ = error.retry_after().value_or(milliseconds{10'000});
  } else {
    error_ = error;
  }
  go_on();
}

void SyncJob::send(const Batch& batch, std::uint64_t reservation, SteadyTime granted) {
  launching_ = false;
  ++in_flight_;
  link_.check_sending(granted);
  check_ours();
  std::vector<GraphService::Change> parts;
  for (const auto& step : batch.steps) {
    GraphService::Change change{step.kind, {}};
    for (const auto index : step.changes)
      change.members.push_back(plan_.member(index));
    parts.push_back(std::move(change));
  }
  services_.graph.write(host_, run(), organization(), std::move(parts),
                        [this, self = shared_from_this(), batch, reservation](const GraphAnswer& answer) {
                          link_.answered(reservation, cost_of(batch), answer);
                          take_in(batch, answer);
                        });
  go_on();
}

/// Nobody else has the run: two at once would do and undo each other's work.
void SyncJob::check_ours() const {
  const auto& row = services_.database.tables.runs.rows.at(run());
  if (row.claim != claimed_->claim || row.state != "running")
    throw Violation(fmt::format("{} writes for run {}, which is {} by {} now", host_->name, brief(run()),
                                row.state, row.claimed_by));
}

void SyncJob::take_in(const Batch& batch, const GraphAnswer& answer) {
  --in_flight_;
  bool overloaded = false;
  for (std::size_t i = 0; i < batch.steps.size(); ++i) {
    const auto& step = batch.steps[i];
    Answer part;
    part.status = answer.status == 200 ? 0 : answer.status;
    part.retry_after = answer.retry_after;
    if (answer.status == 200 && i < answer.parts.size()) part = answer.parts[i];
    auto judgement = judge(step, part, plan_, organization());
    overloaded = overloaded || judgement.overloaded;
    accept(std::move(judgement), part.retry_after, step.attempts + 1);
  }
  queue_->finished(batch, overloaded);
  go_on();
}

void SyncJob::accept(Judgement judgement, std::optional<milliseconds> retry_after, int attempts) {
  if (judgement.stop) error_ = Error(Fault::denied, judgement.stop->code, judgement.stop->message);
  for (auto& settled : judgement.settled) {
    any_passing_ = any_passing_ || settled.passing();
    pending_.push_back(std::move(settled));
  }
  if (!judgement.later) return queue_->push(std::move(judgement.again));
  auto delay = step_backoff.delay(attempts, services_.random.unit());
  if (retry_after) delay = std::max(delay, *retry_after);
  if (judgement.throttled && delay > services_.settings.patience)
    pause_ = std::max(pause_.value_or(delay), delay);
  queue_->push_later(std::move(judgement.again), services_.timeline.now() + delay);
}

void SyncJob::checkpoint() {
  storing_ = true;
  transact(
      [this, settled = std::exchange(pending_, {})](Tables& tables) {
        std::vector<Message> messages;
        for (const auto& one : settled) {
          if (!one.passing()) tables.plans[run()].results.emplace(one.change, one.code);
          if (!one.ours()) continue;
          const char* action = plan_.is_add(one.change) ? "member_added" : "member_removed";
          const auto id =
              crypto::derived_uuid({run().to_string(), action, plan_.member(one.change).to_string()});
          messages.push_back({"audit", organization(), AuditNote{id, run()}});
        }
        return messages;
      },
      [this] {
        storing_ = false;
        go_on();
      });
}

void SyncJob::finish() {
  if (any_passing_) return end(worker::RetryAfter{"graph_unavailable", "Graph failed for some changes."});
  storing_ = true;
  transact(
      [this](Tables& tables) {
        tables.organizations[organization()].synced_at = services_.timeline.wall();
        if (const auto plan = tables.plans.find(run()); plan != tables.plans.end()) {
          plan->second.applying = false;
          plan->second.results.clear();
        }
        return std::vector<Message>{};
      },
      [this] { end(worker::Done{Json::object()}); });
}

void SyncJob::transact(std::function<std::vector<Message>(Tables&)> write, std::function<void()> done,
                       std::function<void()> failed) {
  const auto asked_at = services_.timeline.now();
  services_.database.transact<Stored>(
      host_,
      [this, self = shared_from_this(), write = std::move(write)](Tables& tables) {
        tables.runs.hold(run(), claimed_->claim, services_.timeline.wall());
        return services_.database.store(tables, write(tables));
      },
      [this, self = shared_from_this(), asked_at, done = std::move(done),
       failed = std::move(failed)](const Database::Answer<Stored>& answer) {
        if (!answer) {
          failed ? failed() : static_cast<void>(storing_ = false);
          return fail(answer.error());
        }
        context_.confirm(asked_at);
        services_.database.publish(services_.broker, host_, *answer);
        done();
      });
}

/// A checkpoint that failed ends the job once nothing is under way any more.
void SyncJob::fail(const Error& error) {
  error_ = error;
  if (queue_) return go_on();
  end(tl::unexpected(error));
}

void SyncJob::end(tl::expected<worker::Outcome, Error> outcome) {
  if (std::exchange(ended_, true)) return;
  context_.done(std::move(outcome));
}

}  // namespace rollcall::simulation
