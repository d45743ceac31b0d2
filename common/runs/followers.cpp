#include "common/core/error.h"
#include "common/runs/blocks.h"

namespace rollcall::runs {
namespace {

const std::string returning =
    std::string(" RETURNING ") + run_columns +
    ", r.state, r.attempt, r.result, r.error_code, r.error_message, r.traceparent, l.id";

// As their leader ended.
const std::string end_sql = R"(
UPDATE ops.runs r SET state = l.state, outcome = 'joined', result = l.result, error_code = l.error_code,
    error_message = l.error_message, finished_at = $2, attempt = l.attempt
FROM ops.runs l
WHERE r.joined_to = l.id AND r.open_state = 'waiting' AND l.id = ANY($1::uuid[]) AND l.state IN ('succeeded', 'failed'))" +
                            returning;

// Whoever cancelled the leader did not cancel what others had asked for.
const std::string requeue_sql = R"(
UPDATE ops.runs r SET state = 'queued', joined_to = NULL, error_code = NULL, error_message = NULL, queued_at = $2
FROM ops.runs l
WHERE r.joined_to = l.id AND r.open_state = 'waiting' AND l.id = ANY($1::uuid[]) AND l.state = 'cancelled')" +
                                returning;

News news_of(const NewRun& run, const postgres::Row& row) {
  News news;
  news.run = run.id;
  news.organization = run.organization_id;
  news.worker = run.worker;
  news.operation = run.operation;
  news.state = row.text(7);
  news.attempt = static_cast<int>(row.number(8));
  news.result = row.json(9);
  news.code = row.text(10);
  news.message = row.text(11);
  news.traceparent = row.text(12);
  return news;
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
    for (const auto* sql : {&end_sql, &requeue_sql}) {
      for (const auto& row : transaction.query(*sql, {postgres::array(ended), postgres::value(now)})) {
        const NewRun run = read_run(row);
        messages.push_back(news_message(news_of(run, row), now));
        const bool queued = row.text(7) == "queued";
        if (queued) messages.push_back(command_message(run, now));
        if (!queued) next.push_back(run.id);
        ids.push_back(run.id);
        events.push_back(row.text(7));
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
