#include "common/graph/waiting_line.h"

#include <algorithm>

namespace rollcall::graph {

void WaitingLine::join(Ticket ticket, Priority priority, const std::string& organization, SteadyTime now) {
  Queue& queue = queue_of(priority);
  if (queue.turns.empty()) queue.unserved_since = now;
  auto& own = queue.tickets[organization];
  if (own.empty()) queue.turns.push_back(organization);
  own.push_back(ticket);
  places_.emplace(ticket, Place{priority, organization});
}

void WaitingLine::leave(Ticket ticket, bool served, SteadyTime now) {
  const auto found = places_.find(ticket);
  if (found == places_.end()) return;
  const Place place = found->second;
  places_.erase(found);
  Queue& queue = queue_of(place.priority);
  auto& own = queue.tickets[place.organization];
  std::erase(own, ticket);
  const auto turn = std::ranges::find(queue.turns, place.organization);
  if (served) {
    queue.unserved_since = now;
    queue.turns.erase(turn);
    if (!own.empty()) queue.turns.push_back(place.organization);
  } else if (own.empty()) {
    queue.turns.erase(turn);
  }
  if (own.empty()) queue.tickets.erase(place.organization);
}

std::optional<WaitingLine::Ticket> WaitingLine::next(SteadyTime now) const {
  const auto first = [](const Queue& queue) { return queue.tickets.at(queue.turns.front()).front(); };
  if (interactive_.turns.empty() && bulk_.turns.empty()) return std::nullopt;
  if (interactive_.turns.empty()) return first(bulk_);
  if (!bulk_.turns.empty() && now - bulk_.unserved_since >= aging_) return first(bulk_);
  return first(interactive_);
}

}  // namespace rollcall::graph
