#pragma once
#include "workers/front/mcp/message.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which era a request is of, and whether its headers say the same as its body.
namespace rollcall::front::mcp {

inline constexpr std::string_view modern_version = "2026-07-28";
/// The newest first: what a client that asks for another one is offered.
inline constexpr std::string_view legacy_versions[] = {"2025-11-25", "2025-06-18"};
/// What a request of the legacy era without a header and a session is read as.
inline constexpr std::string_view assumed_version = "2025-03-26";

inline constexpr std::string_view meta_version = "io.modelcontextprotocol/protocolVersion",
                                  meta_capabilities = "io.modelcontextprotocol/clientCapabilities",
                                  meta_client = "io.modelcontextprotocol/clientInfo",
                                  meta_log_level = "io.modelcontextprotocol/logLevel";

/// First value of a header by its name, without white space around it; empty where absent.
using HeaderOf = std::function<std::string_view(std::string_view)>;

struct Reading {
  Era era = Era::legacy;
  std::string version = {};
  std::optional<RpcError> refusal = std::nullopt;
};

/// `session_version`: of the live session that the request names, empty where it names none.
Reading read_era(const Message& message, const HeaderOf& header, std::string_view session_version);

/// Mcp-Method, and Mcp-Name where the method has one, against the body of a modern request.
std::optional<RpcError> check_method_headers(const Message& message, const HeaderOf& header);
/// Mcp-Param-… against the arguments of a tool, by the "x-mcp-header"s of its input schema.
std::optional<RpcError> check_param_headers(const Json& input_schema, const Json& arguments,
                                            const HeaderOf& header);

/// "=?base64?…?=" is decoded (UTF-8, strict); anything else is itself. Nothing where it is malformed.
std::optional<std::string> header_text(std::string_view value);

/// What a client takes: by its Accept, of which not all say all.
struct Accepted {
  bool json = true, events = false;
};
Accepted read_accept(std::string_view accept);

/// Whether a browser's origin may call: this machine's, the public root's own, and those that are listed.
/// Programs send none.
bool origin_allowed(std::string_view origin, std::string_view public_root,
                    const std::vector<std::string>& allowed);

/// What a client of the legacy era that asks for `requested` is to speak.
std::string_view negotiated_version(std::string_view requested);

}  // namespace rollcall::front::mcp
