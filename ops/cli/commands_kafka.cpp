#include "common/runs/workers.h"
#include "ops/cli/commands.h"

#include <map>

namespace rollcall::cli {
namespace {

constexpr auto patience = std::chrono::milliseconds(15'000);

std::vector<kafka::TopicSpec> all_topics(int partitions, int replication) {
  std::vector<kafka::TopicSpec> topics;
  const auto add = [&](const std::string& name, const std::map<std::string, std::string>& settings) {
    topics.push_back({name, partitions, replication, settings});
  };
  // What could not be read waits for a person, longer than the week that Kafka keeps things by default.
  const std::map<std::string, std::string> kept = {{"retention.ms", "2592000000"}};
  std::vector<std::string> consumed{runs::audit_topic, "rollcall.roster-events"};
  for (const char* kind : runs::worker_kinds) {
    consumed.push_back(runs::commands_topic(kind));
    consumed.push_back(runs::ticks_topic(kind));
  }
  for (const auto& name : consumed) {
    add(name, {});
    add(name + ".dead", kept);
  }
  add(runs::runs_topic, {});
  // For every partition and day of the audit trail its last root stands for good, and every root for a month.
  add("rollcall.audit-roots", {{"cleanup.policy", "compact"}, {"min.compaction.lag.ms", "2592000000"}});
  // The last word of every process; ages are told by the broker's clock, and who is silent for a day is gone.
  add("rollcall.throttle", {{"cleanup.policy", "compact,delete"},
                            {"message.timestamp.type", "LogAppendTime"},
                            {"segment.ms", "600000"},
                            {"retention.ms", "86400000"}});
  return topics;
}

Json to_json(const kafka::Message& message) {
  Json headers = Json::object();
  for (const auto& [name, value] : message.headers)
    headers[name] = value;
  // Values are JSON where Rollcall wrote them; anything else is shown as text.
  const auto value = parse_json(message.value);
  return {{"topic", message.topic},
          {"partition", message.partition},
          {"offset", message.offset},
          {"timestamp", to_rfc3339(WallTime(std::chrono::milliseconds(message.timestamp_ms)))},
          {"key", message.key},
          {"headers", headers},
          {"value", value ? *value : Json(message.value)}};
}

}  // namespace

int topics_create(Context& context, const Arguments& arguments) {
  static_cast<void>(
      context.topics());  // soon says that Kafka is away, where making topics may well take its time
  const auto created = kafka::create_topics(
      context.kafka(), all_topics(arguments.partitions, arguments.replication), patience);
  context.output.document({{"created", created}});
  for (const auto& name : created)
    context.output.line("created " + name);
  if (created.empty()) context.output.line("nothing changed: every topic is there already");
  return done;
}

int topics_list(Context& context, const Arguments&) {
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& topic : context.topics()) {
    list.push_back({{"name", topic.name}, {"partitions", topic.partitions}});
    table.push_back({printable(topic.name), std::to_string(topic.partitions)});
  }
  context.output.document(list);
  context.output.table({"TOPIC", "PARTITIONS"}, table,
                       "There are no topics yet. Create them: rollcall topics create");
  return done;
}

int topics_tail(Context& context, const Arguments& arguments) {
  bool known = false;
  for (const auto& topic : context.topics())
    known = known || topic.name == arguments.topic;
  if (!known) throw Failure(not_found, "topic_not_found", "there is no topic '" + arguments.topic + "'");
  const auto started = context.clock().steady();
  long shown = 0;
  kafka::tail(
      context.kafka(), arguments.topic, arguments.from_start,
      [&] {
        if (arguments.max > 0 && shown >= arguments.max) return false;
        if (arguments.timeout_seconds > 0 &&
            context.clock().steady() - started >= std::chrono::seconds(arguments.timeout_seconds))
          return false;
        return context.output.alive();
      },
      [&](const kafka::Message& message) {
        if (arguments.max > 0 && shown >= arguments.max) return;
        ++shown;
        context.output.document(to_json(message));
        context.output.line(to_rfc3339(WallTime(std::chrono::milliseconds(message.timestamp_ms))) + "  " +
                            std::to_string(message.partition) + ":" + std::to_string(message.offset) + "  " +
                            printable(message.key) + "  " + message.header("ce_type").value_or("-") + "  " +
                            printable(message.value));
      });
  return done;
}

}  // namespace rollcall::cli
