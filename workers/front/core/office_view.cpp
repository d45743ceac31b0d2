#include "workers/front/core/office_view.h"

#include "workers/front/core/office_text.h"

namespace rollcall::front::office {
namespace {

constexpr std::size_t line_max = 1024;

Json member(const Json& object, const char* name) {
  return object.is_object() ? object.value(name, Json()) : Json();
}

/// One line of others' words.
std::string line(const Json& object, const char* name) {
  return bounded(text_member(object, name), line_max).text;
}

bool flag(const Json& object, const char* name) {
  const Json value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

Json address(const Json& holder) {
  const Json one = member(holder, "emailAddress");
  return {{"name", line(one, "name")}, {"address", line(one, "address")}};
}

Json addresses(const Json& message, const char* name) {
  Json list = Json::array();
  for (const Json& one : member(message, name)) {
    if (list.size() == 100) break;
    list.push_back(address(one));
  }
  return list;
}

/// In the zone that was asked for, without Graph's seven digits of fraction.
Json time(const Json& holder, const char* name) {
  const Json one = member(holder, name);
  return {{"date_time", line(one, "dateTime").substr(0, 19)}, {"time_zone", line(one, "timeZone")}};
}

}  // namespace

Json shown_summary(const Json& message) {
  return {{"id", line(message, "id")},
          {"subject", line(message, "subject")},
          {"from", address(member(message, "from"))},
          {"to", addresses(message, "toRecipients")},
          {"received_at", line(message, "receivedDateTime")},
          {"is_read", flag(message, "isRead")},
          {"has_attachments", flag(message, "hasAttachments")},
          {"importance", line(message, "importance")},
          {"preview", line(message, "bodyPreview")}};
}

Json shown_message(const Json& message) {
  const Json body = member(message, "body");
  const Text text = bounded(text_member(body, "content"), mail_text_max);
  Json out = shown_summary(message);
  out.erase("preview");
  out["cc"] = addresses(message, "ccRecipients");
  out["sent_at"] = line(message, "sentDateTime");
  out["web_url"] = line(message, "webLink");
  out["body"] = text.text;
  out["body_type"] = line(body, "contentType");
  out["truncated"] = text.truncated;
  return out;
}

Json shown_event(const Json& event) {
  Json attendees = Json::array();
  for (const Json& one : member(event, "attendees")) {
    if (attendees.size() == 100) break;
    attendees.push_back(address(one));
    attendees.back()["response"] = line(member(one, "status"), "response");
  }
  return {{"id", line(event, "id")},
          {"subject", line(event, "subject")},
          {"start", time(event, "start")},
          {"end", time(event, "end")},
          {"location", line(member(event, "location"), "displayName")},
          {"organizer", address(member(event, "organizer"))},
          {"attendees", std::move(attendees)},
          {"is_all_day", flag(event, "isAllDay")},
          {"is_cancelled", flag(event, "isCancelled")},
          {"show_as", line(event, "showAs")},
          {"sensitivity", line(event, "sensitivity")},
          {"preview", line(event, "bodyPreview")},
          {"web_url", line(event, "webLink")}};
}

Json shown_site(const Json& site) {
  return {{"id", line(site, "id")},
          {"name", line(site, "name")},
          {"title", line(site, "displayName")},
          {"description", line(site, "description")},
          {"web_url", line(site, "webUrl")}};
}

Json shown_drive(const Json& drive) {
  return {{"id", line(drive, "id")},
          {"name", line(drive, "name")},
          {"type", line(drive, "driveType")},
          {"web_url", line(drive, "webUrl")}};
}

Json shown_item(const Json& item) {
  const Json size = member(item, "size");
  return {{"drive", line(member(item, "parentReference"), "driveId")},
          {"id", line(item, "id")},
          {"name", line(item, "name")},
          {"is_folder", member(item, "folder").is_object()},
          {"size", size.is_number_integer() ? size.get<long>() : 0L},
          {"mime_type", line(member(item, "file"), "mimeType")},
          {"modified_at", line(item, "lastModifiedDateTime")},
          {"web_url", line(item, "webUrl")}};
}

Json shown_schedule(const Json& schedule) {
  Json taken = Json::array();
  for (const Json& one : member(schedule, "scheduleItems"))
    taken.push_back(
        {{"status", line(one, "status")}, {"start", time(one, "start")}, {"end", time(one, "end")}});
  return {{"address", line(schedule, "scheduleId")},
          {"availability", bounded(text_member(schedule, "availabilityView"), 16 * line_max).text},
          {"taken", std::move(taken)},
          {"problem", line(member(schedule, "error"), "responseCode")}};
}

Json event_body(const NewEvent& event) {
  Json attendees = Json::array();
  for (const auto& one : event.attendees)
    attendees.push_back({{"type", "required"}, {"emailAddress", {{"address", one}}}});
  Json body{{"subject", event.subject},
            {"start", {{"dateTime", event.start}, {"timeZone", event.time_zone}}},
            {"end", {{"dateTime", event.end}, {"timeZone", event.time_zone}}},
            {"attendees", std::move(attendees)},
            {"transactionId", event.transaction_id}};
  if (!event.location.empty()) body["location"] = {{"displayName", event.location}};
  if (!event.text.empty()) body["body"] = {{"contentType", "text"}, {"content", event.text}};
  return body;
}

std::string what_it_does(const NewEvent& event) {
  std::string invited;
  for (const auto& one : event.attendees)
    invited += (invited.empty() ? "" : ", ") + one;
  return "This puts \"" + event.subject + "\", " + event.start + " to " + event.end + " (" + event.time_zone +
         "), into the person's calendar" +
         (invited.empty() ? std::string(".") : " and sends an invitation at once to " + invited + ".");
}

}  // namespace rollcall::front::office
