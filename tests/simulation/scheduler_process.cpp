#include "tests/simulation/scheduler_process.h"

#include "common/crypto/crypto.h"

#include <algorithm>

namespace rollcall::simulation {
namespace {

using scheduler::Decision;
using scheduler::Previous;
using schedules::Overlap;

bool previous_open(const Tables& tables, std::size_t index, WallTime now) {
  const auto& row = tables.schedules[index];
  if (!row.last_due) return false;
  const auto tick = tables.ticks.find({index, *row.last_due});
  if (tick != tables.ticks.end() && !tick->second.served_at && tick->second.expires_at > now) return true;
  return std::ranges::any_of(tables.runs.rows, [&](const auto& run) {
    return run.second.tick == row.last_tick && run.second.open();
  });
}

/// Reckoned without decide(): each due time of an interval is fired, kept, or left out for a reason that is
/// given.
void check_decision(const scheduler::Schedule& schedule, const Previous& previous, WallTime now,
                    const Decision& decision) {
  const auto wrong = [&](const char* what) {
    throw Violation(fmt::format("schedule {} ({}) due {} decided at {}: {}", schedule.name,
                                to_string(schedule.overlap), to_rfc3339(schedule.due), to_rfc3339(now),
                                what));
  };
  const bool open = previous.open || previous.buffered, all = schedule.overlap == Overlap::allow_all;
  const WallTime oldest = now - schedule.catch_up_window;
  if (!decision.next) wrong("it ended");
  if (decision.fire && *decision.fire > now) wrong("a tick fires before it is due");
  if (decision.fire && *decision.fire < oldest) wrong("a tick fires that is older than the catch-up window");
  if (decision.fire && open && !all) wrong("a tick fires though the previous one is open");
  if (decision.buffer && (previous.buffered || schedule.overlap != Overlap::buffer_one)) wrong("it buffers");
  if (decision.next_fires_at < *decision.next) wrong("the next tick would fire early");
  if (decision.next_fires_at >=
      *decision.next + std::max(schedule.jitter, std::chrono::seconds{0}) + milliseconds{1})
    wrong("the next tick would fire later than its jitter allows");
  if (!all && decision.next_fires_at <= now) wrong("the next tick is due already");
  bool seen = !decision.fire, kept = !decision.buffer;
  for (WallTime due = schedule.due; due < *decision.next; due += *schedule.interval) {
    if (decision.fire == due) {
      seen = true;
    } else if (decision.buffer == due) {
      kept = true;
    } else if (due < oldest) {
      if (!decision.missed) wrong("a due time is left out unsaid");
    } else if (all || !decision.skipped || !(open || decision.fire)) {
      wrong("a due time is left out without a reason");
    }
  }
  if (!seen || !kept) wrong("what fires is no due time of it, or comes again");
}

}  // namespace

SchedulerProcess::SchedulerProcess(Services& services, const std::string& instance, int life)
    : services_(services), host_(std::make_shared<Host>(Host{instance + "#" + std::to_string(life)})) {
  stand();
}

void SchedulerProcess::stand() {
  services_.database.transact<std::optional<long>>(
      host_,
      [this](Tables& tables) {
        return tables.lease.acquire(services_.timeline.wall(), services_.settings.scheduler.lease);
      },
      [this](const Database::Answer<std::optional<long>>& won) {
        if (!won || !*won) return services_.timeline.after(milliseconds{500}, host_, [this] { stand(); });
        term_ = **won;
        renewed_ = services_.timeline.now();
        services_.timeline.note("{} leads, term {}", host_->name, *term_);
        renew();
        tick();
        requeue();
        mind();
        sweep();
      });
}

void SchedulerProcess::step_down() {
  services_.timeline.note("{} leads no more", host_->name);
  term_.reset();
  stand();
}

void SchedulerProcess::again(milliseconds delay, void (SchedulerProcess::*work)()) {
  services_.timeline.after(delay, host_, [this, work, term = term_] {
    if (term_ == term) (this->*work)();
  });
}

void SchedulerProcess::renew() {
  services_.database.transact<bool>(
      host_,
      [this, term = *term_](Tables& tables) {
        return tables.lease.renew(term, services_.timeline.wall(), services_.settings.scheduler.lease);
      },
      [this, asked = services_.timeline.now()](const Database::Answer<bool>& renewed) {
        const auto lease = services_.settings.scheduler.lease;
        if (renewed && !*renewed) return step_down();
        if (renewed) renewed_ = asked;
        // By now another leads, for all it knows.
        if (services_.timeline.now() - renewed_ > lease) return step_down();
        again(lease / 4, &SchedulerProcess::renew);
      });
}

void SchedulerProcess::duty(std::function<std::vector<Message>(Tables&)> work, std::function<void()> done) {
  services_.database.transact<Stored>(
      host_,
      [this, term = *term_, work = std::move(work)](Tables& tables) {
        tables.lease.check(term);
        if (term < tables.last_term) throw Violation("an outdated leader's transaction was not refused");
        tables.last_term = term;
        return services_.database.store(tables, work(tables));
      },
      [this, term = term_, done = std::move(done)](const Database::Answer<Stored>& answer) {
        if (!answer && answer.error().code() == "leadership_lost") return;
        if (answer) services_.database.publish(services_.broker, host_, *answer);
        if (term_ == term) done();
      });
}

void SchedulerProcess::tick() {
  duty([this](Tables& tables) { return look(tables); },
       [this] { again(milliseconds{250}, &SchedulerProcess::tick); });
}

std::vector<Message> SchedulerProcess::look(Tables& tables) const {
  std::vector<Message> messages;
  release_buffered(tables, messages);
  for (std::size_t i = 0; i < tables.schedules.size(); ++i) {
    auto& row = tables.schedules[i];
    // allow_all fires one a call and is asked again at once.
    for (int n = 0; n < 200 && !row.paused && row.next_fires <= services_.timeline.wall(); ++n)
      decide_for(tables, i, messages);
  }
  return messages;
}

void SchedulerProcess::decide_for(Tables& tables, std::size_t index, std::vector<Message>& messages) const {
  auto& row = tables.schedules[index];
  const auto now = services_.timeline.wall();
  const Previous previous{row.schedule.overlap != Overlap::allow_all && previous_open(tables, index, now),
                          row.buffered.has_value()};
  const auto decision = scheduler::decide(row.schedule, previous, now);
  if (!decision) throw Violation("decide() refuses: " + decision.error().message);
  check_decision(row.schedule, previous, now, *decision);
  row.schedule.due = *decision->next;
  row.next_fires = decision->next_fires_at;
  if (decision->buffer) row.buffered = decision->buffer;
  if (decision->fire) fire(tables, index, *decision->fire, messages);
}

void SchedulerProcess::fire(Tables& tables, std::size_t index, WallTime due,
                            std::vector<Message>& messages) const {
  auto& row = tables.schedules[index];
  const auto now = services_.timeline.wall();
  const auto id = crypto::derived_uuid({row.schedule.id, to_rfc3339(due)});
  const TickRow tick{
      id, {}, now + services_.settings.scheduler.resend_after, 1, now + row.schedule.catch_up_window};
  if (!tables.ticks.try_emplace({index, due}, tick).second)
    throw Violation("schedule " + row.schedule.name + " fires twice for " + to_rfc3339(due));
  services_.timeline.note("{}: schedule {} fires for {}", host_->name, row.schedule.name, to_rfc3339(due));
  row.last_due = due;
  row.last_tick = id;
  messages.push_back({"ticks", id, TickNote{index, due}});
}

void SchedulerProcess::release_buffered(Tables& tables, std::vector<Message>& messages) const {
  for (std::size_t i = 0; i < tables.schedules.size(); ++i) {
    auto& row = tables.schedules[i];
    if (!row.buffered || previous_open(tables, i, services_.timeline.wall())) continue;
    const auto due = *std::exchange(row.buffered, std::nullopt);
    fire(tables, i, due, messages);
  }
}

void SchedulerProcess::requeue() {
  duty(
      [this](Tables& tables) {
        std::vector<Message> messages;
        tables.runs.resume(services_.timeline.wall(), messages);
        return messages;
      },
      [this] { again(milliseconds{200}, &SchedulerProcess::requeue); });
}

void SchedulerProcess::mind() {
  duty(
      [this](Tables& tables) {
        std::vector<Message> messages;
        const auto now = services_.timeline.wall();
        const auto& options = services_.settings.scheduler;
        tables.runs.rescue(now, options.rescue_after, messages);
        tables.runs.resend(now, options.resend_after, messages);
        resend_ticks(tables, messages);
        return messages;
      },
      [this] { again(services_.settings.scheduler.mind_every(), &SchedulerProcess::mind); });
}

void SchedulerProcess::resend_ticks(Tables& tables, std::vector<Message>& messages) const {
  const auto now = services_.timeline.wall();
  for (auto& [key, row] : tables.ticks) {
    if (row.served_at || !row.resend_at || *row.resend_at > now) continue;
    if (row.expires_at > now) {
      messages.push_back({"ticks", row.id, TickNote{key.first, key.second}});
      row.resend_at = now + services_.settings.scheduler.resend_after * (1 << std::min(row.sends, 10));
    } else {
      row.resend_at.reset();
    }
    ++row.sends;
  }
}

/// What no writer has published in time.
void SchedulerProcess::sweep() {
  services_.database.transact<std::map<long, std::vector<Message>>>(
      host_,
      [this](Tables& tables) {
        std::map<long, std::vector<Message>> late;
        for (const auto& [id, row] : tables.outbox)
          if (row.created_at <= services_.timeline.wall() - services_.settings.scheduler.sweep_after)
            late.emplace(id, row.messages);
        return late;
      },
      [this, term = term_](const Database::Answer<std::map<long, std::vector<Message>>>& late) {
        if (late) {
          for (const auto& [id, messages] : *late)
            services_.database.publish(services_.broker, host_, {{id}, messages});
        }
        if (term_ == term) again(services_.settings.scheduler.sweep_every(), &SchedulerProcess::sweep);
      });
}

}  // namespace rollcall::simulation
