#pragma once
#include "common/runs/runs.h"

#include <vector>

/// The block forms of runs.h, for the worker loop: one statement for many rows.
namespace rollcall::runs {

/// Puts the messages into the outbox.
Stored store(postgres::Transaction& transaction, std::vector<kafka::Message> messages);

/// Inserts runs as queued, none of them joining another; what exists already is left out. Returns the
/// commands of the others, which are yet to be stored.
std::vector<kafka::Message> insert_with_commands(postgres::Transaction& transaction,
                                                 const std::vector<NewRun>& runs, WallTime now);

/// insert_with_commands(), stored. `skip_open`: an organization with an open run of the same worker and
/// operation is left out too. `topic`: where the commands go; empty: as command_message() says.
Stored enqueue_block(postgres::Transaction& transaction, const std::vector<NewRun>& runs, WallTime now,
                     bool skip_open, const std::string& topic = {});

/// SHA-256 of the canonical dump: nlohmann keeps object keys sorted, so equal parameters have equal text.
std::string parameters_hash(const Json& parameters);

/// A living worker renews the heartbeat of what it holds this often; a run without one for `stale_after` is
/// anybody's. Less than Kafka's session timeout: a dead worker's runs can be taken over together with its
/// partitions.
inline constexpr std::chrono::milliseconds heartbeat_every{2'000};
inline constexpr std::chrono::milliseconds stale_after{8'000};

/// The columns of ops.runs that NewRun is made of, and a row that begins with them.
inline constexpr const char* run_columns =
    "r.id, r.tenant_id, r.worker, r.operation, r.caller_identity, r.organization_id, r.parameters";
NewRun read_run(const postgres::Row& row);

/// What rollcall.runs is told of a run.
struct News {
  Uuid run;
  std::optional<Uuid> organization;
  std::string worker, operation, state;
  int attempt = 0;
  Uuid claim;  ///< with one, the same state told twice has the same event id; an end has one in any case
  Json result, progress;
  std::string code, message;
  std::optional<WallTime> resume_at;
  std::string traceparent;
};
kafka::Message news_message(const News& news, WallTime now);

/// What joined `leaders` (runs that have just ended) ends with them: as they did, or, where they were
/// cancelled, by being queued again. Returns what is to be published.
std::vector<kafka::Message> conclude_followers(postgres::Transaction& transaction,
                                               const std::vector<Uuid>& leaders, WallTime now);

}  // namespace rollcall::runs
