#pragma once
#include <chrono>
#include <string>
#include <string_view>

/// text/event-stream, as the HTML standard has it (9.2, server-sent events).
namespace rollcall::front {

/// A comment: keeps what lies between us and the reader from taking the connection for dead.
inline constexpr std::string_view heartbeat_text = ":\n\n";

/// One event. `id` is what a reader that comes back names in Last-Event-ID; empty: the one before stays.
/// Line breaks in `data` become lines of their own, so that nothing in it can end the event.
std::string event_text(std::string_view id, std::string_view event, std::string_view data);

/// How long a reader waits before it comes back.
std::string retry_text(std::chrono::milliseconds wait);

/// Whether an Accept header asks for a JSON document rather than a stream of events.
bool prefers_json(std::string_view accept);

}  // namespace rollcall::front
