#include "workers/advisor_scan/run_events.h"

#include "common/core/error.h"
#include "common/core/json.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/runs/debounce.h"
#include "workers/advisor_scan/handler.h"

#include <map>

namespace rollcall::advisor_scan {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t block_max = 500;
constexpr milliseconds poll_wait = 500ms;
constexpr milliseconds retry_every = 1s;

class RunEvents {
 public:
  RunEvents(const RunEventsOptions& options, postgres::Database& database, const Clock& clock,
            metrics::Registry& metrics)
      : options_(options),
        database_(database),
        clock_(clock),
        asked_(metrics.counter("rollcall_scans_after_failures_total", "Scans that failed runs asked for.")),
        consumer_(consumer_options(options)) {
    // Another process reads on from what is committed: our place in these is no longer ours to commit.
    consumer_.on_revoked([this](const std::vector<kafka::TopicPartition>& partitions) {
      for (const auto& partition : partitions)
        next_.erase(partition);
    });
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      take(consumer_.poll(held_back_ ? 1 : block_max, poll_wait));
      if (!next_.empty() && (!held_back_ || clock_.steady() >= *held_back_)) store();
    }
    consumer_.close();
  }

 private:
  static kafka::ConsumerOptions consumer_options(const RunEventsOptions& options) {
    kafka::ConsumerOptions consumer;
    consumer.client = options.kafka;
    consumer.group = options.topic_prefix + "-advisor-scan-runs";
    consumer.instance_id = options.instance_id;
    consumer.topics = {options.topic_prefix + ".runs"};
    return consumer;
  }

  void take(const std::vector<kafka::Message>& messages) {
    for (const auto& message : messages) {
      next_[{message.topic, message.partition}] = message.offset + 1;
      const auto organization = failed_for(message.value);
      // The id derives from the message's place: one that is read again asks for the same scan.
      if (organization)
        scans_.try_emplace(*organization,
                           crypto::derived_uuid({message.topic, std::to_string(message.partition),
                                                 std::to_string(message.offset), organization->to_string()}));
    }
    if (held_back_ && !messages.empty()) consumer_.pause();  // of partitions that came by a rebalance
  }

  /// While PostgreSQL is away the consumer is paused and polled, so that its group keeps it.
  void store() {
    try {
      if (!scans_.empty()) asked_.add(static_cast<double>(store_scans()));
    } catch (const std::exception& error) {
      if (!held_back_) log::warn("run_events_wait", log::describe(error));
      consumer_.pause();
      held_back_ = clock_.steady() + retry_every;
      return;
    }
    scans_.clear();
    consumer_.commit(std::exchange(next_, {}), false);
    if (std::exchange(held_back_, std::nullopt)) consumer_.resume();
  }

  long store_scans() {
    std::vector<Uuid> organizations;
    for (const auto& [organization, run] : scans_)
      organizations.push_back(organization);
    return database_.transact([&](postgres::Transaction& transaction) {
      std::vector<runs::NewRun> block;
      for (const auto& row : transaction.query(
               "SELECT id FROM directory.organizations WHERE id = ANY($1::uuid[]) AND tenant_id = $2",
               {postgres::array(organizations), postgres::value(options_.tenant_id)}))
        block.push_back({scans_.at(row.uuid(0)), options_.tenant_id, worker_name, scan_operation,
                         "run-failed", row.uuid(0)});
      return runs::enqueue_debounced(transaction, block, options_.debounce,
                                     "More runs may fail: one scan will see them all.");
    });
  }

  const RunEventsOptions& options_;
  postgres::Database& database_;
  const Clock& clock_;
  metrics::Counter& asked_;
  std::map<kafka::TopicPartition, std::int64_t> next_;
  std::map<Uuid, Uuid> scans_;  // the run of each organization
  std::optional<SteadyTime> held_back_;
  kafka::Consumer consumer_;
};

}  // namespace

std::optional<Uuid> failed_for(const std::string& news) {
  if (news.find("\"failed\"") == std::string::npos) return std::nullopt;  // most are not: spares the parsing
  const auto parsed = parse_json(news);
  if (!parsed || text_member(*parsed, "state") != "failed" || text_member(*parsed, "worker") == worker_name)
    return std::nullopt;
  return Uuid::parse(text_member(*parsed, "organization_id"));
}

void run_events(const RunEventsOptions& options, postgres::Database& database, const Clock& clock,
                metrics::Registry& metrics, const std::stop_token& stop) {
  RunEvents(options, database, clock, metrics).run(stop);
}

}  // namespace rollcall::advisor_scan
