#pragma once
#include "common/core/json.h"

/// What of Graph's answers goes on, in the front's own shape: nothing that was not asked for. Pure; an answer
/// that lacks something gives an empty text in its place.
namespace rollcall::front::office {

Json shown_summary(const Json& message);
Json shown_message(const Json& message);
Json shown_event(const Json& event);
Json shown_site(const Json& site);
Json shown_drive(const Json& drive);
Json shown_item(const Json& item);
/// Of one person's: when, and how taken; not by what.
Json shown_schedule(const Json& schedule);

struct NewEvent {
  std::string subject, start, end, time_zone, location, text;
  std::vector<std::string> attendees;
  std::string transaction_id;
};
/// The body of POST /me/events.
Json event_body(const NewEvent& event);
/// What making it would do, in a sentence for the person who is to confirm it.
std::string what_it_does(const NewEvent& event);

}  // namespace rollcall::front::office
