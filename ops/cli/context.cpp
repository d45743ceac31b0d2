#include "ops/cli/context.h"

#include <iterator>

namespace rollcall::cli {
namespace {

constexpr auto publish_patience = std::chrono::milliseconds(2'000);
/// A broker that has not answered by then is away; a person is waiting.
constexpr auto kafka_patience = std::chrono::milliseconds(2'500);

}  // namespace

Context::Context(config::Environment environment, Output& shown, std::istream& input)
    : output(shown), in(input), environment_(std::move(environment)) {}

Context::~Context() = default;

std::string Context::tenant() const {
  const auto tenant = environment_("MS_AUTH_TENANT_ID");
  return tenant && !tenant->empty() ? *tenant : "default";
}

bool Context::has(const std::string& name) const {
  const auto given = [this](const std::string& key) {
    const auto value = environment_(key);
    return value && !value->empty();
  };
  return given(name) || given(name + "_FILE");
}

std::string Context::required(const std::string& name, const std::string& example) const {
  const auto value = environment_(name);
  if (value && !value->empty()) return *value;
  // Any secret may come as a file; the database's address holds one.
  const auto file = environment_(name + "_FILE");
  if (file && !file->empty()) return config::Settings(environment_).secret(name, "").reveal();
  throw Failure(
      usage, "setting_invalid", name + " is not set",
      "export " + name + "=" + example + ", or source .rollcall/env where 'ops/run --detach' runs.");
}

postgres::Database& Context::database() {
  if (!database_) {
    postgres::Options options;
    options.url = required("DATABASE_URL", "postgresql://user@host/database");
    options.connections_max = 2;  // one for the command, one for the outbox
    options.application_name = "rollcall-cli";
    database_ = std::make_unique<postgres::Database>(std::move(options));
  }
  return *database_;
}

kafka::Options Context::kafka() const {
  return {required("KAFKA_BROKERS", "localhost:9092"), "rollcall-cli", {}};
}

std::vector<kafka::TopicDescription> Context::topics() const {
  return kafka::list_topics(kafka(), kafka_patience);
}

Organization Context::organization(const std::string& id_or_name) {
  const auto found = database().transact([&](postgres::Transaction& transaction) {
    const auto id = Uuid::parse(id_or_name);
    if (!id) return directory::organizations_named(transaction, tenant(), id_or_name);
    const auto one = directory::find_organization(transaction, *id);
    return one ? std::vector{*one} : std::vector<Organization>{};
  });
  if (found.empty())
    throw Failure(not_found, "organization_not_found", "there is no organization '" + id_or_name + "'");
  if (found.size() == 1) return found[0];
  std::string ids;
  for (const auto& one : found)
    ids += (ids.empty() ? "" : ", ") + one.id.to_string();
  throw Failure(refused, "organization_ambiguous",
                "several organizations are named '" + id_or_name + "': " + ids);
}

void Context::publish(std::vector<runs::Stored> stored) {
  std::vector<long> ids;
  for (const auto& one : stored)
    ids.insert(ids.end(), one.ids.begin(), one.ids.end());
  if (ids.empty()) return;
  constexpr auto kept = "; what was asked is stored, and rollcall-scheduler sends it when Kafka is there.";
  if (!has("KAFKA_BROKERS")) return output.note("note: KAFKA_BROKERS is not set" + std::string(kept));
  // The command is committed: whatever goes wrong from here on only delays it.
  try {
    kafka::Producer producer(kafka());
    // Asked first, since a producer that holds messages would wait for the broker again when it closes.
    if (!producer.reachable())
      return output.note("note: no Kafka broker answers at " + kafka().brokers + kept);
    runs::OutboxPublisher publisher(database(), producer);
    for (auto& one : stored)
      publisher.publish(one.ids, std::move(one.messages));
    publisher.flush(publish_patience);
    const auto left = database().query("SELECT count(*) FROM ops.outbox WHERE id = ANY($1::bigint[])",
                                       {postgres::array(ids)});
    if (left.empty() || left[0].number(0) == 0) return;
  } catch (const std::exception&) {
    // Said below: the cure is the same.
  }
  output.note("note: Kafka did not take the message yet" + std::string(kept));
}

Uuid require_uuid(const std::string& text, const std::string& what) {
  if (const auto id = Uuid::parse(text); id && !id->is_nil()) return *id;
  throw Failure(usage, "usage", what + " '" + text + "' is no GUID",
                "Give 36 characters such as 1b2d4c1e-0000-4000-8000-000000000001.");
}

}  // namespace rollcall::cli
