#include "common/core/error.h"
#include "common/runs/blocks.h"

namespace rollcall::runs {
namespace {

// As their leader ended.
constexpr const char* end_sql = R"(
UPDATE ops.runs f SET state = l.state, outcome = 'joined', result = l.result, error_code = l.error_code,
    error_message = l.error_message, finished_at = $2, attempt = l.attempt
FROM ops.runs l
WHERE f.joined_to = l.id AND f.state = 'waiting' AND l.id = ANY($1::uuid[]) AND l.state IN ('succeeded', 'failed')
RETURNING f.id, f.organization_id, f.worker, f.operation, f.state, f.attempt, f.result, f.error_code,
    f.error_message, f.traceparent, f.tenant_id, f.caller_identity, f.parameters, f.joined_to)";

// Whoever cancelled the leader did not cancel what others had asked for.
constexpr const char* requeue_sql = R"(
UPDATE ops.runs f SET state = 'queued', joined_to = NULL, error_code = NULL, error_message = NULL, queued_at = $2
FROM ops.runs l
WHERE f.joined_to = l.id AND f.state = 'waiting' AND l.id = ANY($1::uuid[]) AND l.state = 'cancelled'
RETURNING f.id, f.organization_id, f.worker, f.operation, f.state, f.attempt, f.result, f.error_code,
    f.error_message, f.traceparent, f.tenant_id, f.caller_identity, f.parameters, l.id)";

News news_of(const postgres::Row& row) {
  News news;
  news.run = row.uuid(0);
  if (!row.is_null(1)) news.organization = row.uuid(1);
  news.worker = row.text(2);
  news.operation = row.text(3);
  news.state = row.text(4);
  news.attempt = static_cast<int>(row.number(5));
  news.result = row.json(6);
  news.code = row.text(7);
  news.message = row.text(8);
  news.traceparent = row.text(9);
  return news;
}

NewRun run_of(const postgres::Row& row) {
  NewRun run;
  run.id = row.uuid(0);
  if (!row.is_null(1)) run.organization_id = row.uuid(1);
  run.worker = row.text(2);
  run.operation = row.text(3);
  run.tenant_id = row.text(10);
  run.caller_identity = row.text(11);
  run.parameters = row.json(12);
  return run;
}

}  // namespace

std::vector<kafka::Message> conclude_followers(postgres::Transaction& transaction,
                                               const std::vector<Uuid>& leaders, WallTime now) {
  std::vector<kafka::Message> messages;
  std::vector<Uuid> ids;
  std::vector<std::string> events;
  std::vector<postgres::Value> details;
  // One that others had joined may have joined another itself, after a wait: theirs is its end.
  for (auto ended = leaders; !ended.empty();) {
    std::vector<Uuid> next;
    for (const char* sql : {end_sql, requeue_sql}) {
      for (const auto& row : transaction.query(sql, {postgres::array(ended), postgres::value(now)})) {
        messages.push_back(news_message(news_of(row), now));
        const bool queued = row.text(4) == "queued";
        if (queued) messages.push_back(command_message(run_of(row), now));
        if (!queued) next.push_back(row.uuid(0));
        ids.push_back(row.uuid(0));
        events.push_back(row.text(4));
        details.push_back(postgres::value(Json{{"joined", row.uuid(13).to_string()}}));
      }
    }
    ended = std::move(next);
  }
  if (ids.empty()) return messages;
  transaction.execute(
      "INSERT INTO ops.run_events (run_id, event, detail) "
      "SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[])",
      {postgres::array(ids), postgres::array(events), postgres::array(details)});
  return messages;
}

}  // namespace rollcall::runs
