#include "tests/simulation/graph_service.h"

#include <algorithm>

namespace rollcall::simulation {

using member_sync::StepKind;

/// The most that the window ending now has held.
double GraphService::Meter::charge(SteadyTime now, double units, milliseconds window) {
  charges.emplace_back(now, units);
  sum += units;
  while (charges.front().first + window <= now) {
    sum -= charges.front().second;
    charges.pop_front();
  }
  return sum;
}

void GraphService::call(const HostPtr& host, graph::Cost cost, std::function<GraphAnswer()> work, Done done) {
  // A connection dies with its host within moments; an answer may take long.
  const auto there = random_.between(milliseconds{1}, std::min(faults.latency, milliseconds{200}));
  timeline_.after(there, nullptr, [this, host, cost, work = std::move(work), done = std::move(done)] {
    const auto now = timeline_.now();
    const double units = units_.charge(now, cost.resource_units, limits_.resource_unit_window);
    const double writes = writes_.charge(now, cost.writes, limits_.write_window);
    most_units = std::max(most_units, units);
    if (units > limits_.resource_units + 1e-6 || writes > limits_.writes + 1e-6)
      throw Violation(fmt::format("the quota was exceeded: {} of {} units, {} of {} writes", units,
                                  limits_.resource_units, writes, limits_.writes));
    GraphAnswer answer;
    const bool silent = down || random_.chance(faults.silent);
    const bool lost = silent && random_.chance(0.5);  // on its way there
    if (!lost && (now < refusing_until_ || random_.chance(faults.throttled))) {
      if (now >= refusing_until_)
        refusing_until_ = now + random_.between(milliseconds{500}, milliseconds{4'000});
      answer.status = 429;
      answer.retry_after = std::chrono::ceil<milliseconds>(refusing_until_ - now);
    } else if (!lost && !down) {
      answer = work();
    }
    if (silent) answer = {.status = 0, .parts = {}, .members = {}, .retry_after = {}};
    timeline_.after(silent ? milliseconds{5'000} : random_.between(milliseconds{1}, faults.latency), host,
                    [done, answer = std::move(answer)] { done(answer); });
  });
}

void GraphService::list(const HostPtr& host, const Uuid& group, Done done) {
  call(
      host, {3, 0},
      [this, group] {
        GraphAnswer answer;
        if (random_.chance(faults.unavailable)) {
          answer.status = 503;
        } else {
          answer.members.assign(groups[group].begin(), groups[group].end());
        }
        return answer;
      },
      std::move(done));
}

void GraphService::write(const HostPtr& host, const Uuid& run, const Uuid& group, std::vector<Change> parts,
                         Done done) {
  const auto size = static_cast<double>(parts.size());
  call(
      host, {size, size},
      [this, run, group, parts = std::move(parts)] {
        GraphAnswer answer;
        for (const auto& part : parts)
          answer.parts.push_back(apply(run, group, part));
        // The parts of one $batch run in no order; their answers keep their ids.
        return answer;
      },
      std::move(done));
}

member_sync::Answer GraphService::apply(const Uuid& run, const Uuid& group, const Change& change) {
  const bool unwell = random_.chance(faults.unavailable);
  const member_sync::Answer sick{random_.chance(0.5) ? 503 : 500, "serviceUnavailable", "", std::nullopt};
  if (unwell && random_.chance(0.5)) return sick;
  auto& members = groups[group];
  const bool adds = change.kind != StepKind::remove_one;
  const auto there = [&](const Uuid& member) { return members.contains(member); };
  if (adds && std::ranges::any_of(change.members, there))
    return {
        400, "Request_BadRequest",
        "One or more added object references already exist for the following modified properties: 'members'.",
        std::nullopt};
  if (!adds && !there(change.members.front()))
    return {404, "Request_ResourceNotFound",
            "Resource '" + change.members.front().to_string() + "' does not exist.", std::nullopt};
  for (const auto& member : change.members) {
    effects.insert({run, member, adds});
    if (adds) {
      members.insert(member);
    } else {
      members.erase(member);
    }
  }
  if (unwell) return sick;
  return {204, "", "", std::nullopt};
}

}  // namespace rollcall::simulation
