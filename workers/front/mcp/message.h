#pragma once
#include "common/core/json.h"

#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

/// The Model Context Protocol over HTTP: what is the same for every server of it. Two eras live on one
/// endpoint: the handshake of 2025 and the stateless requests of 2026 (era.h).
namespace rollcall::front::mcp {

enum class Era { legacy, modern };

/// Codes of JSON-RPC 2.0 and of the protocol (schema/2026-07-28, "Error codes").
namespace rpc {
inline constexpr int parse_error = -32700, invalid_request = -32600, method_not_found = -32601,
                     invalid_params = -32602, internal = -32603;
inline constexpr int resource_not_found = -32002;  ///< of the legacy era alone
inline constexpr int header_mismatch = -32020, missing_capability = -32021, unsupported_version = -32022;
}  // namespace rpc

struct RpcError {
  int code = rpc::internal;
  std::string message = {};
  Json data = nullptr;
  int status = 0;  ///< of the HTTP answer; 0: by the code and the era
};

/// What a method throws where it cannot answer.
class Failed : public std::runtime_error {
 public:
  explicit Failed(RpcError error) : std::runtime_error(error.message), error_(std::move(error)) {}
  [[nodiscard]] const RpcError& error() const { return error_; }

 private:
  RpcError error_;
};

/// One message of a client.
struct Message {
  enum class Kind { request, notification, response };
  Kind kind = Kind::request;
  Json id = nullptr;  ///< a string or an integer; null for a notification
  std::string method = {};
  Json params = Json::object();
  Json answer = nullptr;  ///< of a response: the whole object, with "result" or "error"
};

/// Why it is none; `id` where that could be read.
struct Unreadable {
  RpcError error;
  Json id = nullptr;
};

/// One message: there are no batches since 2025-06-18.
std::variant<Message, Unreadable> read_message(std::string_view body);

Json result_message(const Json& id, Json result);
Json error_message(const Json& id, const RpcError& error);
Json notification_message(std::string_view method, Json params);
Json request_message(std::string_view id, std::string_view method, Json params);

/// The status of an HTTP answer that is this error.
int status_of(const RpcError& error, Era era);

/// Who answers.
struct ServerInfo {
  std::string name, title, version;
};
Json server_info_body(const ServerInfo& info);

/// A result as the era wants it: the modern one says what kind of result it is, who answers and, of what may
/// be kept, for how long and by whom; the legacy one knows none of that.
Json enveloped(Json result, Era era, std::string_view method, const ServerInfo& info);

}  // namespace rollcall::front::mcp
