#include "tests/simulation/worker_process.h"

#include "common/runs/blocks.h"

#include <algorithm>

namespace rollcall::simulation {

WorkerProcess::WorkerProcess(Services& services, std::string instance, int life)
    : services_(services),
      instance_(std::move(instance)),
      host_(std::make_shared<Host>(Host{instance_ + "#" + std::to_string(life)})),
      link_(services, host_, instance_),
      in_flight_(services.timeline.clock()) {
  subscribe(commands_);
  subscribe(ticks_);
  beat();
}

/// As many lanes as there are take the next piece of a free organization.
void WorkerProcess::work() {
  while (!stopping_ && busy_ < services_.settings.lanes) {
    auto taken = lanes_.take();
    if (!taken) return;
    ++busy_;
    begin(taken->item, taken->key);
  }
}

void WorkerProcess::begin(const Claimed& claimed, const std::string& key) {
  const auto& id = claimed->run.id;
  if (pinned_.contains(id)) {  // a command is just joining it: the lane waits
    services_.timeline.after(milliseconds{2}, host_, [this, claimed, key] { begin(claimed, key); });
    return;
  }
  if (stopping_) {
    release(claimed);
    return lane_free(key);
  }
  if (!in_flight_.begin(id)) {
    if (in_flight_.cancelled(id)) {
      settle_later({claimed, worker::cancelled(), {}, in_flight_.followed(id)});
    } else {
      in_flight_.remove(id);
      ask_again(*claimed);
    }
    return lane_free(key);
  }
  if (!at_work_.insert(claimed->run.organization_id).second)
    throw Violation("two runs of one organization at work in " + host_->name);
  check_order(claimed);
  SyncJob::Context context;
  context.confirmed = [this, id] { return in_flight_.confirmed(id); };
  context.confirm = [this, id](SteadyTime asked_at) { in_flight_.confirm(id, asked_at); };
  context.stop = in_flight_.stop_of(id);
  context.done = [this, claimed, key](auto answer) { handled(claimed, key, std::move(answer)); };
  std::make_shared<SyncJob>(services_, host_, link_, claimed, std::move(context))->start();
}

/// What came first in a partition begins first, organization by organization.
void WorkerProcess::check_order(const Claimed& claimed) {
  if (claimed->run.attempt != 1 || claimed->run.resumed || out_of_turn_.contains(claimed->run.id)) return;
  // Tried again by hand, or set free by the end of the run it had joined: its turn is the end of the queue,
  // and it may be claimed because of the message of its first life, which came again.
  const auto& row = services_.database.tables.runs.rows.at(claimed->run.id);
  if (row.retried_at || row.had_joined) return;
  const auto& message = *claimed->ticket.message;
  auto [last, first] =
      begun_.try_emplace({{message.topic, message.partition}, claimed->run.organization_id}, message.offset);
  if (!first && last->second > message.offset)
    throw Violation(fmt::format("{}: run {} at offset {} begins after offset {} of its organization",
                                host_->name, brief(claimed->run.id), message.offset, last->second));
  last->second = std::max(last->second, message.offset);
}

void WorkerProcess::handled(const Claimed& claimed, const std::string& key,
                            tl::expected<worker::Outcome, Error> answer) {
  const auto& run = claimed->run;
  const auto& policy = services_.settings.policy;
  at_work_.erase(run.organization_id);
  std::optional<worker::Settlement> settlement;
  const auto judge = [&](const worker::Outcome& outcome) {
    if (in_flight_.cancelled(run.id) && !std::holds_alternative<worker::Done>(outcome))
      settlement = worker::cancelled();
    else
      settlement = worker::settlement_of(outcome, run.attempt, claimed->asked_at, policy,
                                         services_.timeline.wall(), services_.random.unit());
  };
  if (answer) {
    judge(*answer);
  } else if (answer.error().code() == "cancelled") {
    settlement = worker::cancelled();
  } else if (answer.error().code() != "claim_lost") {
    judge(worker::outcome_of(answer.error(), services_.timeline.wall(),
                             policy.backoff.delay(run.attempt, services_.random.unit())));
  }
  if (settlement) {
    if (settlement->event == "attempt_failed" &&
        *settlement->resume_at < services_.timeline.wall() + milliseconds{1})
      throw Violation("run " + brief(run.id) + " is tried again without any backoff");
    services_.timeline.note("{}: run {} becomes {} {}", host_->name, brief(run.id), settlement->state,
                            settlement->code);
    settle_later({claimed, std::move(*settlement), {}, in_flight_.followed(run.id)});
  } else {
    in_flight_.remove(run.id);
    ask_again(*claimed);
  }
  lane_free(key);
}

void WorkerProcess::lane_free(const std::string& key) {
  --busy_;
  lanes_.done(key);
  // Not from within begin(): its caller is at work() already.
  services_.timeline.after(milliseconds{0}, host_, [this] { work(); });
}

void WorkerProcess::settle_later(worker::Finished finished) {
  finished_.push_back(std::move(finished));
  services_.timeline.after(milliseconds{0}, host_, [this] { settle_next(); });
}

void WorkerProcess::settle_next() {
  if (settling_ || finished_.empty()) return;
  settling_ = true;
  const auto block = std::make_shared<std::vector<worker::Finished>>(finished_.begin(), finished_.end());
  finished_.clear();
  struct Settled {
    std::set<Uuid> held;
    Stored stored;
  };
  persist<Settled>(
      [this, block](Tables& tables) {
        std::vector<worker::Finished*> pointers;
        for (auto& one : *block)
          pointers.push_back(&one);
        Settled settled;
        std::vector<Message> messages;
        settled.held = tables.runs.settle(pointers, services_.timeline.wall(), messages);
        settled.stored = services_.database.store(tables, std::move(messages));
        return settled;
      },
      [this, block](const Settled& settled) {
        services_.database.publish(services_.broker, host_, settled.stored);
        conclude(*block, settled.held);
        settling_ = false;
        settle_next();
      });
}

void WorkerProcess::conclude(const std::vector<worker::Finished>& block, const std::set<Uuid>& held) {
  for (const auto& one : block) {
    const auto& run = one.claimed->run.id;
    in_flight_.remove(run);
    if (!held.contains(run)) {
      ask_again(*one.claimed);
    } else if (one.settlement.state != "queued") {
      deliver(one.claimed->ticket, news_message(run, one.settlement.state));
    }
  }
}

void WorkerProcess::beat() {
  const auto asked_at = services_.timeline.now();
  const auto held = in_flight_.due_heartbeats();
  services_.database.transact<std::map<Uuid, worker::InFlight::Heard>>(
      host_,
      [this, held](Tables& tables) {
        tables.workers[instance_] = services_.timeline.wall();
        return tables.runs.heartbeat(held, services_.timeline.wall(), [this] {
          return services_.random.chance(services_.database.faults.locked);
        });
      },
      [this, held, asked_at](const auto& answers) {
        if (answers) in_flight_.heard(held, *answers, asked_at);
      });
  services_.broker.touch(commands_.consumer);
  services_.broker.touch(ticks_.consumer);
  services_.timeline.after(
      runs::heartbeat_every, host_, [this] { beat(); }, Thread::heart);
}

void WorkerProcess::stop() {
  if (std::exchange(stopping_, true)) return;
  services_.timeline.note("{} is told to stop", host_->name);
  in_flight_.stop_all();
  for (const auto& claimed : lanes_.drain())
    release(claimed);
  end_when_idle();
}

/// Given back unbegun. It may have been cancelled meanwhile, and ends then: who has joined it is to hear.
void WorkerProcess::release(const Claimed& claimed) {
  const auto& id = claimed->run.id;
  if (pinned_.contains(id)) {
    ++releasing_;
    services_.timeline.after(milliseconds{2}, host_, [this, claimed] {
      --releasing_;
      release(claimed);
    });
    return;
  }
  in_flight_.begin(id);
  settle_later({claimed, worker::released(), {}, in_flight_.followed(id)});
}

void WorkerProcess::end_when_idle() {
  if (busy_ > 0 || releasing_ > 0 || settling_ || !finished_.empty() || claiming_) {
    services_.timeline.after(milliseconds{100}, host_, [this] { end_when_idle(); });
    return;
  }
  commit(commands_);
  commit(ticks_);
  services_.broker.leave(commands_.consumer);
  services_.broker.leave(ticks_.consumer);
  link_.leave();
  services_.timeline.after(milliseconds{500}, host_, [this] {  // what is being delivered
    services_.timeline.note("{} ends", host_->name);
    host_->alive = false;
  });
}

}  // namespace rollcall::simulation
