#include "workers/advisor_scan/adapters/gather.h"

#include "common/core/error.h"
#include "common/log/log.h"

#include <array>

namespace rollcall::advisor_scan {
namespace {

struct DatabaseSource {
  Source source;
  bool tenant;
  void (*read)(postgres::Transaction&, const Limits&, Snapshot&);
};
constexpr auto database_sources = std::to_array<DatabaseSource>({
    {Source::organizations, false, read_linked},
    {Source::histories, false, read_histories},
    {Source::approvals, false, read_approvals},
    {Source::queues, true, read_queues},
    {Source::traffic, true, read_traffic},
    {Source::schedules, false, read_schedules},
    {Source::pauses, true, read_pauses},
    {Source::audit, false, read_audit},
    {Source::grants, true, read_grants},
});

}  // namespace

std::vector<Reading> database_readings(postgres::Database& database, const Limits& limits) {
  std::vector<Reading> readings;
  for (const auto& one : database_sources)
    readings.push_back(
        {one.source, one.tenant, [&database, limits, read = one.read](Snapshot& snapshot, const auto&) {
           // A transaction may be tried again: what it read before is forgotten.
           snapshot = database.transact([&](postgres::Transaction& transaction) {
             Snapshot more = snapshot;
             read(transaction, limits, more);
             return more;
           });
         }});
  return readings;
}

std::optional<Snapshot> gather(postgres::Database& database, const std::vector<Reading>& readings,
                               Snapshot scope, const std::stop_token& stop) {
  Snapshot snapshot = std::move(scope);
  // PostgreSQL's clock, as all the times in it are.
  snapshot.taken_at = WallTime{milliseconds{
      database.query("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint").at(0).number(0)}};
  for (const auto& [source, tenant, read] : readings) {
    if (tenant && snapshot.organization) continue;
    if (stop.stop_requested()) return std::nullopt;
    try {
      read(snapshot, stop);
      snapshot.read.add(source);
    } catch (const Error& error) {
      if (error.code() == "database_unavailable") throw;
      log::warn("source_unread",
                {{"source", to_string(source)}, {"code", error.code()}, {"message", error.what()}});
      snapshot.unread.emplace(source, Problem{error.code(), error.what()});
    }
  }
  return snapshot;
}

}  // namespace rollcall::advisor_scan
