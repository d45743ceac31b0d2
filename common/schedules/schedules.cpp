#include "common/schedules/schedules.h"

#include "common/core/error.h"
#include "common/postgres/columns.h"

#include <algorithm>

namespace rollcall::schedules {
namespace {

using postgres::value;

const std::string& entry_columns() {
  using postgres::time_of;
  static const std::string text = std::string(schedule_columns) +
                                  ", s.paused, s.next_due_at = 'infinity', s.pause_note, s.paused_by, " +
                                  time_of("s.paused_at") + ", " + time_of("nullif(s.next_due_at, 'infinity')") +
                                  ", " + time_of("s.last_due_at") + ", " + time_of("s.buffered_due_at");
  return text;
}

std::optional<std::string> optional_text(const postgres::Row& row, std::size_t i) {
  return row.is_null(i) ? std::nullopt : std::optional(row.text(i));
}

Entry read_entry(const postgres::Row& row) {
  constexpr std::size_t at = schedule_column_count;
  Entry one;
  one.schedule = read_schedule(row);
  one.paused = row.flag(at);
  one.ended = row.flag(at + 1);
  one.note = row.text(at + 2);
  one.paused_by = row.text(at + 3);
  one.paused_at = optional_text(row, at + 4);
  one.next_fires_at = optional_text(row, at + 5);
  one.last_due_at = optional_text(row, at + 6);
  one.buffered_due_at = optional_text(row, at + 7);
  return one;
}

WallTime from_epoch(long milliseconds) {
  return WallTime{std::chrono::milliseconds{milliseconds}};
}

template <class T>
Json or_null(const std::optional<T>& optional) {
  return optional ? Json(*optional) : Json(nullptr);
}

runs::Stored audit(postgres::Transaction& transaction, const Schedule& schedule, const std::string& action,
                   Json detail, const runs::Asker& asker) {
  detail["schedule_id"] = schedule.id;
  detail["schedule"] = schedule.name;
  return runs::store_audit(transaction,
                           {.tenant_id = asker.tenant_id,
                            .actor = asker.actor,
                            .action = action,
                            .detail = std::move(detail),
                            .subject = schedule.id},
                           asker.now);
}

}  // namespace

Schedule read_schedule(const postgres::Row& row, std::size_t first) {
  const auto at = [first](std::size_t i) { return first + i; };
  Schedule schedule;
  schedule.id = row.uuid(at(0)).to_string();
  schedule.name = row.text(at(1));
  schedule.worker = row.text(at(2));
  schedule.operation = row.text(at(3));
  schedule.parameters = row.json(at(4));
  if (!row.is_null(at(5))) schedule.cron = row.text(at(5));
  if (!row.is_null(at(6))) schedule.interval = std::chrono::seconds{row.number(at(6))};
  schedule.time_zone = row.text(at(7));
  schedule.due = from_epoch(row.number(at(8)));
  schedule.overlap = parse_overlap(row.text(at(9))).value_or(Overlap::skip);
  schedule.catch_up_window = std::chrono::seconds{row.number(at(10))};
  schedule.jitter = std::chrono::seconds{row.number(at(11))};
  if (!row.is_null(at(12))) schedule.ends_at = from_epoch(row.number(at(12)));
  if (!row.is_null(at(13))) schedule.remaining = static_cast<int>(row.number(at(13)));
  return schedule;
}

std::string Entry::state() const {
  return paused ? "paused" : ended ? "ended" : "active";
}

std::vector<Entry> read_entries(postgres::Transaction& transaction, const std::string& after, long limit) {
  std::vector<Entry> list;
  for (const auto& row : transaction.query("SELECT " + entry_columns() +
                                               " FROM ops.schedules s WHERE s.name > $1 ORDER BY s.name LIMIT "
                                               "$2::bigint",
                                           {value(after), value(limit)}))
    list.push_back(read_entry(row));
  return list;
}

Entry find_entry(postgres::Transaction& transaction, const std::string& name_or_id, bool lock) {
  const auto id = Uuid::parse(name_or_id);
  // A name may look like an id; then the schedule that has it goes before the one that is named so.
  const auto rows = transaction.query("SELECT " + entry_columns() +
                                          " FROM ops.schedules s WHERE s.name = $1 OR s.id = $2::uuid ORDER BY "
                                          "s.id = $2::uuid DESC LIMIT 1" +
                                          (lock ? " FOR NO KEY UPDATE" : ""),
                                      {value(name_or_id), value(id)});
  if (rows.empty())
    throw Error(Fault::not_found, "schedule_not_found", "there is no schedule '" + name_or_id + "'");
  return read_entry(rows[0]);
}

Json to_json(const Entry& entry) {
  const Schedule& schedule = entry.schedule;
  Json interval = nullptr;
  if (schedule.interval) interval = schedule.interval->count();
  return {{"id", schedule.id},
          {"name", schedule.name},
          {"worker", schedule.worker},
          {"operation", schedule.operation},
          {"parameters", schedule.parameters},
          {"cron", or_null(schedule.cron)},
          {"interval_seconds", interval},
          {"time_zone", schedule.time_zone},
          {"overlap", to_string(schedule.overlap)},
          {"catch_up_seconds", schedule.catch_up_window.count()},
          {"jitter_seconds", schedule.jitter.count()},
          {"ends_at", schedule.ends_at ? Json(to_rfc3339(*schedule.ends_at)) : Json(nullptr)},
          {"remaining", or_null(schedule.remaining)},
          {"state", entry.state()},
          {"paused", entry.paused},
          {"note", entry.note},
          {"paused_by", entry.paused_by},
          {"paused_at", or_null(entry.paused_at)},
          {"next_due_at", entry.paused ? Json(nullptr) : or_null(entry.next_fires_at)},
          {"last_due_at", or_null(entry.last_due_at)},
          {"buffered_due_at", or_null(entry.buffered_due_at)}};
}

std::vector<std::string> upcoming(const Entry& entry, WallTime now, std::size_t most) {
  std::vector<std::string> times;
  if (entry.paused || entry.ended) return times;
  const Schedule& schedule = entry.schedule;
  const auto count =
      std::min(most, static_cast<std::size_t>(schedule.remaining.value_or(static_cast<int>(most))));
  const auto dues =
      due_times(schedule, std::max(schedule.due, now), schedule.ends_at.value_or(WallTime::max()), count);
  if (!dues) return times;
  for (const WallTime due : *dues)
    times.push_back(to_rfc3339(fires_at(schedule, due).value_or(due)));
  return times;
}

void notify_scheduler(postgres::Transaction& transaction) {
  transaction.query("SELECT pg_notify($1, '')", {value(channel)});
}

std::pair<postgres::Value, postgres::Value> due_columns(const Schedule& schedule, WallTime due) {
  const WallTime fires = fires_at(schedule, due).value_or(due);
  return {value(fires), fires == due ? postgres::Value() : value(due)};
}

Change pause(postgres::Transaction& transaction, const std::string& name_or_id, const std::string& note,
             const std::string& by, const runs::Asker& asker) {
  Change change{find_entry(transaction, name_or_id, true), {}, {}};
  const Schedule& schedule = change.entry.schedule;
  if (change.entry.paused && change.entry.note == note) return change;
  transaction.execute(
      "UPDATE ops.schedules SET paused = true, pause_note = $2, paused_by = $3, paused_at = now(),"
      " buffered_due_at = NULL WHERE id = $1",
      {value(schedule.id), value(note), value(by)});
  notify_scheduler(transaction);
  change.stored.push_back(audit(transaction, schedule, "schedule_paused", {{"note", note}}, asker));
  return change;
}

Change resume(postgres::Transaction& transaction, const std::string& name_or_id, const runs::Asker& asker) {
  Change change{find_entry(transaction, name_or_id, true), {}, {}};
  const auto& [entry, unused, stored] = change;
  const Schedule& schedule = entry.schedule;
  // What was missed is not made up: the next due time counts from now, but never skips one that is still to
  // come.
  const auto due = schedule.due > asker.now ? schedule.due : next_due(schedule, asker.now);
  if (!due) throw Error(Fault::conflict, "schedule_unreadable", due.error().message);
  if (entry.ended || schedule.remaining == 0 || (schedule.ends_at && *due > *schedule.ends_at))
    throw Error(Fault::conflict, "schedule_ended",
                "'" + schedule.name + "' has ended: it is never due again");
  change.next_fires_at = to_rfc3339(fires_at(schedule, *due).value_or(*due));
  if (!entry.paused) return change;
  const auto [fires, nominal] = due_columns(schedule, *due);
  transaction.execute(
      "UPDATE ops.schedules SET paused = false, pause_note = '', paused_by = '', paused_at = NULL,"
      " next_due_at = $2::timestamptz, nominal_due_at = $3::timestamptz WHERE id = $1",
      {value(schedule.id), fires, nominal});
  notify_scheduler(transaction);
  change.stored.push_back(audit(transaction, schedule, "schedule_resumed", Json::object(), asker));
  return change;
}

Change trigger(postgres::Transaction& transaction, const std::string& name_or_id, Overlap overlap,
               const std::string& by, const runs::Asker& asker) {
  Change change{find_entry(transaction, name_or_id, false), {}, {}};
  const Schedule& schedule = change.entry.schedule;
  store_request(transaction, schedule.id, "trigger", overlap, asker.now, asker.now, by);
  change.stored.push_back(
      audit(transaction, schedule, "schedule_triggered", {{"overlap", to_string(overlap)}}, asker));
  return change;
}

void store_request(postgres::Transaction& transaction, const std::string& schedule_id,
                   const std::string& kind, Overlap overlap, WallTime from, WallTime to,
                   const std::string& by) {
  transaction.execute(
      "INSERT INTO ops.schedule_requests (schedule_id, kind, overlap, from_at, to_at, requested_by)"
      " VALUES ($1, $2, $3, $4::timestamptz, $5::timestamptz, $6)",
      {value(schedule_id), value(kind), value(std::string(to_string(overlap))), value(from), value(to),
       value(by)});
  notify_scheduler(transaction);
}

}  // namespace rollcall::schedules
