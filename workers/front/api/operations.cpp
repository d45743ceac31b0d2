#include "common/core/utf8.h"
#include "common/kafka/reader.h"
#include "common/runs/workers.h"
#include "common/schedules/schedules.h"
#include "common/schema/validator.h"
#include "workers/front/api/area.h"
#include "workers/front/core/quota_view.h"

/// What an operator watches and steers: schedules, workers, the quota at Microsoft Graph.
namespace rollcall::front {
namespace {

constexpr const char* tag = "operations";
constexpr std::size_t upcoming_shown = 5;

// ---- Schedules.

/// Its name or its id.
std::string schedule_of(const Call& call) {
  const std::string& name = call.path.at("schedule");
  if (name.empty() || name.size() > 1024 || name.find('\0') != std::string::npos || !is_utf8(name))
    throw path_mistake("schedule", "is no name");
  return name;
}

Json schedule_document(postgres::Transaction& transaction, const std::string& name_or_id, WallTime now) {
  const auto entry = schedules::find_entry(transaction, name_or_id, false);
  Json document = schedules::to_json(entry);
  document["upcoming"] = schedules::upcoming(entry, now, upcoming_shown);
  return document;
}

Response list_schedules(Parts& parts, const Call& call) {
  const auto name = list_name(call, "schedules");
  const auto position = position_of(call, name, {ParameterType::text});
  const long limit = limit_of(call);
  const auto entries = parts.database.transact([&](postgres::Transaction& transaction) {
    return schedules::read_entries(transaction, position.empty() ? "" : position.at(0), limit + 1);
  });
  Page page;
  for (const auto& entry : entries) {
    if (page.items.size() == static_cast<std::size_t>(limit)) {
      page.next = {entries[page.items.size() - 1].schedule.name};
      break;
    }
    page.items.push_back(schedules::to_json(entry));
  }
  return page_answer(call, name, std::move(page));
}

Response show_schedule(Parts& parts, const Call& call) {
  const auto name = schedule_of(call);
  return json_answer(200, parts.database.transact([&](postgres::Transaction& transaction) {
    return schedule_document(transaction, name, call.now);
  }));
}

/// Changes a schedule and shows it as it is then.
template <class Change>
Response change_schedule(Parts& parts, const Call& call, int status, Change change) {
  const auto name = schedule_of(call);
  Json document;
  auto changed = parts.database.transact([&](postgres::Transaction& transaction) {
    auto made = change(transaction, name);
    document = schedule_document(transaction, name, call.now);
    return made;
  });
  publish(parts, std::move(changed.stored));
  return json_answer(status, document);
}

Response pause_schedule(Parts& parts, const Call& call) {
  const auto note = text_in_body(call, "note");
  return change_schedule(parts, call, 200, [&](postgres::Transaction& transaction, const std::string& name) {
    return schedules::pause(transaction, name, note, call.caller.identity(), asker_of(call));
  });
}

Response resume_schedule(Parts& parts, const Call& call) {
  return change_schedule(parts, call, 200, [&](postgres::Transaction& transaction, const std::string& name) {
    return schedules::resume(transaction, name, asker_of(call));
  });
}

Response trigger_schedule(Parts& parts, const Call& call) {
  const auto overlap = schedules::parse_overlap(text_in_body(call, "overlap", "allow_all"))
                           .value_or(schedules::Overlap::allow_all);
  return change_schedule(parts, call, 202, [&](postgres::Transaction& transaction, const std::string& name) {
    return schedules::trigger(transaction, name, overlap, call.caller.identity(), asker_of(call));
  });
}

// ---- Workers.

std::string worker_of(const Call& call) {
  const std::string& name = call.path.at("worker");
  const bool word = !name.empty() && name.size() <= 64 &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!word) throw path_mistake("worker", "is no word of lower-case letters, digits and '-'");
  return name;
}

Response list_workers(Parts& parts, const Call&) {
  Json list = Json::array();
  for (const auto& [name, kind] : parts.database.transact(runs::read_worker_kinds))
    list.push_back(runs::to_json(name, kind));
  return json_answer(200, {{"value", std::move(list)}});
}

template <class Change>
Response change_worker(Parts& parts, const Call& call, Change change) {
  const auto name = worker_of(call);
  Json document;
  auto stored = parts.database.transact([&](postgres::Transaction& transaction) {
    auto made = change(transaction, name);
    document = runs::to_json(name, runs::read_worker_kinds(transaction).at(name));
    return made;
  });
  publish(parts, std::move(stored));
  return json_answer(200, document);
}

Response pause_worker(Parts& parts, const Call& call) {
  const auto note = text_in_body(call, "note");
  return change_worker(parts, call, [&](postgres::Transaction& transaction, const std::string& name) {
    return runs::pause_worker(transaction, name, note, asker_of(call));
  });
}

Response resume_worker(Parts& parts, const Call& call) {
  return change_worker(parts, call, [&](postgres::Transaction& transaction, const std::string& name) {
    return runs::resume_worker(transaction, name, asker_of(call));
  });
}

// ---- The quota.

constexpr const char* throttle_topic = "rollcall.throttle";
constexpr const char* throttle_type = "rollcall.throttle.v1";
constexpr std::chrono::milliseconds kafka_patience{5'000};
/// Members speak up twice a second, so that what is older than so many messages is no longer so.
constexpr std::int64_t messages_max = 100'000;

Response show_throttle(Parts& parts, const Call& call, const schema::Validator& schemas) {
  QuotaView view(call.caller.tenant_id);
  std::vector<kafka::Range> ranges;
  for (auto range : kafka::topic_ranges(parts.kafka, throttle_topic, kafka_patience)) {
    range.first = std::max(range.first, range.next - messages_max);
    if (range.partition == 0 && range.first < range.next) ranges.push_back(range);
  }
  if (!ranges.empty())
    kafka::read_ranges(parts.kafka, throttle_topic, ranges, [&](const kafka::Message& message) {
      const auto value = parse_json(message.value);
      if (value && !schemas.check(throttle_type, *value))
        view.read(*value, WallTime(std::chrono::milliseconds(message.timestamp_ms)));
      return true;
    });
  return json_answer(200, view.document(call.now));
}

Operation operation(std::string method, std::string path, std::string id, std::string summary,
                    std::vector<AnswerShape> answers, std::string body = {}) {
  return {.method = std::move(method),
          .path = std::move(path),
          .id = std::move(id),
          .summary = std::move(summary),
          .access = Access::operator_only,
          .body = std::move(body),
          .body_optional = true,
          .answers = std::move(answers),
          .tag = tag};
}

}  // namespace

Routes operations_routes(Parts& parts) {
  const std::string schedule = "/api/v1/schedules/{schedule}", worker = "/api/v1/workers/{worker}";
  const auto with = [&parts](Response (*handler)(Parts&, const Call&)) {
    return [&parts, handler](const Call& call) { return handler(parts, call); };
  };
  const std::vector<AnswerShape> one_schedule{{200, "Schedule", "As it is now."}};
  const std::vector<AnswerShape> one_worker{{200, "WorkerKind", "As it is now."}};
  Operation list = operation("GET", "/api/v1/schedules", "list_schedules", "The schedules, by name.",
                             {{200, "SchedulePage", "A page of schedules."}});
  list.query = paged();
  return {
      {list, with(list_schedules)},
      {operation("GET", schedule, "get_schedule", "A schedule, by name or id, and when it is due next.",
                 one_schedule),
       with(show_schedule)},
      {operation("POST", schedule + "/pause", "pause_schedule",
                 "Fires no more ticks until it is resumed; with a note for others.", one_schedule,
                 "PauseNote"),
       with(pause_schedule)},
      {operation("POST", schedule + "/resume", "resume_schedule",
                 "Goes on from now; what was missed is not made up.", one_schedule),
       with(resume_schedule)},
      {operation("POST", schedule + "/trigger", "trigger_schedule", "Asks for one tick, due now.",
                 {{202, "Schedule", "Asked; the leading scheduler fires it."}}, "ScheduleTrigger"),
       with(trigger_schedule)},
      {operation("GET", "/api/v1/workers", "list_workers",
                 "The kinds of worker, their living processes, and which are paused.",
                 {{200, "WorkerKinds", "All of them."}}),
       with(list_workers)},
      {operation("POST", worker + "/pause", "pause_worker",
                 "Its processes claim no more runs, and finish what they hold.", one_worker, "PauseNote"),
       with(pause_worker)},
      {operation("POST", worker + "/resume", "resume_worker", "Its processes claim runs again.", one_worker),
       with(resume_worker)},
      {operation("GET", "/api/v1/throttle", "get_throttle",
                 "Who holds which part of the quota at Microsoft Graph, and who must wait until when.",
                 {{200, "Throttle", "As processes told last."}}),
       [&parts, schemas = std::make_shared<schema::Validator>()](const Call& call) {
         return show_throttle(parts, call, *schemas);
       }},
  };
}

}  // namespace rollcall::front
