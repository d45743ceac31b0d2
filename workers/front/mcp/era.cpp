#include "workers/front/mcp/era.h"

#include "common/core/lower.h"

#include <algorithm>

namespace rollcall::front::mcp {
namespace {

bool is_legacy(std::string_view version) {
  return version.starts_with("2025-") || version.starts_with("2024-");
}

bool supports_legacy(std::string_view version) {
  return std::ranges::find(legacy_versions, version) != std::end(legacy_versions);
}

const Json& meta_of(const Message& message) {
  static const Json none = Json::object();
  const auto meta = message.params.find("_meta");
  return meta != message.params.end() && meta->is_object() ? *meta : none;
}

RpcError mismatch(std::string what) {
  return {rpc::header_mismatch, std::move(what), nullptr, 400};
}

std::optional<RpcError> check_modern(const Message& message, const Json& meta, std::string_view named) {
  const auto version = meta.find(meta_version);
  if (named.empty())
    return mismatch("The header MCP-Protocol-Version is missing; it must say what params._meta says.");
  // A notification carries no capabilities: nothing is done for it that could need one.
  const bool request = message.kind == Message::Kind::request;
  if (request && (version == meta.end() || !version->is_string()))
    return RpcError{rpc::invalid_params, "params._meta[\"" + std::string(meta_version) + "\"] is missing.",
                    nullptr, 400};
  const auto capabilities = meta.find(meta_capabilities);
  if (request && (capabilities == meta.end() || !capabilities->is_object()))
    return RpcError{rpc::invalid_params,
                    "params._meta[\"" + std::string(meta_capabilities) + "\"] is missing.", nullptr, 400};
  if (version != meta.end() && version->is_string() && version->get_ref<const std::string&>() != named)
    return mismatch("The header MCP-Protocol-Version and params._meta name different versions.");
  if (named != modern_version)
    return RpcError{rpc::unsupported_version,
                    "This version of the protocol is not spoken here without a handshake.",
                    {{"supported", {modern_version}}, {"requested", named}},
                    400};
  return std::nullopt;
}

/// The member that Mcp-Name repeats; empty where the method has none.
const char* name_member(std::string_view method) {
  if (method == "tools/call" || method == "prompts/get") return "name";
  if (method == "resources/read") return "uri";
  return "";
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/// RFC 4648 section 4, with its padding; one text for each sequence of bytes.
std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    buffer = (buffer << 6U) | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>((buffer >> static_cast<unsigned>(bits)) & 0xffU);
    buffer &= (1U << static_cast<unsigned>(bits)) - 1U;
  }
  if (buffer != 0) return std::nullopt;
  return bytes;
}

/// Whether a header says the same as a member of the body; numbers as numbers.
bool says(const std::string& text, const Json& value) {
  if (value.is_string()) return text == value.get_ref<const std::string&>();
  if (value.is_boolean()) return text == (value.get<bool>() ? "true" : "false");
  if (!value.is_number_integer()) return false;
  const auto number = parse_json(text, {.bytes_max = 32});
  return number && number->is_number() && *number == value;
}

/// Each property with "x-mcp-header", reachable through "properties" alone, and its value in `arguments`.
void each_mirrored(const Json& schema, const Json* arguments,
                   const std::function<void(const std::string& header, const Json* value)>& work) {
  const auto properties = schema.find("properties");
  if (properties == schema.end() || !properties->is_object()) return;
  for (const auto& [name, property] : properties->items()) {
    if (!property.is_object()) continue;
    const Json* value = nullptr;
    if (arguments && arguments->is_object() && arguments->contains(name)) value = &(*arguments)[name];
    if (const auto header = text_member(property, "x-mcp-header"); !header.empty()) work(header, value);
    each_mirrored(property, value, work);
  }
}

}  // namespace

Reading read_era(const Message& message, const HeaderOf& header, std::string_view session_version) {
  const std::string_view named = header("MCP-Protocol-Version");
  const Json& meta = meta_of(message);
  const bool speaks_modern =
      meta.contains(meta_version) || meta.contains(meta_capabilities) || meta.contains(meta_client);
  if (!session_version.empty() || (!speaks_modern && (named.empty() || is_legacy(named)))) {
    Reading reading{Era::legacy, std::string(named.empty() ? session_version : named)};
    if (reading.version.empty()) reading.version = assumed_version;
    // What is to be spoken is only being agreed upon.
    if (message.method == "initialize") return reading;
    if (!named.empty() && !supports_legacy(named))
      reading.refusal = RpcError{
          rpc::invalid_request,
          "The version in MCP-Protocol-Version is not spoken here: " + std::string(legacy_versions[0]) +
              " and " + std::string(modern_version) + " are.",
          nullptr, 400};
    return reading;
  }
  Reading reading{Era::modern, std::string(named)};
  reading.refusal = check_modern(message, meta, named);
  if (!reading.refusal) reading.refusal = check_method_headers(message, header);
  return reading;
}

std::optional<RpcError> check_method_headers(const Message& message, const HeaderOf& header) {
  if (message.kind != Message::Kind::request) return std::nullopt;
  if (header("Mcp-Method") != message.method)
    return mismatch("The header Mcp-Method must say what 'method' says.");
  const char* member = name_member(message.method);
  if (*member == '\0') return std::nullopt;
  const auto named = header("Mcp-Name");
  const auto given = text_member(message.params, member);
  if (named.empty() && given.empty()) return std::nullopt;  // the method says what is missing
  const auto decoded = header_text(named);
  if (!decoded || named.empty() || *decoded != given)
    return mismatch(std::string("The header Mcp-Name must say what params.") + member + " says.");
  return std::nullopt;
}

std::optional<RpcError> check_param_headers(const Json& input_schema, const Json& arguments,
                                            const HeaderOf& header) {
  std::optional<RpcError> refusal;
  each_mirrored(input_schema, &arguments, [&](const std::string& name, const Json* value) {
    const auto raw = header("Mcp-Param-" + name);
    if (refusal || (raw.empty() && (!value || value->is_null()))) return;
    const auto text = header_text(raw);
    if (raw.empty() || !text || !value || !says(*text, *value))
      refusal = mismatch("The header Mcp-Param-" + name + " must say what the argument says.");
  });
  return refusal;
}

std::optional<std::string> header_text(std::string_view value) {
  constexpr std::string_view open = "=?base64?", close = "?=";
  // What lacks either end is itself.
  if (value.size() < open.size() + close.size() || !value.starts_with(open) || !value.ends_with(close))
    return std::string(value);
  return decode_base64(value.substr(open.size(), value.size() - open.size() - close.size()));
}

Accepted read_accept(std::string_view accept) {
  const std::string all = lower(accept);
  const auto names = [&](const char* type) { return all.find(type) != std::string::npos; };
  Accepted accepted;
  accepted.events = names("text/event-stream");
  accepted.json = !accepted.events || names("application/json") || names("*/*") || names("application/*");
  return accepted;
}

bool origin_allowed(std::string_view origin, std::string_view public_root,
                    const std::vector<std::string>& allowed) {
  if (origin.empty() || std::ranges::find(allowed, origin) != allowed.end()) return true;
  if (!public_root.empty() && origin == public_root) return true;
  const auto scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  std::string_view host = origin.substr(scheme + 3);
  const auto port = host.starts_with('[') ? host.find("]:") : host.find(':');
  if (port != std::string_view::npos) host = host.substr(0, port + (host.starts_with('[') ? 1 : 0));
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

std::string_view negotiated_version(std::string_view requested) {
  return supports_legacy(requested) ? requested : legacy_versions[0];
}

}  // namespace rollcall::front::mcp
