#pragma once
#include "common/graph/circuit_breaker.h"
#include "common/graph/quota_share.h"
#include "tests/simulation/services.h"

#include <functional>
#include <optional>

namespace rollcall::simulation {

/// What a process has between its jobs and Graph: the governor, its share of the quota, the circuit breaker,
/// and the topic on which processes tell each other of both.
class GraphLink {
 public:
  GraphLink(Services& services, HostPtr host, std::string instance);

  using Granted = tl::expected<std::uint64_t, Error>;
  /// Room for one call; throttled where there is none within `patience`.
  void acquire(graph::Cost cost, graph::Priority priority, const Uuid& organization, milliseconds patience,
               std::function<void(Granted)> done);
  /// A call that was not made after all.
  void give_back(std::uint64_t reservation);
  void answered(std::uint64_t reservation, graph::Cost cost, const GraphAnswer& answer);
  /// A call leaves this process now for which there was room at `granted`.
  void check_sending(SteadyTime granted) const;
  /// The share is given back; nothing is under way any more.
  void leave();

 private:
  void look(std::uint64_t waiter);
  void look_soon();
  void read(const Record& record);
  void tick();
  void publish(Payload payload);
  void hear_pause(SteadyTime until);

  Services& services_;
  HostPtr host_;
  std::string instance_, member_;
  graph::Governor governor_;
  std::optional<graph::QuotaShare> share_;  // until it is given back
  graph::CircuitBreaker breaker_;
  SteadyTime told_at_{}, told_until_{};  // no call between, as far as this process knows
  SteadyTime living_asked_{};
  struct Waiter {  // in the governor's line
    std::function<void(Granted)> done;
    SteadyTime looks_at{};
  };
  std::map<std::uint64_t, Waiter> waiters_;
  bool looking_ = false;
};

}  // namespace rollcall::simulation
