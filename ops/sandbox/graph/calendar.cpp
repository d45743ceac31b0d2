#include "common/core/lower.h"
#include "ops/sandbox/graph/office_api.h"
#include "ops/sandbox/graph/time_zone.h"

#include <algorithm>

namespace rollcall::sandbox_graph {
namespace {

using std::chrono::minutes;

constexpr const char* type = "Microsoft.OutlookServices.Event";
constexpr std::size_t schedules_max = 20;

Answer unknown_zone(const std::string& zone) {
  return fail(400, "TimeZoneNotSupportedException",
              "A valid TimeZone value must be specified. The following TimeZone value is not supported: '" +
                  zone + "'.");
}

/// The zone that answers are to be in.
std::string zone_of(const Call& call) {
  const std::string zone = preference(call, "outlook.timezone");
  return zone.empty() ? "UTC" : zone;
}

Json time_json(WallTime time, const std::string& zone) {
  return {{"dateTime", to_local(time, zone)}, {"timeZone", zone}};
}

Json address_json(const Address& address) {
  return {{"name", address.name}, {"address", address.address}};
}

Json event_json(const Event& event, const Person& person, const Call& call) {
  const std::string zone = zone_of(call);
  const bool text = preference(call, "outlook.body-content-type") == "text";
  Json attendees = Json::array();
  for (const auto& one : event.attendees)
    attendees.push_back({{"type", "required"},
                         {"status", {{"response", one.response}, {"time", "0001-01-01T00:00:00Z"}}},
                         {"emailAddress", address_json(one.who)}});
  const std::string own = person.user.mail.empty() ? person.user.upn : person.user.mail;
  Json out{{"@odata.etag", "W/\"" + event.id.substr(6, 12) + "\""},
           {"id", event.id},
           {"subject", event.subject},
           {"bodyPreview", event.text.substr(0, 255)},
           {"body",
            {{"contentType", text ? "text" : "html"},
             {"content", text ? event.text : "<html><body>" + event.text + "</body></html>"}}},
           {"start", time_json(event.start, zone)},
           {"end", time_json(event.end, zone)},
           {"location", {{"displayName", event.location}, {"locationType", "default"}}},
           {"attendees", std::move(attendees)},
           {"organizer", {{"emailAddress", address_json(event.organizer)}}},
           {"isAllDay", event.all_day},
           {"isCancelled", false},
           {"isOrganizer", lower(event.organizer.address) == lower(own)},
           {"isOnlineMeeting", event.online},
           {"showAs", event.show_as},
           {"sensitivity", event.is_private ? "private" : "normal"},
           {"type", event.series.empty() ? "singleInstance" : "occurrence"},
           {"seriesMasterId", event.series.empty() ? Json(nullptr) : Json(event.series)},
           {"transactionId", event.transaction.empty() ? Json(nullptr) : Json(event.transaction)},
           {"webLink", "https://outlook.office365.com/owa/?itemid=" + event.id}};
  if (!person.has("Calendars.Read") && !person.has("Calendars.ReadWrite"))
    for (const char* name : {"body", "bodyPreview"})
      out.erase(name);
  return out;
}

/// {"dateTime":…,"timeZone":…}
std::optional<WallTime> time_of(const Json& body, const char* name) {
  const Json value = body.value(name, Json::object());
  return from_local(text_member(value, "dateTime"), text_member(value, "timeZone"));
}

/// The first zone of a body's "start" and "end" that is none.
std::optional<Answer> zone_mistake(const Json& body, const char* first, const char* second) {
  for (const char* name : {first, second}) {
    const std::string zone = text_member(body.value(name, Json::object()), "timeZone");
    if (!known_zone(zone)) return unknown_zone(zone);
  }
  return std::nullopt;
}

char digit_of(const Event& event) {
  return event.show_as == "tentative" ? '1'
         : event.show_as == "oof"     ? '3'
         : event.show_as == "free"    ? '0'
                                      : '2';
}

const User* find_by_address(const Directory& directory, const std::string& address) {
  for (const auto* index : {&directory.by_mail, &directory.by_upn})
    if (const auto found = index->find(lower(address)); found != index->end())
      return &directory.users[found->second];
  return nullptr;
}

struct Window {
  WallTime from, until;
  minutes step;
  std::string zone;
};

/// Times and what they are taken by; of one's own also by what, as the default rights to a calendar have it.
Json schedule_json(const std::vector<Event>& events, bool own, const Window& window) {
  std::string view(
      static_cast<std::size_t>((window.until - window.from + window.step - minutes{1}) / window.step), '0');
  Json items = Json::array();
  for (const Event& event : events) {
    if (event.end <= window.from || event.start >= window.until) continue;
    for (std::size_t i = 0; i < view.size(); ++i) {
      const WallTime begin = window.from + static_cast<long>(i) * window.step;
      if (event.start < begin + window.step && event.end > begin)
        view[i] = std::max(view[i], digit_of(event));
    }
    Json item{{"status", event.show_as},
              {"start", time_json(event.start, window.zone)},
              {"end", time_json(event.end, window.zone)},
              {"isPrivate", event.is_private}};
    if (own) {
      item["subject"] = event.subject;
      item["location"] = event.location;
    }
    items.push_back(std::move(item));
  }
  return {{"availabilityView", view},
          {"scheduleItems", std::move(items)},
          {"workingHours",
           {{"daysOfWeek", {"monday", "tuesday", "wednesday", "thursday", "friday"}},
            {"startTime", "08:00:00.0000000"},
            {"endTime", "17:00:00.0000000"},
            {"timeZone", {{"name", "UTC"}}}}}};
}

std::vector<Attendee> attendees_of(const Json& body) {
  std::vector<Attendee> all;
  for (const Json& one : body.value("attendees", Json::array())) {
    const Json address = one.value("emailAddress", Json::object());
    all.push_back({{text_member(address, "name"), text_member(address, "address")}, "none"});
  }
  return all;
}

}  // namespace

Answer calendar_view(State& state, const Call& call, const Person& person, WallTime now) {
  const auto from = parse_iso(call.option("startDateTime")), until = parse_iso(call.option("endDateTime"));
  if (!from || !until)
    return fail(
        400, "ErrorInvalidParameter",
        "This request requires a time window specified by the query string parameters StartDateTime and "
        "EndDateTime.");
  if (*until < *from) return fail(400, "ErrorInvalidParameter", "The EndDate is earlier than the StartDate.");
  if (!known_zone(zone_of(call))) return unknown_zone(zone_of(call));
  std::vector<Json> items;
  for (const Event& event : mailbox_of(state, person.user, now).events) {
    if (event.end <= *from || event.start >= *until) continue;
    auto shown = selected(call, event_json(event, person, call), type);
    if (!shown) return fail(400, shown.error().code, shown.error().message);
    items.push_back(std::move(*shown));
  }
  Answer answer = page_of(state, call, std::move(items), 10);
  if (!preference(call, "outlook.timezone").empty())
    answer.headers.emplace_back("Preference-Applied", "outlook.timezone=\"" + zone_of(call) + "\"");
  return answer;
}

Answer get_schedule(State& state, const Call& call, const Person& person, WallTime now) {
  const Json& body = call.body;
  if (!body.is_object()) return fail(400, "BadRequest", "Empty Payload. JSON content expected.");
  if (auto mistake = zone_mistake(body, "startTime", "endTime")) return *mistake;
  if (!known_zone(zone_of(call))) return unknown_zone(zone_of(call));
  const auto from = time_of(body, "startTime"), until = time_of(body, "endTime");
  const Json schedules = body.value("schedules", Json::array());
  const long step = body.value("availabilityViewInterval", 30L);
  if (!from || !until || *until <= *from || step < 5 || step > 1440 || *until - *from > std::chrono::days{62})
    return fail(400, "ErrorInvalidParameter", "The time window or the interval is not valid.");
  if (!schedules.is_array() || schedules.empty() || schedules.size() > schedules_max)
    return fail(400, "ErrorInvalidParameter", "The number of schedules must be from 1 to 20.");
  Json value = Json::array();
  for (const Json& address : schedules) {
    const User* user = find_by_address(state.directory, address.get<std::string>());
    Json one = user ? schedule_json(mailbox_of(state, *user, now).events, user->id == person.user.id,
                                    {*from, *until, minutes{step}, zone_of(call)})
                    : Json{{"error",
                            {{"message", "Unable to resolve e-mail address " + address.get<std::string>() +
                                             " to an Active Directory object."},
                             {"responseCode", "ErrorMailRecipientNotFound"}}}};
    one["scheduleId"] = address;
    value.push_back(std::move(one));
  }
  return {200, {{"value", std::move(value)}}, {}};
}

/// A transactionId that was there before makes no second event.
Answer create_event(State& state, const Call& call, const Person& person, WallTime now) {
  const Json& body = call.body;
  if (!body.is_object()) return fail(400, "BadRequest", "Empty Payload. JSON content expected.");
  if (auto mistake = zone_mistake(body, "start", "end")) return *mistake;
  const auto start = time_of(body, "start"), end = time_of(body, "end");
  if (!start || !end || *end < *start)
    return fail(400, "ErrorPropertyValidationFailure", "At least one property failed validation.");
  auto& events = mailbox_of(state, person.user, now).events;
  const std::string transaction = text_member(body, "transactionId");
  const auto known = std::ranges::find(events, transaction, &Event::transaction);
  if (!transaction.empty() && known != events.end()) return {201, event_json(*known, person, call), {}};
  Event event{
      .id = outlook_id(random_uuid(state)),
      .subject = text_member(body, "subject"),
      .location = text_member(body.value("location", Json::object()), "displayName"),
      .text = text_member(body.value("body", Json::object()), "content"),
      .organizer = {person.user.display_name, person.user.mail.empty() ? person.user.upn : person.user.mail},
      .attendees = attendees_of(body),
      .start = *start,
      .end = *end,
      .all_day = body.value("isAllDay", false),
      .online = body.value("isOnlineMeeting", false),
      .transaction = transaction};
  state.stats.invitations += static_cast<long>(event.attendees.size());
  const auto at = std::ranges::upper_bound(events, event.start, {}, &Event::start);
  return {201, event_json(*events.insert(at, std::move(event)), person, call), {}};
}

}  // namespace rollcall::sandbox_graph
