#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"

#include <optional>
#include <string>
#include <vector>

/// The life cycle of runs in ops.runs, and the outbox. Free functions over a transaction: whoever changes a
/// run's state publishes the news in the same transaction.
namespace rollcall::runs {

inline constexpr const char* runs_topic = "rollcall.runs";
inline constexpr const char* audit_topic = "rollcall.audit";
inline std::string commands_topic(const std::string& worker) {
  return "rollcall." + worker + ".commands";
}
inline std::string ticks_topic(const std::string& worker) {
  return "rollcall." + worker + ".ticks";
}

/// A message with CloudEvents binary headers (Kafka protocol binding 1.0) and traceparent. `id` is ce_id;
/// `type` a schema's name; a new trace is begun where `traceparent` is empty.
kafka::Message make_message(const std::string& topic, const std::string& key, const std::string& type,
                            const std::string& id, const Json& value, WallTime now,
                            const std::string& traceparent = {});

/// Stores messages in ops.outbox, up to 500 a row; returns the row ids, in order.
std::vector<long> store_in_outbox(postgres::Transaction& transaction,
                                  const std::vector<kafka::Message>& messages);

/// Publishes committed outbox rows now, and deletes each after its delivery. Best effort: what fails stays
/// for the sweep. Safe from any thread; owns a thread for the deletes; the destructor waits briefly for what
/// is under way.
class OutboxPublisher {
 public:
  OutboxPublisher(postgres::Database& database, kafka::Producer& producer);
  ~OutboxPublisher();
  /// `ids` as store_in_outbox() returned them for these `messages`.
  void publish(const std::vector<long>& ids, const std::vector<kafka::Message>& messages);
  void flush(std::chrono::milliseconds timeout);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The messages of an outbox row, from its column of that name.
std::vector<kafka::Message> read_outbox(const Json& messages);

struct NewRun {
  Uuid id;
  std::string tenant_id, worker, operation, caller_identity;
  std::optional<Uuid> organization_id;
  Json parameters = Json::object();
  bool bulk = false;                           ///< goes to the ticks topic, behind what someone waits for
  std::optional<Uuid> tick_id = std::nullopt;  ///< the tick that started it
  bool joins = true;                           ///< false: asking for it twice is two runs
};
/// What a transaction left in the outbox, for OutboxPublisher::publish.
struct Stored {
  std::vector<long> ids;
  std::vector<kafka::Message> messages;
};
/// What became of a NewRun.
struct Asked {
  Uuid run;             ///< what to follow
  bool joined = false;  ///< another's run: equal, queued already and never begun
};
struct Enqueued {
  std::vector<Asked> asked;  ///< in the order of the runs given
  Stored stored;
};
/// Inserts runs as queued with their commands in the outbox; what exists already by its id stays as it is. A
/// run equal (worker, organization, operation, parameters) to one that is queued and has never begun joins
/// it: it will see everything that the joining run would. One that stands behind bulk is moved up for one
/// that someone waits for.
Enqueued enqueue(postgres::Transaction& transaction, const std::vector<NewRun>& runs, WallTime now);
/// The command message of a run that stands in ops.runs, for sending (again).
kafka::Message command_message(const NewRun& run, WallTime now);

/// Every run that the tick of this schedule and due time (RFC 3339) stands for is stored: the scheduler need
/// not send the tick again, and looks at the runs to tell whether it is still open. Nothing where the tick is
/// unknown.
void tick_served(postgres::Database& database, const std::string& schedule_id, const std::string& due_at);

/// The news of a run for rollcall.runs. `state` and `attempt` are required; empty code: no error.
kafka::Message run_news(const Uuid& run, const std::optional<Uuid>& organization, const std::string& worker,
                        const std::string& operation, const std::string& state, int attempt, WallTime now,
                        const Json& result, const std::string& code, const std::string& message);

}  // namespace rollcall::runs
