#include "tests/simulation/graph_link.h"

#include <algorithm>

namespace rollcall::simulation {

GraphLink::GraphLink(Services& services, HostPtr host, std::string instance)
    : services_(services),
      host_(std::move(host)),
      instance_(std::move(instance)),
      member_(host_->name),
      governor_(services.settings.limits, services.timeline.clock()),
      breaker_(graph::CircuitBreakerOptions{4, {}}) {
  governor_.on_pause([this](milliseconds pause) { publish(PauseNote{member_, pause}); });
  const auto& limits = services.settings.limits;
  services.governors.emplace_back(host_, &governor_);
  share_.emplace(
      graph::QuotaShareOptions{member_, instance_, {limits.resource_unit_window, limits.write_window}},
      governor_, services.timeline.now());
  tick();
  services.broker.tail(host_, "throttle", [this](const Record& record) { read(record); });
}

void GraphLink::publish(Payload payload) {
  services_.broker.publish(host_, {"throttle", Uuid{}, std::move(payload)});
}

void GraphLink::tick() {
  if (!share_) return;
  const auto now = services_.timeline.now();
  for (auto& news : share_->tick(now))
    publish(std::move(news));
  look_soon();
  if (share_->wants_living(now) && now - living_asked_ >= milliseconds{1'000}) {
    living_asked_ = now;
    services_.database.transact<std::map<std::string, milliseconds>>(
        host_,
        [this](Tables& tables) {
          std::map<std::string, milliseconds> ages;
          for (const auto& [name, seen] : tables.workers)
            ages[name] = services_.timeline.wall() - seen;
          return ages;
        },
        [this, now](const auto& ages) {
          if (ages && share_) share_->hear_living(*ages, now);
        });
  }
  services_.timeline.after(
      graph::QuotaShare::turn, host_, [this] { tick(); }, Thread::ticker);
}

void GraphLink::read(const Record& record) {
  const auto now = services_.timeline.now();
  const auto at = std::chrono::duration_cast<milliseconds>(record.appended.time_since_epoch());
  if (const auto* news = std::get_if<graph::ShareNews>(&record.payload)) {
    if (share_) share_->read(*news, {at.count(), true}, now);
    return;
  }
  const auto& pause = std::get<PauseNote>(record.payload);
  if (pause.member == member_) return;
  const auto age = std::chrono::ceil<milliseconds>(now - record.appended);
  const auto left = share_ && share_->in_touch(now) ? pause.pause : pause.pause - age;
  if (left <= milliseconds{0}) return;
  services_.timeline.note("{}: obeys a pause of {} ms", member_, left.count());
  governor_.obey_pause(left);
  hear_pause(now + left);
}

void GraphLink::acquire(graph::Cost cost, graph::Priority priority, const Uuid& organization,
                        milliseconds patience, std::function<void(Granted)> done) {
  const auto id = governor_.ask(cost, priority, patience, organization.to_string());
  waiters_.emplace(id, Waiter{std::move(done)});
  look(id);
}

void GraphLink::look(std::uint64_t waiter) {
  const auto found = waiters_.find(waiter);
  if (found == waiters_.end()) return;
  const auto now = services_.timeline.now();
  const auto [answer, wait, until] = governor_.look(waiter);
  if (answer == graph::Governor::Look::Answer::wait) {
    auto& looks_at = found->second.looks_at;
    if (looks_at > now && looks_at <= until) return;  // it will
    const auto next = std::max(milliseconds{1}, std::chrono::ceil<milliseconds>(until - now));
    looks_at = now + next;
    const auto again = [this, waiter] { look(waiter); };
    return services_.timeline.after(next, host_, again, Thread::callers);
  }
  const auto done = std::move(found->second.done);
  waiters_.erase(found);
  look_soon();
  if (answer == graph::Governor::Look::Answer::refused) {
    const auto status = governor_.status();
    services_.timeline.note("{}: no quota in {} ms; units {:.1f} of {:.1f}, writes {:.1f} of {:.1f}", member_,
                            wait.count(), status.resource_units_used, status.resource_units_limit,
                            status.writes_used, status.writes_limit);
    return done(tl::unexpected(Error(Fault::throttled, "throttled", "No quota in time.", wait)));
  }
  if (const auto away = breaker_.refuse(now)) {
    governor_.settle(waiter, {0, 0});
    return done(tl::unexpected(Error(Fault::throttled, "graph_unavailable", "Graph is down.", away)));
  }
  done(waiter);
}

/// What the governor announces: all who wait look again.
void GraphLink::look_soon() {
  if (waiters_.empty() || std::exchange(looking_, true)) return;
  const auto look_all = [this] {
    looking_ = false;
    std::vector<std::uint64_t> ids;
    for (const auto& [id, waiter] : waiters_)
      ids.push_back(id);
    for (const auto id : ids)
      look(id);
  };
  services_.timeline.after(milliseconds{0}, host_, look_all, Thread::callers);
}

void GraphLink::hear_pause(SteadyTime until) {
  const auto now = services_.timeline.now();
  if (now >= told_until_) told_at_ = now;
  told_until_ = std::max(told_until_, until);
}

void GraphLink::give_back(std::uint64_t reservation) {
  governor_.settle(reservation, {0, 0});
  breaker_.not_made();
  look_soon();
}

void GraphLink::check_sending(SteadyTime granted) const {
  if (told_at_ < granted && services_.timeline.now() < told_until_)
    throw Violation(host_->name + " sends to Graph though it was told to wait");
  // Whoever lives, be it stopped or cut off, could use so much at once.
  double units = 0, writes = 0;
  for (const auto& [host, governor] : services_.governors) {
    if (!host->alive) continue;
    const auto status = governor->status();
    units += status.resource_units_limit;
    writes += status.writes_limit;
  }
  const auto& limits = services_.settings.limits;
  if (units > limits.resource_units + 1e-6 || writes > limits.writes + 1e-6)
    throw Violation(fmt::format("the shares are {:.1f} of {} units and {:.1f} of {} writes", units,
                                limits.resource_units, writes, limits.writes));
}

void GraphLink::answered(std::uint64_t reservation, graph::Cost cost, const GraphAnswer& answer) {
  const auto now = services_.timeline.now();
  governor_.settle(reservation, cost);
  look_soon();
  if (answer.status == 0 || answer.status >= 500) {
    breaker_.failed(now, services_.random.unit());
  } else {
    breaker_.succeeded();
  }
  if (answer.status != 429) return;
  services_.timeline.note("{}: Retry-After {} ms", member_, answer.retry_after->count());
  hear_pause(now + *answer.retry_after);
  governor_.apply_pause(*answer.retry_after);
}

void GraphLink::leave() {
  if (share_) publish(share_->leave(services_.timeline.now()));
  share_.reset();
}

}  // namespace rollcall::simulation
