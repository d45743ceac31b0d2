#include "workers/audit_writer/maintenance.h"

#include "common/audit/by_hand.h"
#include "common/audit/expected.h"
#include "common/audit/roots.h"
#include "common/audit/trail.h"
#include "common/log/log.h"

namespace rollcall::audit_writer {
namespace {

using namespace std::chrono_literals;

constexpr auto months_every = 10min;
constexpr auto expected_every = 5s;
/// Entries looked at in one go; each is up to 500 events.
constexpr long expected_most = 100;
constexpr int months_ahead = 2;
constexpr auto kafka_patience = std::chrono::milliseconds{2'000};

}  // namespace

/// Says once that something fails, and once that it no longer does.
template <class Work>
void Maintenance::attempt(const char* what, Work work) {
  try {
    work();
  } catch (const std::exception& error) {
    if (!std::exchange(failing_, true)) {
      Json fields = log::describe(error);
      fields["what"] = what;
      log::warn("audit_maintenance_failed", fields);
    }
    return;
  }
  if (std::exchange(failing_, false)) log::info("audit_maintenance_recovered", {{"what", what}});
}

void Maintenance::tick() {
  const auto now = clock_.steady();
  if (now >= months_due_) {
    months_due_ = now + months_every;
    attempt("partitions", [&] { make_partitions(); });
    attempt("retention", [&] { drop_months(); });
    attempt("roots", [&] { publish_missing(); });
  }
  if (now >= expected_due_) {
    expected_due_ = now + expected_every;
    attempt("expected", [&] { forget_written(); });
  }
}

void Maintenance::make_partitions() {
  using namespace std::chrono;
  const year_month_day today{floor<days>(clock_.wall())};
  for (int i = 0; i <= months_ahead; ++i) {
    const sys_days first = (today.year() / today.month() + months{i}) / 1;
    table_.ensure_month(month_of(first));
  }
}

void Maintenance::drop_months() {
  if (options_.retention_months == 0) return;
  const runs::Asker asker{options_.tenant_id, "audit-writer", clock_.wall()};
  while (true) {
    auto dropped = database_.transact([&](postgres::Transaction& transaction) {
      return audit::drop_oldest_month(transaction, options_.retention_months, asker);
    });
    if (!dropped) return;
    log::info("audit_month_dropped", {{"month", dropped->month.substr(0, 7)}, {"events", dropped->events}});
  }
}

void Maintenance::publish(const Written& written) {
  if (written.seals.empty()) return;
  attempt("roots", [&] {
    if (trail_.empty())
      trail_ = database_.transact([](postgres::Transaction& t) { return audit::trail_id(t); });
    const std::string topic = audit::roots_topic(options_.topic_prefix);
    for (const auto& [chain, seal] : written.seals)
      producer_.publish(audit::root_message(topic, trail_, chain, seal), [](const std::string&) {});
  });
}

void Maintenance::publish_missing() {
  std::vector<audit::Head> heads;
  std::vector<audit::Seal> seals;
  database_.transact([&](postgres::Transaction& transaction) {
    trail_ = audit::trail_id(transaction);
    heads.clear();
    seals.clear();
    for (auto& head : audit::heads(transaction)) {
      auto seal = head.number > 0 ? audit::last_seal(transaction, head) : std::nullopt;
      if (!seal) continue;
      heads.push_back(std::move(head));
      seals.push_back(std::move(*seal));
    }
  });
  if (heads.empty()) return;
  const std::string topic = audit::roots_topic(options_.topic_prefix);
  const auto published = audit::published_roots(options_.kafka, topic, trail_, kafka_patience);
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const auto known = published.find(heads[i].chain.chain);
    if (known != published.end() && known->second.rbegin()->first >= heads[i].number) {
      // Never written over: it is what shows that the tables were.
      const auto same = known->second.find(heads[i].number);
      if (same == known->second.end() || same->second != heads[i].root)
        log::error("audit_root_differs", {{"topic", heads[i].chain.topic},
                                          {"partition", heads[i].chain.partition},
                                          {"number", heads[i].number}});
      continue;
    }
    producer_.publish(audit::root_message(topic, trail_, heads[i].chain, seals[i]),
                      [](const std::string&) {});
  }
}

void Maintenance::forget_written() {
  forgotten_up_to_ = audit::forget_written(database_, forgotten_up_to_, expected_most);
}

}  // namespace rollcall::audit_writer
