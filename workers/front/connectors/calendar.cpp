#include "common/crypto/crypto.h"
#include "workers/front/api/area.h"
#include "workers/front/connectors/area.h"
#include "workers/front/core/office_path.h"
#include "workers/front/core/office_view.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>
#include <utility>

namespace rollcall::front {
namespace {

using vault::Connector;

constexpr std::chrono::hours longest_range{24 * 62};
constexpr std::size_t addresses_max = 20;

struct Range {
  WallTime from, until;
};

Range range_of(const Call& call) {
  const Range range{*call.query.time("from"), *call.query.time("until")};
  if (range.until <= range.from) throw query_mistake("until", "is not after from");
  if (range.until - range.from > longest_range)
    throw query_mistake("until", "is more than 62 days after from");
  return range;
}

/// A zone's name becomes part of a header.
std::string zone_of(const std::string& name, const std::string& zone) {
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) != 0 || (c != 0 && std::strchr(" _/+-.()", c));
  };
  if (!std::ranges::all_of(zone, fits)) throw query_mistake(name, "is no name of a time zone");
  return zone;
}

http_client::Headers prefer_zone(const Call& call) {
  return {
      {"Prefer", "outlook.timezone=\"" + zone_of("time_zone", call.query.text("time_zone", "UTC")) + "\""}};
}

Response events(Parts& parts, const Call& call) {
  const Range range = range_of(call);
  return list_page(
      parts, call,
      {Connector::calendar, "list_events", office::calendar_view(range.from, range.until, page_limit(call)),
       prefer_zone(call), "events", office::shown_event});
}

std::vector<std::string> addresses_of(const Call& call) {
  std::vector<std::string> all;
  std::string word;
  for (const char c : call.query.text("addresses") + ",") {
    if (c != ',' && c != ' ') {
      word += c;
    } else if (!word.empty()) {
      all.push_back(std::exchange(word, {}));
    }
  }
  if (all.empty() || all.size() > addresses_max)
    throw query_mistake("addresses", "must name 1 to 20 addresses");
  return all;
}

Json utc(WallTime time) {
  return {{"dateTime", to_rfc3339(time).substr(0, 19)}, {"timeZone", "UTC"}};
}

Response free_busy(Parts& parts, const Call& call) {
  const Range range = range_of(call);
  graph::Request request{
      .method = "POST", .url = "/me/calendar/getSchedule", .body = {}, .headers = prefer_zone(call)};
  request.body = Json{{"schedules", addresses_of(call)},
                      {"startTime", utc(range.from)},
                      {"endTime", utc(range.until)},
                      {"availabilityViewInterval", call.query.integer("interval_minutes", 30)}};
  const auto response = connectors_of(parts).ask(parts, call, {Connector::calendar, std::move(request)});
  Json schedules = Json::array();
  const Json value = response.body.is_object() ? response.body.value("value", Json::array()) : Json::array();
  for (const Json& one : value)
    schedules.push_back(office::shown_schedule(one));
  return others_words({{"schedules", std::move(schedules)}});
}

office::NewEvent event_of(const Call& call) {
  office::NewEvent event{
      .subject = text_in_body(call, "subject"),
      .start = text_in_body(call, "start"),
      .end = text_in_body(call, "end"),
      .time_zone = text_in_body(call, "time_zone", "UTC"),
      .location = text_in_body(call, "location"),
      .text = text_member(call.body, "text"),
      .attendees = call.body.value("attendees", std::vector<std::string>{}),
      // The same for a request that is sent again, so that Outlook makes one event of both.
      .transaction_id =
          crypto::derived_uuid({"event", call.caller.identity(), call.intent.to_string()}).to_string()};
  if (event.end <= event.start) throw body_mistake("/end", "is not after start");
  return event;
}

void audit(Parts& parts, const Call& call, const office::NewEvent& event) {
  const auto asker = asker_of(call);
  publish(parts, parts.database.transact([&](postgres::Transaction& transaction) {
    return std::vector{runs::store_audit(
        transaction,
        {.tenant_id = asker.tenant_id,
         .actor = asker.actor,
         .action = "calendar_event_created",
         .detail = {{"attendees", event.attendees.size()}, {"transaction_id", event.transaction_id}},
         .subject = call.caller.object_id},
        asker.now)};
  }));
}

/// Sent twice at the most: what came of the first is not known after silence or 5xx, and Outlook knows the
/// second by its transactionId.
graph::Response post_event(Parts& parts, const Call& call, const office::NewEvent& event) {
  Connectors::Asking asking{
      Connector::calendar,
      {.method = "POST", .url = "/me/events", .body = office::event_body(event), .headers = {}},
      true};
  try {
    return connectors_of(parts).ask(parts, call, asking);
  } catch (const Refused& refused) {
    if (refused.refusal().code != "graph_unavailable") throw;
  }
  try {
    return connectors_of(parts).ask(parts, call, asking);
  } catch (const Refused& refused) {
    if (refused.refusal().code != "graph_unavailable") throw;
    throw Refused(
        {503,
         "event_outcome_unknown",
         "Microsoft 365 did not say whether the event was made. Look into the calendar before asking again.",
         {},
         std::chrono::seconds(10)});
  }
}

Response create_event(Parts& parts, const Call& call) {
  const auto event = event_of(call);
  if (!call.body.value("confirmed", false))
    throw Refused({409, "confirmation_missing", office::what_it_does(event) + " Nothing was done yet."});
  const auto response = post_event(parts, call, event);
  audit(parts, call, event);
  return json_answer(201, {{"id", text_member(response.body, "id")},
                           {"web_url", text_member(response.body, "webLink")},
                           {"invited", event.attendees.size()},
                           {"transaction_id", event.transaction_id}});
}

std::vector<QueryParameter> ranged(std::vector<QueryParameter> own) {
  std::vector<QueryParameter> all{
      {.name = "from", .type = ParameterType::time, .help = "Where the range begins.", .required = true},
      {.name = "until",
       .type = ParameterType::time,
       .help = "Where it ends, at most 62 days later.",
       .required = true},
      {.name = "time_zone",
       .help = "In which times are given, \"Europe/Berlin\" or \"W. Europe Standard Time\"; UTC where it is "
               "not given.",
       .text_max = 64}};
  for (auto& one : own)
    all.push_back(std::move(one));
  return all;
}

}  // namespace

Routes calendar_routes(Parts& parts) {
  const std::string path = "/connectors/calendar";
  return {
      {{.method = "GET",
        .path = path + "/events",
        .id = "list_events",
        .summary = "The events of the caller's own calendar in a range of time, recurring ones one by one.",
        .microsoft = true,
        .query = listed(ranged({})),
        .answers = {{200, "EventPage", "A page of events by their start."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return events(parts, call); }},
      {{.method = "GET",
        .path = path + "/free-busy",
        .id = "get_free_busy",
        .summary = "When people are free or busy, not with what.",
        .microsoft = true,
        .query = ranged({{.name = "addresses",
                          .help = "1 to 20 mail addresses with commas between them.",
                          .text_max = 4000,
                          .required = true},
                         {.name = "interval_minutes",
                          .type = ParameterType::integer,
                          .help = "Length of a slot of the availability; 30 where it is not given.",
                          .min = 5,
                          .max = 1440}}),
        .answers = {{200, "FreeBusy", "One schedule for each address."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return free_busy(parts, call); }},
      {{.method = "POST",
        .path = path + "/events",
        .id = "create_event",
        .summary = "Put an event into the caller's own calendar and invite its attendees at once. Needs the "
                   "permission "
                   "to write, and confirmed=true once the person has agreed to exactly this.",
        .microsoft = true,
        .body = "NewEvent",
        .answers = {{201, "EventCreated", "The event was made."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return create_event(parts, call); }},
  };
}

}  // namespace rollcall::front
