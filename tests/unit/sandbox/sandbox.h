#pragma once
#include "common/core/json.h"
#include "ops/sandbox/graph/graph_api.h"

#include <string>

/// A tenant without a socket: three people, a Microsoft 365 group with one of them, and a clock moved by
/// hand.
namespace rollcall::sandbox_graph {

struct Sandbox {
  State state;
  WallTime now = *parse_rfc3339("2026-11-21T09:00:00.000Z");
  http_server::Headers extra;
  const std::string group = "aaaaaaaa-0000-4000-8000-000000000001";
  const std::string security = "aaaaaaaa-0000-4000-8000-000000000002";

  Sandbox() {
    state.tokens["t"] = now + std::chrono::hours(24 * 365);
    post_control("/sandbox/seed",
                 {{"generate",
                   {{"users", 60},
                    {"groups", Json::array({{{"id", group}, {"members", 1}},
                                            {{"id", security}, {"kind", "security"}, {"members", 3}}})}}}});
  }
  static std::string user(int number) {
    char text[40];
    std::snprintf(text, sizeof text, "00000001-0000-4000-8000-%012x", static_cast<unsigned>(number));
    return text;
  }
  static std::string reference(const std::string& id) {
    return "https://graph.microsoft.com/v1.0/directoryObjects/" + id;
  }
  static Json bind(int from, int count) {
    Json list = Json::array();
    for (int i = 0; i < count; ++i)
      list.push_back(reference(user(from + i)));
    return {{"members@odata.bind", list}};
  }
  http_server::Response send(const std::string& method, const std::string& target,
                             const Json& body = nullptr) {
    http_server::Request request{method,
                                 target,
                                 {{"Host", "sandbox"}, {"Authorization", "Bearer t"}},
                                 body.is_null() ? "" : body.dump()};
    for (const auto& header : extra)
      request.headers.push_back(header);
    return handle(request, state, now);
  }
  http_server::Response graph(const std::string& method, const std::string& path,
                              const Json& body = nullptr) {
    return send(method, "/v1.0" + path, body);
  }
  Json get(const std::string& path) { return Json::parse(graph("GET", path).body); }
  /// Follows a link as it was given.
  Json follow(const Json& link) {
    return Json::parse(
        send("GET", link.get<std::string>().substr(std::string("http://sandbox").size())).body);
  }
  http_server::Response post_control(const std::string& path, const Json& body) {
    return send("POST", path, body);
  }
  Json batch(const Json& parts) { return Json::parse(graph("POST", "/$batch", {{"requests", parts}}).body); }
};

inline std::string header(const http_server::Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}
inline std::string message(const http_server::Response& response) {
  return Json::parse(response.body)["error"]["message"];
}
inline std::string code(const http_server::Response& response) {
  return Json::parse(response.body)["error"]["code"];
}

}  // namespace rollcall::sandbox_graph
