#include "common/runs/blocks.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

namespace rollcall::runs {
namespace {

/// What makes two runs equal.
using Equal = std::tuple<std::string, Uuid, std::string, std::string>;

Equal equal_of(const NewRun& run) {
  return {run.worker, *run.organization_id, run.operation, parameters_hash(run.parameters)};
}

bool may_join(const NewRun& run) {
  return run.joins && run.organization_id.has_value();
}

/// Runs that may join others, as columns for unnest().
struct Columns {
  std::vector<Uuid> organizations;
  std::vector<std::string> workers, operations, hashes;

  explicit Columns(const std::vector<NewRun>& runs) {
    for (const auto& run : runs) {
      if (!may_join(run)) continue;
      auto [worker, organization, operation, hash] = equal_of(run);
      organizations.push_back(organization);
      workers.push_back(std::move(worker));
      operations.push_back(std::move(operation));
      hashes.push_back(std::move(hash));
    }
  }
};

/// Of two who ask for the same at once the second waits here for the first, and then sees its run. In one
/// order, so that two blocks do not wait for each other.
void lock_equals(postgres::Transaction& transaction, const Columns& columns) {
  transaction.query(
      "SELECT pg_advisory_xact_lock(k) FROM (SELECT DISTINCT hashtextextended(concat_ws(' ', w, g, p, h), 0) "
      "AS k FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS u(w, g, p, h) ORDER BY k) locks",
      {postgres::array(columns.workers), postgres::array(columns.organizations),
       postgres::array(columns.operations), postgres::array(columns.hashes)});
}

/// Runs that have never begun, by what makes others equal to them.
std::map<Equal, Uuid> find_leaders(postgres::Transaction& transaction, const Columns& columns) {
  std::map<Equal, Uuid> leaders;
  for (const auto& row : transaction.query(
           "SELECT r.worker, r.organization_id, r.operation, r.parameters_hash, r.id FROM ops.runs r "
           "JOIN unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) AS u(w, g, p, h) "
           "ON r.worker = u.w AND r.organization_id = u.g AND r.operation = u.p AND r.parameters_hash = u.h "
           "WHERE r.open_state = 'queued' AND r.attempt = 0 AND r.started_at IS NULL "
           "AND r.approved_digest IS NULL AND NOT r.cancel_requested ORDER BY r.created_at, r.id",
           {postgres::array(columns.workers), postgres::array(columns.organizations),
            postgres::array(columns.operations), postgres::array(columns.hashes)}))
    leaders.emplace(Equal{row.text(0), row.uuid(1), row.text(2), row.text(3)}, row.uuid(4));
  return leaders;
}

/// Those whose senders ask a second time.
std::set<Uuid> find_known(postgres::Transaction& transaction, const std::vector<NewRun>& runs) {
  std::vector<Uuid> ids;
  for (const auto& run : runs)
    ids.push_back(run.id);
  std::set<Uuid> known;
  for (const auto& row :
       transaction.query("SELECT id FROM ops.runs WHERE id = ANY($1::uuid[])", {postgres::array(ids)}))
    known.insert(row.uuid(0));
  return known;
}

/// Runs that someone now waits for leave the queue of bulk work: whichever command comes first serves.
std::vector<kafka::Message> move_up(postgres::Transaction& transaction, const std::vector<Uuid>& runs,
                                    WallTime now) {
  std::vector<kafka::Message> commands;
  if (runs.empty()) return commands;
  for (const auto& row : transaction.query(
           std::string("UPDATE ops.runs r SET bulk = false WHERE id = ANY($1::uuid[]) AND bulk AND "
                       "state = 'queued' RETURNING ") +
               run_columns,
           {postgres::array(runs)}))
    commands.push_back(command_message(read_run(row), now));
  return commands;
}

}  // namespace

Enqueued enqueue(postgres::Transaction& transaction, const std::vector<NewRun>& runs, WallTime now) {
  const Columns columns(runs);
  lock_equals(transaction, columns);
  auto leaders = find_leaders(transaction, columns);
  const auto known = find_known(transaction, runs);
  Enqueued enqueued;
  std::vector<NewRun> fresh;
  std::vector<Uuid> waited_for;
  for (const auto& run : runs) {
    Uuid leader = run.id;
    // The first of equal ones in this block leads the others.
    if (may_join(run) && !known.contains(run.id))
      leader = leaders.try_emplace(equal_of(run), run.id).first->second;
    enqueued.asked.push_back({leader, leader != run.id});
    if (leader == run.id) {
      fresh.push_back(run);
    } else if (!run.bulk) {
      waited_for.push_back(leader);
    }
  }
  auto messages = insert_with_commands(transaction, fresh, now);
  auto moved = move_up(transaction, waited_for, now);
  std::move(moved.begin(), moved.end(), std::back_inserter(messages));
  enqueued.stored = store(transaction, std::move(messages));
  return enqueued;
}

}  // namespace rollcall::runs
