#include "common/runs/debounce.h"

#include "common/runs/blocks.h"

namespace rollcall::runs {
namespace {

// What waits already is found by the unique index runs_debounced, so that two processes cannot both insert.
// A queued run that is claimed meanwhile reads what it is about after this statement began, hence after the
// change this run is for; one that has begun may carry out a plan that is older.
constexpr const char* insert_sql = R"(
INSERT INTO ops.runs (id, tenant_id, organization_id, worker, operation, state, caller_identity, parameters,
    parameters_hash, error_code, error_message, resume_at)
SELECT u.id, u.tenant, u.organization, u.worker, u.operation, 'waiting', u.caller, u.parameters, u.hash, 'debounced',
    $10, now() + $9::bigint * interval '1 millisecond'
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::text[])
    AS u(id, tenant, organization, worker, operation, caller, parameters, hash)
WHERE NOT EXISTS (SELECT FROM ops.runs r WHERE r.organization_id = u.organization AND r.worker = u.worker
    AND r.operation = u.operation AND r.parameters_hash = u.hash AND r.open_state = 'queued' AND r.attempt = 0
    AND r.started_at IS NULL)
ORDER BY u.organization -- one order for all: no deadlocks
ON CONFLICT DO NOTHING)";

}  // namespace

long enqueue_debounced(postgres::Transaction& transaction, const std::vector<NewRun>& runs,
                       std::chrono::milliseconds wait, const std::string& why) {
  if (runs.empty()) return 0;
  std::vector<Uuid> ids;
  std::vector<std::string> tenants, workers, operations, callers, hashes;
  std::vector<postgres::Value> organizations, parameters;
  for (const auto& run : runs) {
    ids.push_back(run.id);
    tenants.push_back(run.tenant_id);
    organizations.push_back(postgres::value(run.organization_id));
    workers.push_back(run.worker);
    operations.push_back(run.operation);
    callers.push_back(run.caller_identity);
    parameters.push_back(postgres::value(run.parameters));
    hashes.push_back(parameters_hash(run.parameters));
  }
  return transaction.execute(insert_sql,
                             {postgres::array(ids), postgres::array(tenants), postgres::array(organizations),
                              postgres::array(workers), postgres::array(operations), postgres::array(callers),
                              postgres::array(parameters), postgres::array(hashes),
                              postgres::value(static_cast<long>(wait.count())), postgres::value(why)});
}

}  // namespace rollcall::runs
