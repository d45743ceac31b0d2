#include "common/runs/runs.h"

#include "common/core/error.h"
#include "common/core/json_writer.h"
#include "common/crypto/crypto.h"
#include "common/runs/blocks.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace rollcall::runs {
namespace {

constexpr const char* news_type = "rollcall.run.v1";

std::vector<postgres::Value> texts(const std::vector<NewRun>& runs, postgres::Value (*of)(const NewRun&)) {
  std::vector<postgres::Value> values;
  values.reserve(runs.size());
  std::ranges::transform(runs, std::back_inserter(values), of);
  return values;
}

// Those of `runs` that are to be inserted: the first of each organization that has nothing open.
std::vector<NewRun> without_open(postgres::Transaction& transaction, const std::vector<NewRun>& runs) {
  if (runs.empty()) return {};
  std::vector<Uuid> organizations;
  for (const auto& run : runs) {
    if (run.organization_id) organizations.push_back(*run.organization_id);
  }
  const auto rows = transaction.query(
      "SELECT DISTINCT organization_id, operation FROM ops.open_runs WHERE worker = $1 AND organization_id = "
      "ANY($2::uuid[])",
      {postgres::value(runs.front().worker), postgres::array(organizations)});
  std::set<std::pair<Uuid, std::string>> open;
  for (const auto& row : rows)
    open.emplace(row.uuid(0), row.text(1));
  std::vector<NewRun> kept;
  for (const auto& run : runs) {
    if (!run.organization_id || open.emplace(*run.organization_id, run.operation).second) kept.push_back(run);
  }
  return kept;
}

std::set<Uuid> insert_queued(postgres::Transaction& transaction, const std::vector<NewRun>& runs,
                             WallTime now) {
  std::vector<Uuid> ids;
  for (const auto& run : runs)
    ids.push_back(run.id);
  const auto rows = transaction.query(
      "INSERT INTO ops.runs (id, tenant_id, organization_id, worker, operation, state, caller_identity, "
      "parameters, "
      "parameters_hash, created_at, queued_at, tick_id, bulk) "
      "SELECT u.id, u.tenant, u.organization, u.worker, u.operation, 'queued', u.caller, u.parameters, "
      "u.hash, $9, $9, u.tick, u.bulk "
      "FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::jsonb[], "
      "$8::text[], $10::uuid[], $11::boolean[]) "
      "AS u(id, tenant, organization, worker, operation, caller, parameters, hash, tick, bulk) ORDER BY u.id "
      "ON CONFLICT (id) DO NOTHING RETURNING id",
      {postgres::array(ids),
       postgres::array(texts(runs, [](const NewRun& run) { return postgres::value(run.tenant_id); })),
       postgres::array(texts(runs, [](const NewRun& run) { return postgres::value(run.organization_id); })),
       postgres::array(texts(runs, [](const NewRun& run) { return postgres::value(run.worker); })),
       postgres::array(texts(runs, [](const NewRun& run) { return postgres::value(run.operation); })),
       postgres::array(texts(runs, [](const NewRun& run) { return postgres::value(run.caller_identity); })),
       postgres::array(texts(runs, [](const NewRun& run) { return postgres::value(run.parameters); })),
       postgres::array(
           texts(runs, [](const NewRun& run) { return postgres::value(parameters_hash(run.parameters)); })),
       postgres::value(now),
       postgres::array(texts(runs, [](const NewRun& run) { return postgres::value(run.tick_id); })),
       postgres::array(texts(runs, [](const NewRun& run) { return postgres::value(run.bulk); }))});
  std::set<Uuid> inserted;
  for (const auto& row : rows)
    inserted.insert(row.uuid(0));
  return inserted;
}

kafka::Message with_headers(kafka::Message message, std::string type, std::string id, std::string time,
                            const std::string& traceparent) {
  auto& headers = message.headers;
  headers.reserve(7);
  headers.emplace_back("ce_specversion", "1.0");
  headers.emplace_back("ce_id", std::move(id));
  headers.emplace_back("ce_source", "/rollcall");
  headers.emplace_back("ce_type", std::move(type));
  headers.emplace_back("ce_time", std::move(time));
  headers.emplace_back("content-type", "application/json");
  headers.emplace_back("traceparent", traceparent.empty() ? "00-" + crypto::random_hex(16) + "-" +
                                                                crypto::random_hex(8) + "-01"
                                                          : traceparent);
  return message;
}

std::string text_of(const News& news, const std::string& run, const std::string& at) {
  JsonWriter writer(384);
  writer.text("at", at);
  writer.number("attempt", news.attempt);
  if (!news.code.empty()) writer.json("error", {{"code", news.code}, {"message", news.message}});
  writer.text("operation", news.operation);
  if (news.organization) writer.text("organization_id", news.organization->to_string());
  if (news.progress.is_object()) writer.json("progress", news.progress);
  if (news.result.is_object()) writer.json("result", news.result);
  if (news.resume_at) writer.text("resume_at", to_rfc3339(*news.resume_at));
  writer.text("run_id", run);
  writer.text("state", news.state);
  writer.text("worker", news.worker);
  return writer.take();
}

}  // namespace

Stored store(postgres::Transaction& transaction, std::vector<kafka::Message> messages) {
  auto ids = store_in_outbox(transaction, messages);
  return {std::move(ids), std::move(messages)};
}

std::string parameters_hash(const Json& parameters) {
  return crypto::sha256_hex(dump(parameters));
}

kafka::Message make_message(const std::string& topic, const std::string& key, const std::string& type,
                            const std::string& id, const Json& value, WallTime now,
                            const std::string& traceparent) {
  return with_headers({topic, key, dump(value), {}}, type, id, to_rfc3339(now), traceparent);
}

kafka::Message command_message(const NewRun& run, WallTime now) {
  Json value = {{"run_id", run.id.to_string()},
                {"operation", run.operation},
                {"requested_by", run.caller_identity},
                {"requested_at", to_rfc3339(now)}};
  const std::string key = (run.organization_id ? *run.organization_id : run.id).to_string();
  if (run.organization_id) value["organization_id"] = key;
  if (!run.tenant_id.empty()) value["tenant_id"] = run.tenant_id;
  for (const char* name : {"dry_run", "full_read"}) {
    if (run.parameters.is_object() && run.parameters.contains(name)) value[name] = run.parameters[name];
  }
  return make_message(run.bulk ? ticks_topic(run.worker) : commands_topic(run.worker), key,
                      "rollcall." + run.worker + ".command.v1", run.id.to_string(), value, now);
}

std::vector<kafka::Message> insert_with_commands(postgres::Transaction& transaction,
                                                 const std::vector<NewRun>& runs, WallTime now) {
  if (runs.empty()) return {};
  auto inserted = insert_queued(transaction, runs, now);
  std::vector<kafka::Message> messages;
  for (const auto& run : runs) {
    if (inserted.erase(run.id) == 0) continue;  // erased: an id named twice is one run
    messages.push_back(command_message(run, now));
  }
  return messages;
}

Stored enqueue_block(postgres::Transaction& transaction, const std::vector<NewRun>& asked, WallTime now,
                     bool skip_open, const std::string& topic) {
  auto messages =
      insert_with_commands(transaction, skip_open ? without_open(transaction, asked) : asked, now);
  for (auto& message : messages) {
    if (!topic.empty()) message.topic = topic;
  }
  return store(transaction, std::move(messages));
}

void tick_served(postgres::Database& database, const std::string& schedule_id, const std::string& due_at) {
  database.execute(
      "UPDATE ops.ticks SET served_at = now(), resend_at = NULL "
      "WHERE schedule_id = $1::uuid AND due_at = $2::timestamptz AND served_at IS NULL",
      {postgres::value(schedule_id), postgres::value(due_at)});
}

NewRun read_run(const postgres::Row& row) {
  NewRun run;
  run.id = row.uuid(0);
  run.tenant_id = row.text(1);
  run.worker = row.text(2);
  run.operation = row.text(3);
  run.caller_identity = row.text(4);
  if (!row.is_null(5)) run.organization_id = row.uuid(5);
  run.parameters = row.json(6);
  return run;
}

kafka::Message news_message(const News& news, WallTime now) {
  const std::string run = news.run.to_string();
  std::string at = to_rfc3339(now);
  // An end comes once, also that of a run which nobody ever claimed: one that joined another.
  const bool ended = news.state == "succeeded" || news.state == "failed" || news.state == "cancelled";
  const Uuid id = (news.claim.is_nil() && !ended) || news.progress.is_object()
                      ? crypto::new_uuid()
                      : crypto::derived_uuid({run, news.claim.to_string(), news.state});
  kafka::Message message{
      runs_topic, news.organization ? news.organization->to_string() : run, text_of(news, run, at), {}};
  return with_headers(std::move(message), news_type, id.to_string(), std::move(at), news.traceparent);
}

kafka::Message run_news(const Uuid& run, const std::optional<Uuid>& organization, const std::string& worker,
                        const std::string& operation, const std::string& state, int attempt, WallTime now,
                        const Json& result, const std::string& code, const std::string& message) {
  News news{run, organization, worker, operation, state, attempt, {}, result, {}, code, message, {}, {}};
  return news_message(news, now);
}

}  // namespace rollcall::runs
