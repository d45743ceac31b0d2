#include "workers/front/mcp/message.h"

#include <algorithm>
#include <array>

namespace rollcall::front::mcp {
namespace {

constexpr int depth_max = 64;

/// Results that clients may keep (server/utilities/caching).
constexpr std::array cacheable{"server/discover",          "tools/list",    "prompts/list", "resources/list",
                               "resources/templates/list", "resources/read"};

bool is_id(const Json& value) {
  return value.is_string() || value.is_number_integer();
}

Unreadable invalid(std::string what, Json id = nullptr) {
  return {{rpc::invalid_request, std::move(what), nullptr, 400}, std::move(id)};
}

}  // namespace

std::variant<Message, Unreadable> read_message(std::string_view body) {
  auto parsed = parse_json(body, {.bytes_max = body.size(), .depth_max = depth_max, .unique_members = true});
  if (!parsed) return Unreadable{{rpc::parse_error, parsed.error().message, nullptr, 400}};
  Json& document = *parsed;
  if (document.is_array()) return invalid("Send one message at a time: there are no batches.");
  if (!document.is_object()) return invalid("A message is a JSON object.");
  const auto id = document.find("id");
  const bool has_id = id != document.end();
  const Json known = has_id && is_id(*id) ? *id : Json(nullptr);
  if (text_member(document, "jsonrpc") != "2.0") return invalid("'jsonrpc' must be \"2.0\".", known);
  if (has_id && !is_id(*id)) return invalid("'id' must be a string or an integer.");

  Message message;
  message.id = known;
  const auto method = document.find("method");
  if (method == document.end()) {
    const bool one = document.contains("result") != document.contains("error");
    if (!has_id || !one)
      return invalid("A message has a 'method', or an 'id' with a 'result' or an 'error'.", known);
    message.kind = Message::Kind::response;
    message.answer = std::move(document);
    return message;
  }
  if (!method->is_string() || method->get_ref<const std::string&>().empty())
    return invalid("'method' must be text.", known);
  message.kind = has_id ? Message::Kind::request : Message::Kind::notification;
  message.method = method->get<std::string>();
  if (const auto params = document.find("params"); params != document.end()) {
    if (!params->is_object()) return invalid("'params' must be an object.", known);
    message.params = std::move(*params);
  }
  return message;
}

Json result_message(const Json& id, Json result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Json error_message(const Json& id, const RpcError& error) {
  Json body = {{"code", error.code}, {"message", error.message}};
  if (!error.data.is_null()) body["data"] = error.data;
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(body)}};
}

Json notification_message(std::string_view method, Json params) {
  return {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
}

Json request_message(std::string_view id, std::string_view method, Json params) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}};
}

int status_of(const RpcError& error, Era era) {
  if (error.status != 0) return error.status;
  switch (error.code) {
    case rpc::parse_error:
    case rpc::invalid_request:
    case rpc::header_mismatch:
    case rpc::missing_capability:
    case rpc::unsupported_version:
      return 400;
    case rpc::method_not_found:
      return era == Era::modern ? 404 : 200;
    default:
      return 200;  // the request was understood; the error is in the answer
  }
}

Json server_info_body(const ServerInfo& info) {
  return {{"name", info.name}, {"title", info.title}, {"version", info.version}};
}

Json enveloped(Json result, Era era, std::string_view method, const ServerInfo& info) {
  if (era == Era::legacy) {
    for (const char* name : {"resultType", "ttlMs", "cacheScope"})
      result.erase(name);
    return result;
  }
  if (!result.contains("resultType")) result["resultType"] = "complete";
  result["_meta"]["io.modelcontextprotocol/serverInfo"] = server_info_body(info);
  if (result["resultType"] == "complete" && std::ranges::find(cacheable, method) != cacheable.end()) {
    if (!result.contains("ttlMs")) result["ttlMs"] = 0;
    if (!result.contains("cacheScope")) result["cacheScope"] = "private";
  }
  return result;
}

}  // namespace rollcall::front::mcp
