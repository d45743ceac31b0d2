#pragma once
#include "common/core/error.h"
#include "tests/simulation/runs_table.h"
#include "workers/member_sync/core/judge.h"
#include "workers/member_sync/core/plan.h"
#include "workers/scheduler/core/decide.h"

#include <functional>
#include <map>
#include <set>
#include <vector>

#include <tl/expected.hpp>

/// PostgreSQL as far as it can be felt: transactions that succeed, fail, or commit and do not say so.
namespace rollcall::simulation {

struct ScheduleRow {
  scheduler::Schedule schedule;
  bool paused = false;
  WallTime next_fires;  ///< WallTime::max(): never again
  std::optional<WallTime> buffered, last_due;
  Uuid last_tick;
};

struct TickRow {
  Uuid id;
  std::optional<WallTime> served_at, resend_at;
  int sends = 1;
  WallTime expires_at;
};

/// The rules of ops.leases as the scheduler's lease.cpp writes them in SQL.
struct Lease {
  long fencing = 0;
  WallTime expires_at;
  /// The new holder's number, where it is free or expired.
  std::optional<long> acquire(WallTime now, milliseconds duration) {
    if (expires_at > now) return std::nullopt;
    expires_at = now + duration;
    return ++fencing;
  }
  bool renew(long number, WallTime now, milliseconds duration) {
    if (fencing != number) return false;
    expires_at = now + duration;
    return true;
  }
  /// For a transaction of that holder's term.
  void check(long number) const {
    if (fencing != number) throw Error(Fault::conflict, "leadership_lost", "Another leads.");
  }
};

struct StoredPlan {
  Uuid organization;
  member_sync::Plan plan;
  bool applying = false;
  std::map<std::uint32_t, std::string> results;
  WallTime created_at;
};

struct OrganizationRow {
  std::set<Uuid> roster;
  WallTime changed_at, synced_at;
};

struct OutboxRow {
  std::vector<Message> messages;
  WallTime created_at;
};

struct Tables {
  /// The plan of an open run that is being carried out, left by no earlier life of the run.
  [[nodiscard]] bool under_way(const Uuid& run) const {
    const auto& plan = plans.at(run);
    const auto& row = runs.rows.at(run);
    return plan.applying && row.open() && row.started_at && plan.created_at >= *row.started_at;
  }
  RunsTable runs;
  std::map<long, OutboxRow> outbox;
  long next_outbox = 1;
  Lease lease;
  std::vector<ScheduleRow> schedules;
  std::map<std::pair<std::size_t, WallTime>, TickRow> ticks;
  std::map<Uuid, StoredPlan> plans;
  std::map<Uuid, OrganizationRow> organizations;
  std::map<std::string, WallTime> workers;  // seen_at
  long last_term = 0;                       // of the schedulers, for the invariants alone
};

/// What a transaction left in the outbox.
struct Stored {
  std::vector<long> ids;
  std::vector<Message> messages;
};

struct DatabaseFaults {
  double refused = 0;     ///< fails, nothing happened
  double unanswered = 0;  ///< commits, and the sender is told that it failed
  milliseconds latency{5};
  double locked = 0;  ///< a heartbeat finds the row locked
};

class Database {
 public:
  Database(Timeline& timeline, Random& random) : timeline_(timeline), random_(random) {}
  template <class R>
  using Answer = tl::expected<R, Error>;

  /// `work` runs on the tables in one moment, some time from now; what it throws must be thrown before it
  /// writes. `done` runs on the host afterwards.
  template <class R>
  void transact(const HostPtr& host, std::function<R(Tables&)> work, std::function<void(Answer<R>)> done) {
    const auto there = random_.between(milliseconds{0}, faults.latency);
    const auto back = random_.between(milliseconds{0}, faults.latency);
    timeline_.after(there, nullptr, [=, this, work = std::move(work), done = std::move(done)] {
      // Of a host that has died since, a statement may have been on its way.
      if (!host->alive && random_.chance(0.5)) return;
      const bool unanswered = random_.chance(faults.unanswered);
      auto answer = away || host->cut_off || random_.chance(faults.refused) ? failure<R>() : run<R>(work);
      if (unanswered && answer) answer = failure<R>();
      timeline_.after(back, host, [=, answer = std::move(answer)] { done(answer); });
    });
  }

  /// Stores messages for publish().
  Stored store(Tables& tables, std::vector<Message> messages) const;
  /// Publishes what is committed; rows whose delivery is known go.
  void publish(Broker& broker, const HostPtr& host, const Stored& stored);

  Tables tables;
  DatabaseFaults faults;
  bool away = false;
  SteadyTime well_since{};  ///< neither away nor faulty

 private:
  template <class R>
  static Answer<R> failure() {
    return tl::unexpected(Error(Fault::transient, "database_unavailable", "The database does not answer."));
  }
  template <class R>
  Answer<R> run(const std::function<R(Tables&)>& work) {
    try {
      return work(tables);
    } catch (const Error& error) {
      return tl::unexpected(error);
    }
  }
  Timeline& timeline_;
  Random& random_;
};

}  // namespace rollcall::simulation
