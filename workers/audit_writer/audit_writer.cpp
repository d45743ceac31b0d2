#include "workers/audit_writer/audit_writer.h"

#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "workers/audit_writer/adapters/batch.h"
#include "workers/audit_writer/adapters/events_table.h"
#include "workers/audit_writer/adapters/parking.h"
#include "workers/audit_writer/maintenance.h"

#include <algorithm>
#include <future>
#include <utility>

namespace rollcall::audit_writer {
namespace {

using std::chrono::milliseconds;

class Writer {
 public:
  Writer(const AuditWriterOptions& options, postgres::Database& database, kafka::Producer& producer,
         const schema::Validator& schemas, const Clock& clock, metrics::Registry& metrics,
         std::stop_token stop)
      : options_(options),
        producer_(producer),
        schemas_(schemas),
        clock_(clock),
        stop_(std::move(stop)),
        table_(database),
        maintenance_(options, database, table_, producer, clock),
        group_(options.topic_prefix + "-audit-writer"),
        consumer_({options.kafka, group_, options.instance_id, {options.topic_prefix + ".audit"}}),
        written_(counter(metrics, "written")),
        duplicate_(counter(metrics, "duplicate")),
        parked_(counter(metrics, "parked")) {
    // Another process reads on from what is committed. What we hold of these partitions is still written,
    // which the primary key makes harmless, but our place in them is no longer ours to commit.
    consumer_.on_revoked([this](const std::vector<kafka::TopicPartition>& partitions) {
      for (const auto& partition : partitions) {
        batch_.next.erase(partition);
        flying_.next.erase(partition);
      }
    });
  }

  void run() {
    while (!stop_.stop_requested()) {
      if (batch_.messages < options_.batch_max) take(options_.batch_max - batch_.messages, patience());
      if (flight_.valid() && (full() || landed())) land(false);
      if (flight_.valid()) continue;
      if (!batch_.empty() && (full() || time_left() == milliseconds{0})) launch();
      if (!flight_.valid()) maintenance_.tick();
    }
    if (flight_.valid()) land(true);
    if (!batch_.empty() && !given_up_) {
      launch();
      land(true);
    }
    try {
      consumer_.close();
    } catch (const std::exception& error) {
      log::warn("consumer_close_failed", log::describe(error));
    }
  }

 private:
  static constexpr milliseconds idle_poll{100};  // also how soon a stop is noticed
  static constexpr milliseconds flight_poll{5};  // how soon it is noticed that a batch is written

  static metrics::Counter& counter(metrics::Registry& metrics, const char* outcome) {
    return metrics.counter("rollcall_audit_events_total", "Audit events by what became of them",
                           {{"outcome", outcome}});
  }

  milliseconds time_left() const {
    const auto waited = std::chrono::duration_cast<milliseconds>(clock_.steady() - batch_.since);
    return std::clamp(options_.linger - waited, milliseconds{0}, options_.linger);
  }

  [[nodiscard]] bool full() const { return batch_.messages >= options_.batch_max; }
  [[nodiscard]] bool landed() const { return flight_.wait_for(milliseconds{0}) == std::future_status::ready; }
  milliseconds patience() const {
    if (flight_.valid()) return flight_poll;
    return batch_.empty() ? idle_poll : time_left();
  }

  /// While PostgreSQL writes a batch, the next one is read and judged.
  void launch() {
    flying_ = std::exchange(batch_, {});
    flight_ = std::async(std::launch::async, [this] { write_once(); });
  }

  /// Polls into the batch; whether anything came.
  bool take(std::size_t max, milliseconds timeout) {
    const auto messages = consumer_.poll(max, timeout);
    if (batch_.empty() && !messages.empty()) batch_.since = clock_.steady();
    for (const auto& message : messages) {
      batch_.add(message, schemas_, group_, clock_.wall());
    }
    return !messages.empty();
  }

  /// Waits for what is being written, then commits: whatever fails is tried again from the batch in hand, and
  /// the offsets move only after all of it stands. Gives up only when stopping takes too long; then nothing
  /// is committed and the messages come again.
  void land(bool synchronous) {
    int attempt = 0;
    std::optional<SteadyTime> give_up;
    while (true) {
      try {
        flight_.get();
        break;
      } catch (const std::exception& error) {
        report(error, ++attempt);
      }
      if (stop_.stop_requested() && !give_up) give_up = clock_.steady() + options_.stop_deadline;
      if (!wait_polling(options_.backoff.delay(attempt, crypto::random_unit()), give_up)) {
        log::warn("batch_given_up", {{"messages", flying_.messages}});
        flying_ = {};
        given_up_ = true;
        return;
      }
      flight_ = std::async(std::launch::async, [this] { write_once(); });
    }
    if (attempt > 0) {
      consumer_.resume();
      log::info("batch_recovered", {{"attempts", attempt + 1}});
    }
    try {
      if (!flying_.next.empty()) consumer_.commit(flying_.next, synchronous);
    } catch (const std::exception& error) {
      log::warn("commit_failed",
                log::describe(error));  // a later commit covers it; at worst events come twice
    }
    flying_ = {};
  }

  /// On a thread of its own, which has the batch's slices and what is parked to itself meanwhile.
  void write_once() {
    const Written written = table_.write(flying_.slices, clock_.wall());
    written_.add(static_cast<double>(written.events));
    duplicate_.add(static_cast<double>(written.duplicates));
    flying_.slices.clear();
    maintenance_.publish(written);
    send_and_wait(producer_, flying_.parked, milliseconds{5'000});
    parked_.add(static_cast<double>(flying_.parked.size()));
    flying_.parked.clear();
  }

  void report(const std::exception& error, int attempt) {
    if (attempt > 1) return;  // once per outage
    Json fields = log::describe(error);
    fields["messages"] = flying_.messages;
    const auto* ours = dynamic_cast<const Error*>(&error);
    const bool passes = ours != nullptr && ours->fault() == Fault::transient;
    log::write(passes ? log::Level::warn : log::Level::error, "batch_failed", fields);
  }

  /// Waits with the consumer paused but polled, so that the group does not take us for dead. False: time to
  /// give up.
  bool wait_polling(milliseconds delay, const std::optional<SteadyTime>& give_up) {
    const auto until = clock_.steady() + delay;
    consumer_.pause();
    while (clock_.steady() < until) {
      if (give_up && clock_.steady() >= *give_up) return false;
      if (stop_.stop_requested() && !give_up) return true;  // the next failure starts the countdown
      // A rebalance may hand us partitions that are not paused.
      if (take(1, std::min(idle_poll, std::chrono::ceil<milliseconds>(until - clock_.steady()))))
        consumer_.pause();
    }
    return true;
  }

  const AuditWriterOptions& options_;
  kafka::Producer& producer_;
  const schema::Validator& schemas_;
  const Clock& clock_;
  std::stop_token stop_;
  EventsTable table_;
  Maintenance maintenance_;
  std::string group_;
  kafka::Consumer consumer_;
  Batch batch_;               // being gathered
  Batch flying_;              // being written
  std::future<void> flight_;  // valid while it is
  bool given_up_ = false;
  metrics::Counter& written_;
  metrics::Counter& duplicate_;
  metrics::Counter& parked_;
};

}  // namespace

void run_audit_writer(const AuditWriterOptions& options, postgres::Database& database,
                      kafka::Producer& producer, const schema::Validator& schemas, const Clock& clock,
                      metrics::Registry& metrics, std::stop_token stop) {
  Writer(options, database, producer, schemas, clock, metrics, std::move(stop)).run();
}

}  // namespace rollcall::audit_writer
