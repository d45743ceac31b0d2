#include "common/audit/by_hand.h"
#include "common/audit/expected.h"
#include "common/audit/roots.h"
#include "common/audit/trail.h"
#include "common/core/waiting.h"
#include "common/kafka/reader.h"
#include "ops/cli/commands.h"
#include "ops/cli/times.h"

#include <algorithm>

/// Whether the audit trail is what was written, and whole; and erasing people from it.
namespace rollcall::cli {
namespace {

using audit::Finding;

constexpr std::chrono::milliseconds kafka_patience{5'000};
/// So long audit-writer may take for what Kafka held when we asked.
constexpr std::chrono::milliseconds writer_patience{20'000};

/// Tells each finding as it is found: there may be as many as there are events.
class Report {
 public:
  explicit Report(Output& output) : output_(output) {}

  void operator()(const Finding& finding) {
    ++findings_;
    Json document = {{"finding", finding.kind}, {"message", finding.message}};
    std::string text = finding.kind;
    const auto add = [&](const char* name, const char* shown, const std::string& value) {
      document[name] = value;
      text += std::string("  ") + shown + " " + printable(value);
    };
    if (finding.event_id) add("event_id", "event", finding.event_id->to_string());
    if (finding.run_id) add("run_id", "run", finding.run_id->to_string());
    if (!finding.chain.empty()) add("chain", "chain", finding.chain);
    if (finding.seal) {
      document["seal"] = *finding.seal;
      text += "  seal " + std::to_string(*finding.seal);
    }
    output_.document(document);
    output_.line(text + ": " + finding.message);
  }
  /// What could not be looked at, and why.
  void unchecked(const std::string& what) {
    output_.document({{"unchecked", what}});
    output_.line("not checked: " + what);
    ++unchecked_;
  }
  [[nodiscard]] long findings() const { return findings_; }
  [[nodiscard]] long unchecked_count() const { return unchecked_; }

 private:
  Output& output_;
  long findings_ = 0, unchecked_ = 0;
};

std::vector<audit::Expected> absent(Context& context,
                                    const std::optional<std::vector<Uuid>>& only = std::nullopt) {
  return context.database().transact(
      [&](postgres::Transaction& transaction) { return audit::absent(transaction, only); });
}

/// Waits until audit-writer has sealed what the topic held when asked; false where it does not get there.
bool writer_caught_up(Context& context) {
  const auto ranges = kafka::topic_ranges(context.kafka(), runs::audit_topic, kafka_patience);
  const auto behind = [&] {
    const auto heads = context.database().transact(
        [](postgres::Transaction& transaction) { return audit::heads(transaction); });
    return std::ranges::any_of(ranges, [&](const kafka::Range& range) {
      if (range.first == range.next) return false;  // nothing is there to be read
      return std::ranges::none_of(heads, [&](const audit::Head& head) {
        return head.chain.topic == runs::audit_topic && head.chain.partition == range.partition &&
               head.next_offset >= range.next;
      });
    });
  };
  const auto give_up = context.clock().steady() + writer_patience;
  while (behind()) {
    if (context.clock().steady() >= give_up) return false;
    pause(std::chrono::milliseconds(200), {});
  }
  return true;
}

/// Events that the outbox was given and that neither stand nor are on their way.
void check_expected(Context& context, const Arguments& arguments, Report& report) {
  // Looked for before Kafka is asked how far it is: what lay in Kafka then lies before that.
  auto lost = absent(context);
  if (lost.empty()) return;
  const std::string count =
      std::to_string(lost.size()) + " events that do not stand yet may be on their way: ";
  if (arguments.without_kafka) return report.unchecked(count + "Kafka was not asked");
  try {
    if (!writer_caught_up(context)) return report.unchecked(count + "audit-writer is behind");
  } catch (const Error& error) {
    return report.unchecked(count + error.what());
  }
  std::vector<Uuid> ids;
  for (const auto& one : lost)
    ids.push_back(one.event_id);
  for (const auto& one : absent(context, ids))
    report({"event_missing",
            "it was given to Kafka and never came to stand: lost there, or refused "
            "(rollcall dead list rollcall.audit)",
            one.event_id, one.run_id});
}

std::optional<audit::Roots> published(Context& context, const Arguments& arguments, Report& report) {
  if (arguments.without_kafka) return std::nullopt;
  try {
    const auto trail = context.database().transact(
        [](postgres::Transaction& transaction) { return audit::trail_id(transaction); });
    return audit::published_roots(context.kafka(), audit::roots_topic("rollcall"), trail, kafka_patience);
  } catch (const Error& error) {
    if (error.code() != "kafka_unavailable") throw;
    report.unchecked(std::string("published roots: ") + error.what());
    return std::nullopt;
  }
}

}  // namespace

int audit_verify(Context& context, const Arguments& arguments) {
  std::optional<WallTime> since;
  if (!arguments.from.empty()) since = require_time(arguments.from, "--since");
  Report report(context.output);
  const auto roots = published(context, arguments, report);
  const auto tally = audit::verify(context.database(), roots, since, std::ref(report));
  check_expected(context, arguments, report);
  const bool good = report.findings() == 0;
  context.output.document({{"verified", good},
                           {"findings", report.findings()},
                           {"chains", tally.chains},
                           {"seals", tally.seals},
                           {"events", tally.events},
                           {"dropped_by_retention", tally.dropped},
                           {"erased_parts", tally.erased},
                           {"roots_compared", roots.has_value()}});
  context.output.line(
      std::string(good ? "nothing is wrong with " : std::to_string(report.findings()) + " findings in ") +
      std::to_string(tally.events) + " events under " + std::to_string(tally.seals) + " seals of " +
      std::to_string(tally.chains) + " chains" + (roots ? "" : "; without the published roots"));
  if (!good) return failed;
  return report.unchecked_count() > 0 && !arguments.without_kafka ? unreachable : done;
}

int audit_erase(Context& context, const Arguments& arguments) {
  const Uuid person = require_uuid(arguments.user, "PERSON");
  const auto erased = context.database().transact([&](postgres::Transaction& transaction) {
    return audit::erase_person(transaction, person, arguments.reason,
                               {context.tenant(), actor, context.now()});
  });
  context.publish({erased.stored});
  context.output.document({{"erasure_id", erased.erasure_id.to_string()}, {"parts", erased.parts}});
  context.output.line("erased from " + std::to_string(erased.parts) + " places; erasure " +
                      erased.erasure_id.to_string());
  return done;
}

}  // namespace rollcall::cli
