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
  services_.timeline.after(graph::QuotaShare::turn, host_, [this] { tick(); });
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
  const auto waiter = ++next_waiter_;
  const auto now = services_.timeline.now();
  waiters_.emplace(waiter, Waiter{cost, priority, organization.to_string(), now + patience, std::move(done)});
  look(waiter, now);
}

void GraphLink::look(std::uint64_t waiter, SteadyTime looked_at) {
  const auto found = waiters_.find(waiter);
  auto& [cost, priority, organization, deadline, done] = found->second;
  milliseconds wait{0};
  const auto id = governor_.acquire(cost, priority, milliseconds{0}, {}, wait, organization);
  if (!id && looked_at + wait < deadline) {
    const auto next = std::clamp(wait, milliseconds{1}, milliseconds{1'000});
    services_.timeline.after(next, host_, [this, waiter] { look(waiter, services_.timeline.now()); });
    return;
  }
  const auto answer = std::move(done);
  waiters_.erase(found);
  if (!id) return answer(tl::unexpected(Error(Fault::throttled, "throttled", "No quota in time.", wait)));
  if (const auto away = breaker_.refuse(looked_at)) {
    governor_.settle(*id, {0, 0});
    return answer(tl::unexpected(Error(Fault::transient, "graph_unavailable", "Graph is down.", away)));
  }
  answer(*id);
}

void GraphLink::hear_pause(SteadyTime until) {
  const auto now = services_.timeline.now();
  if (now >= told_until_) told_at_ = now;
  told_until_ = std::max(told_until_, until);
}

void GraphLink::give_back(std::uint64_t reservation) {
  governor_.settle(reservation, {0, 0});
  breaker_.not_made();
}

void GraphLink::check_sending(SteadyTime granted) const {
  if (told_at_ < granted && services_.timeline.now() < told_until_)
    throw Violation(host_->name + " sends to Graph though it was told to wait");
}

void GraphLink::answered(std::uint64_t reservation, graph::Cost cost, const GraphAnswer& answer) {
  const auto now = services_.timeline.now();
  governor_.settle(reservation, cost);
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
