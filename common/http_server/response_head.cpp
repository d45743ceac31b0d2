#include "common/http_server/response_head.h"

#include "common/http_server/head.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <boost/beast/http/status.hpp>

namespace rollcall::http_server {
namespace {

/// Those that say where a message ends are the server's.
bool is_framing(std::string_view name) {
  constexpr std::array<std::string_view, 3> ours{"content-length", "transfer-encoding", "connection"};
  return std::ranges::any_of(ours, [&](std::string_view one) { return same_name(name, one); });
}

void add(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

/// RFC 9110 section 5.6.7. Made once a second on each thread that answers.
const std::string& date_now() {
  static thread_local std::time_t at = 0;
  static thread_local std::string text;
  const auto now = std::time(nullptr);
  if (now == std::exchange(at, now)) return text;
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 40> written{};
  text.assign(written.data(),
              std::strftime(written.data(), written.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
  return text;
}

}  // namespace

bool can_be_sent(const Response& response) {
  return response.status >= 200 && response.status <= 999 &&
         std::ranges::all_of(response.headers, [](const auto& header) {
           return is_header_name(header.first) && is_header_value(header.second);
         });
}

std::string response_head(const Response& response, Framing framing, bool http_1_1, bool keep_alive) {
  namespace http = boost::beast::http;
  std::string head;
  head.reserve(512);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  head.append(reason.data(), reason.size()).append("\r\n");
  bool dated = false;
  for (const auto& [name, value] : response.headers) {
    if (!is_framing(name)) add(head, name, value);
    dated = dated || same_name(name, "date");
  }
  if (!dated) add(head, "Date", date_now());
  if (framing == Framing::sized) add(head, "Content-Length", std::to_string(response.body.size()));
  if (framing == Framing::chunked) add(head, "Transfer-Encoding", "chunked");
  if (!keep_alive)
    add(head, "Connection", "close");
  else if (!http_1_1)
    add(head, "Connection", "keep-alive");
  return head.append("\r\n");
}

}  // namespace rollcall::http_server
