#include "workers/token_renewal/grants.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

namespace rollcall::token_renewal {
namespace {

/// Several rounds of all that are under way: one that fails by itself does not end the run.
constexpr int failures_per_slot = 3;

}  // namespace

Grants::Grants(postgres::Database& database, vault::Renewer& renewer, const Clock& clock,
               metrics::Registry& metrics, GrantOptions options)
    : database_(database),
      renewer_(renewer),
      clock_(clock),
      metrics_(metrics),
      asked_(metrics.histogram("rollcall_grant_renewal_seconds", "How long Entra ID took for a renewal.",
                               {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60})),
      options_(options) {}

worker::Outcome Grants::renew(const worker::Run& run, worker::RunContext& context) {
  Tally tally(options_.at_once * failures_per_slot, run.carried);
  std::set<Uuid> tried;
  std::size_t seen_again = 0;
  while (!tally.hopeless()) {
    auto due = vault::due_grants(database_, static_cast<long>(options_.block + seen_again));
    // Whatever became of it, once in a run is enough.
    seen_again = std::erase_if(due, [&](const Uuid& id) { return !tried.insert(id).second; });
    if (due.empty()) break;
    renew_block(due, tally, context.stop());
    context.carry(tally.json());
    context.checkpoint({}, {});
    context.progress(tally.total(), tally.total());
    if (context.stop().stop_requested())
      return worker::WaitUntil{"throttled", "the worker stops; the run goes on elsewhere", clock_.wall()};
  }
  Json result = tally.json();
  // The next tick tries again; those who were not asked for are still due.
  result["given_up"] = tally.hopeless();
  return worker::Done{std::move(result)};
}

void Grants::renew_block(const std::vector<Uuid>& due, Tally& tally, const std::stop_token& stop) {
  std::mutex mutex;
  std::size_t next = 0;
  std::exception_ptr failure;
  const auto take = [&]() -> const Uuid* {
    const std::lock_guard lock(mutex);
    const bool over = stop.stop_requested() || failure || tally.hopeless() || next == due.size();
    return over ? nullptr : &due[next++];
  };
  const auto work = [&] {
    while (const Uuid* grant = take()) {
      try {
        const auto outcome = renewer_.refresh(*grant, stop);
        count(outcome);
        const std::lock_guard lock(mutex);
        tally.add(vault::to_string(outcome.refreshed));
      } catch (const std::exception&) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    const auto helpers = std::min(static_cast<std::size_t>(options_.at_once), due.size()) - 1;
    for (std::size_t i = 0; i < helpers; ++i)
      threads.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
}

void Grants::count(const vault::RefreshOutcome& outcome) {
  metrics_
      .counter("rollcall_grant_renewals_total",
               "Grants that were looked at for renewal, by what became of them.",
               {{"outcome", vault::to_string(outcome.refreshed)}})
      .add();
  if (outcome.asked.count() > 0) asked_.observe(std::chrono::duration<double>(outcome.asked).count());
}

}  // namespace rollcall::token_renewal
