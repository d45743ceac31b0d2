#include "workers/scheduler/adapters/lease.h"

#include "common/core/error.h"
#include "common/schedules/schedules.h"

namespace rollcall::scheduler {
namespace {

using postgres::value;

// clock_timestamp(), not now(): a statement may have waited for the row, and now() stands still meanwhile.
constexpr const char* acquire_sql = R"(
    INSERT INTO ops.leases AS l (name, holder, expires_at, fencing)
    VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 millisecond', 1)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fencing = l.fencing + 1,
        expires_at = clock_timestamp() + $3::bigint * interval '1 millisecond'
    WHERE l.expires_at <= clock_timestamp()
    RETURNING fencing)";

constexpr const char* renew_sql = R"(
    UPDATE ops.leases SET expires_at = clock_timestamp() + $3::bigint * interval '1 millisecond'
     WHERE name = $1 AND fencing = $2::bigint)";

// KEY SHARE holds off the next holder, whose fencing number changes a key, until this transaction has ended,
// but not our own renewals. A leader stopped in the middle would hold it off for ever, so PostgreSQL ends
// what stands idle for too long. Statements here are short but look costly to the planner: compiling them
// (JIT) takes longer than running them.
constexpr const char* check_sql = R"(
    SELECT set_config('idle_in_transaction_session_timeout', $3, true), set_config('jit', 'off', true)
      FROM ops.leases WHERE name = $1 AND fencing = $2::bigint FOR KEY SHARE)";

long count(std::chrono::milliseconds time) {
  return static_cast<long>(time.count());
}

}  // namespace

void Term::check(postgres::Transaction& transaction) const {
  const auto rows = transaction.query(
      check_sql, {value(lease_), value(fencing_), value(std::to_string(patience_.count()))});
  if (rows.empty()) {
    throw Error(
        Fault::conflict, "leadership_lost",
        "another scheduler leads; the term with fencing number " + std::to_string(fencing_) + " is over");
  }
}

Lease::Lease(postgres::Database& database, std::string name, std::string holder,
             std::chrono::milliseconds duration)
    : database_(database), name_(std::move(name)), holder_(std::move(holder)), duration_(duration) {}

std::optional<Term> Lease::acquire() {
  const auto rows = database_.query(acquire_sql, {value(name_), value(holder_), value(count(duration_))});
  if (rows.empty()) return std::nullopt;
  return Term(database_, name_, rows[0].number(0), duration_);
}

std::chrono::milliseconds Lease::until_free() {
  const auto rows = database_.query(
      "SELECT ceil(extract(epoch FROM greatest(expires_at, clock_timestamp()) - clock_timestamp()) * "
      "1000)::bigint FROM ops.leases WHERE name = $1",
      {value(name_)});
  return rows.empty() ? duration_ : std::chrono::milliseconds{rows[0].number(0)};
}

bool Lease::renew(const Term& term) {
  return database_.execute(renew_sql, {value(name_), value(term.fencing()), value(count(duration_))}) == 1;
}

void Lease::release(const Term& term) {
  database_.transact([&](postgres::Transaction& transaction) {
    transaction.execute(
        "UPDATE ops.leases SET expires_at = '-infinity' WHERE name = $1 AND fencing = $2::bigint",
        {value(name_), value(term.fencing())});
    transaction.query("SELECT pg_notify($1, '')", {value(schedules::channel)});
  });
}

}  // namespace rollcall::scheduler
