#include "common/http_server/head.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace rollcall::http_server {
namespace {

constexpr std::string_view line_end = "\r\n";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_alphanumeric(char c) {
  return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z');
}
/// RFC 9110 section 5.6.2
bool is_token(char c) {
  return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
/// RFC 9110 section 5.5: visible, blank, or a byte above ASCII, which means nothing to us.
bool is_value(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}
bool is_target(char c) {
  return c > 0x20 && c < 0x7f && c != '#';
}
/// RFC 3986's reg-name and IPv4address
bool is_host(char c) {
  return is_alphanumeric(c) || std::string_view("-._~%!$&'()*+,;=").find(c) != std::string_view::npos;
}
bool is_ipv6(char c) {
  return is_alphanumeric(c) || c == ':' || c == '.';
}

char lower(char c) {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

bool is_header_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token);
}

bool is_header_value(std::string_view text) {
  return std::ranges::all_of(text, is_value);
}

bool same_name(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, lower, lower);
}

namespace {

/// host [":" port]
bool is_authority(std::string_view text) {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos || end == 1) return false;
    if (!std::ranges::all_of(text.substr(1, end - 1), is_ipv6)) return false;
    ++end;
  } else {
    end = std::min(text.find(':'), text.size());
    if (end == 0 || !std::ranges::all_of(text.substr(0, end), is_host)) return false;
  }
  const auto port = text.substr(end);
  return port.empty() ||
         (port.size() <= 6 && port[0] == ':' && std::ranges::all_of(port.substr(1), is_digit));
}

Refusal host(std::string_view value, Head& head) {
  ++head.hosts;
  return is_authority(value) ? Refusal{} : Refusal{400, "the Host header is not a host"};
}

Refusal content_length(std::string_view value, Head& head) {
  if (head.sized) return {400, "more than one Content-Length"};
  head.sized = true;
  // from_chars() of an unsigned number takes no sign and says when it does not fit.
  const auto* const end = value.data() + value.size();
  const auto [stopped, error] = std::from_chars(value.data(), end, head.content_length);
  if (error != std::errc{} || stopped != end) return {400, "the Content-Length is not a number"};
  return {};
}

Refusal transfer_encoding(std::string_view value, Head& head) {
  if (head.chunked) return {400, "more than one Transfer-Encoding"};
  head.chunked = true;
  return same_name(value, "chunked") ? Refusal{} : Refusal{400, "a Transfer-Encoding other than chunked"};
}

Refusal expect(std::string_view value, Head& head) {
  head.expects_continue = same_name(value, "100-continue");
  return head.expects_continue ? Refusal{} : Refusal{417, "an Expect other than 100-continue"};
}

struct Field {
  std::string_view name;
  Refusal (*read)(std::string_view value, Head& head);
};
constexpr std::array fields{Field{"host", host}, Field{"content-length", content_length},
                            Field{"transfer-encoding", transfer_encoding}, Field{"expect", expect}};

Refusal read_field(std::string_view line, Head& head) {
  if (line.starts_with(' ') || line.starts_with('\t')) return {400, "a folded header"};
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return {400, "a header without a colon"};
  const auto name = line.substr(0, colon);
  if (!is_header_name(name)) return {400, "a header name that is none"};
  const auto value = trimmed(line.substr(colon + 1));
  if (!is_header_value(value)) return {400, "a control character in a header"};
  const auto* const known =
      std::ranges::find_if(fields, [&](const Field& one) { return same_name(name, one.name); });
  return known == fields.end() ? Refusal{} : known->read(value, head);
}

Refusal read_request_line(std::string_view line, const HeadLimits& limits, Head& head) {
  const auto first = line.find(' ');
  const auto second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos)
    return {400, "the request line is not method, target and version"};
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  const auto version = line.substr(second + 1);
  // Methods are case-sensitive, and every registered one is upper case.
  if (head.method.empty() ||
      !std::ranges::all_of(head.method, [](char c) { return is_upper(c) || c == '-'; }))
    return {400, "the method is none"};
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return {400, "a version of HTTP other than 1.1 and 1.0"};
  head.http_1_1 = version == "HTTP/1.1";
  if (head.target.size() > limits.target_bytes_max) return {414, "the target is too long"};
  if (!head.target.starts_with('/')) return {400, "the target is not a path"};
  if (!std::ranges::all_of(head.target, is_target))
    return {400, "the target holds a character that must be percent-encoded"};
  return {};
}

/// What only the whole head shows.
Refusal judge(const Head& head) {
  if (head.hosts > 1) return {400, "more than one Host header"};
  if (head.hosts == 0 && head.http_1_1) return {400, "the Host header is missing"};
  if (head.chunked && head.sized) return {400, "both Content-Length and Transfer-Encoding"};
  if (head.chunked && !head.http_1_1) return {400, "Transfer-Encoding in HTTP/1.0"};
  return {};
}

}  // namespace

HeadEnd find_head_end(std::string_view raw, std::size_t scanned) {
  // No method begins otherwise: TLS and other protocols are told at once rather than after a timeout.
  if (!raw.empty() && !is_upper(raw[0])) return {0, {400, "the method is none"}};
  for (auto at = raw.find('\n', scanned); at != std::string_view::npos; at = raw.find('\n', at + 1)) {
    if (raw[at - 1] != '\r') return {0, {400, "a line that does not end in CR LF"}};
    if (at >= 3 && raw.substr(at - 3, 2) == line_end) return {at + 1, {}};
  }
  return {};
}

Refusal read_head(std::string_view raw, const HeadLimits& limits, Head& head) {
  auto end = raw.find(line_end);
  if (const auto refusal = read_request_line(raw.substr(0, end), limits, head)) return refusal;
  raw.remove_prefix(end + line_end.size());
  for (std::size_t count = 1; (end = raw.find(line_end)) != 0; ++count) {
    if (count > limits.headers_max) return {431, "too many headers"};
    if (const auto refusal = read_field(raw.substr(0, end), head)) return refusal;
    raw.remove_prefix(end + line_end.size());
  }
  return judge(head);
}

}  // namespace rollcall::http_server
