#pragma once
#include "common/core/clock.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace rollcall::graph {

enum class Priority { interactive, bulk };

/// Who is next among those who wait for the quota: interactive before bulk, organizations of one priority by
/// turns, calls of one organization in the order in which they came. Bulk is not starved: once it has waited
/// `aging` without one call served, the next turn is its own. Pure.
class WaitingLine {
 public:
  using Ticket = std::uint64_t;
  explicit WaitingLine(std::chrono::milliseconds aging) : aging_(aging) {}

  void join(Ticket ticket, Priority priority, const std::string& organization, SteadyTime now);
  /// `served`: its turn was used; else it gave up.
  void leave(Ticket ticket, bool served, SteadyTime now);
  [[nodiscard]] std::optional<Ticket> next(SteadyTime now) const;
  [[nodiscard]] std::chrono::milliseconds aging() const { return aging_; }

 private:
  struct Queue {
    std::map<std::string, std::deque<Ticket>> tickets;  // by organization; none is empty
    std::deque<std::string> turns;                      // its keys, the next one first
    SteadyTime unserved_since{};                        // while not empty
  };
  struct Place {
    Priority priority;
    std::string organization;
  };
  Queue& queue_of(Priority priority) { return priority == Priority::interactive ? interactive_ : bulk_; }

  const std::chrono::milliseconds aging_;
  Queue interactive_, bulk_;
  std::map<Ticket, Place> places_;
};

}  // namespace rollcall::graph
