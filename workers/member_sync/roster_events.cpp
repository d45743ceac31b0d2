#include "workers/member_sync/roster_events.h"

#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/runs/debounce.h"
#include "common/worker/feed.h"
#include "common/worker/persist.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace rollcall::member_sync {
namespace {

constexpr const char* event_type = "rollcall.roster-event.v1";
constexpr std::size_t open_max = 2'000;

struct Event {
  Uuid organization;
  worker::Ticket ticket;
};

/// What is known of the organizations that events name.
struct Known {
  std::string tenant;
  bool linked = false;
};

class RosterEvents {
 public:
  RosterEvents(const RosterEventsOptions& options, postgres::Database& database, kafka::Producer& producer,
               const schema::Validator& schemas, const Clock& clock, metrics::Registry& metrics)
      : options_(options),
        database_(database),
        schemas_(schemas),
        deliveries_(producer),
        graveyard_(deliveries_,
                   metrics.counter("rollcall_dead_letters_total", "Messages put on a dead-letter topic."),
                   clock),
        events_(metrics.counter("rollcall_roster_events_total", "Roster events received.")),
        runs_(metrics.counter("rollcall_roster_runs_total", "Syncs that roster events asked for.")),
        feed_(consumer(), {open_max, [this](const worker::Ticket& ticket) { return take(ticket); }},
              deliveries_, graveyard_, events_) {}

  void run(const std::stop_token& stop) {
    {
      std::jthread storing([&](const std::stop_token& over) { store_until(over); });
      const std::stop_callback pass_on(stop, [&] { storing.request_stop(); });
      feed_.run(stop);
    }
    feed_.close();
  }

 private:
  [[nodiscard]] kafka::ConsumerOptions consumer() const {
    kafka::ConsumerOptions consumer;
    consumer.client = options_.kafka;
    consumer.group = options_.topic_prefix + "-member-sync-roster";
    consumer.instance_id = options_.instance_id;
    consumer.topics = {options_.topic_prefix + ".roster-events"};
    return consumer;
  }

  std::optional<Problem> take(const worker::Ticket& ticket) {
    auto parsed = parse_json(ticket.message->value);
    if (!parsed) return parsed.error();
    const std::string type = ticket.message->header("ce_type").value_or(event_type);
    if (type != event_type)
      return Problem{"unknown_message_type",
                     "Messages of type '" + type + "' are not served on " + ticket.message->topic + "."};
    if (auto problem = schemas_.check(event_type, *parsed)) return problem;
    const auto organization = Uuid::parse(parsed->at("organization_id").get<std::string>());
    const std::lock_guard lock(mutex_);
    waiting_.push_back({organization.value_or(Uuid{}), ticket});
    changed_.notify_one();
    return std::nullopt;
  }

  void store_until(const std::stop_token& stop) {
    for (;;) {
      std::vector<Event> block;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return !waiting_.empty(); })) return;
        block = std::exchange(waiting_, {});
      }
      if (stop.stop_requested() || !store(block, stop)) return;
    }
  }

  /// False where a stop came first: what is not stored is not committed, and comes again.
  bool store(const std::vector<Event>& block, const std::stop_token& stop) {
    std::map<Uuid, Known> known;
    for (;;) {
      try {
        if (!worker::persist("roster_events_wait", stop, [&] { known = store_runs(block); })) return false;
        break;
      } catch (const std::exception& error) {
        // The events are sound, so it is the database that is not: a migration is missing, say.
        log::error("roster_events_not_stored", log::describe(error));
        if (!pause(std::chrono::seconds{5}, stop)) return false;
      }
    }
    for (const Event& event : block) {
      if (known.contains(event.organization))
        event.ticket.finish();
      else
        graveyard_.bury(
            event.ticket,
            {"organization_not_found", "There is no organization " + event.organization.to_string() + "."},
            feed_.group());
    }
    return true;
  }

  std::map<Uuid, Known> store_runs(const std::vector<Event>& block) {
    std::vector<Uuid> organizations;
    for (const Event& event : block)
      organizations.push_back(event.organization);
    long stored = 0;
    auto known = database_.transact([&](postgres::Transaction& transaction) {
      std::map<Uuid, Known> found;
      for (const auto& row : transaction.query(
               "SELECT id, tenant_id, microsoft_group IS NOT NULL FROM directory.organizations WHERE id = "
               "ANY($1::uuid[])",
               {postgres::array(organizations)}))
        found[row.uuid(0)] = {row.text(1), row.flag(2)};
      stored = runs::enqueue_debounced(transaction, runs_for(block, found), options_.debounce);
      return found;
    });
    runs_.add(static_cast<double>(stored));
    return known;
  }

  /// One for each organization that has a group to be synced. The id derives from the first event's place in
  /// the topic: an event that is read again asks for the same run.
  [[nodiscard]] std::vector<runs::NewRun> runs_for(const std::vector<Event>& block,
                                                   std::map<Uuid, Known> found) const {
    std::vector<runs::NewRun> runs;
    if (!options_.enabled) return runs;
    for (const Event& event : block) {
      const auto organization = found.find(event.organization);
      if (organization == found.end() || !std::exchange(organization->second.linked, false)) continue;
      const auto& message = *event.ticket.message;
      runs.push_back({crypto::derived_uuid({message.topic, std::to_string(message.partition),
                                            std::to_string(message.offset), event.organization.to_string()}),
                      organization->second.tenant, "member-sync", "sync-members", "roster-event",
                      event.organization, Json::object(), false});
    }
    return runs;
  }

  const RosterEventsOptions& options_;
  postgres::Database& database_;
  const schema::Validator& schemas_;
  worker::Deliveries deliveries_;
  worker::Graveyard graveyard_;
  metrics::Counter& events_;
  metrics::Counter& runs_;
  std::mutex mutex_;  // guards waiting_
  std::condition_variable_any changed_;
  std::vector<Event> waiting_;
  worker::Feed feed_;  // last: it calls the others
};

}  // namespace

void run_roster_events(const RosterEventsOptions& options, postgres::Database& database,
                       kafka::Producer& producer, const schema::Validator& schemas, const Clock& clock,
                       metrics::Registry& metrics, const std::stop_token& stop) {
  RosterEvents(options, database, producer, schemas, clock, metrics).run(stop);
}

}  // namespace rollcall::member_sync
