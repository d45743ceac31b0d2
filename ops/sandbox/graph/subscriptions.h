#pragma once
#include "ops/sandbox/graph/state.h"

#include <optional>
#include <string>
#include <vector>

/// Change notifications: what the sandbox sends of itself. It sends nothing by its own hand; whoever runs it
/// does, so that it stays a function of requests and time.
namespace rollcall::sandbox_graph {

/// What a POST /subscriptions wants called before it is answered, on both its URLs.
struct Handshake {
  std::vector<std::string> urls;
  std::string token;

  /// With the token as its query.
  [[nodiscard]] std::string url(std::size_t i) const;
  /// Whether the answer is the token, as plain text, with 200.
  [[nodiscard]] bool accepts(int status, std::string_view content_type, std::string_view body) const;
};
std::optional<Handshake> handshake_of(const http_server::Request& request, State& state);
constexpr std::chrono::seconds handshake_timeout{10};

/// What happened since it was asked last, for whom it concerns: changed groups, and subscriptions that end
/// within 15 minutes.
std::vector<Notification> take_notifications(State& state, WallTime now);
/// A lifecycle notification to everybody, by hand; "subscriptionRemoved" removes.
void notify_lifecycle(State& state, const std::string& event);

}  // namespace rollcall::sandbox_graph
