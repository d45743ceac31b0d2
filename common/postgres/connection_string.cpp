#include "common/postgres/connection_string.h"

#include "common/core/percent.h"

#include <chrono>
#include <utility>
#include <vector>

namespace rollcall::postgres {
namespace {

bool is_url(const std::string& text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://");
}

}  // namespace

std::string connection_string(const Options& options) {
  const auto seconds =
      std::max<long>(2, std::chrono::ceil<std::chrono::seconds>(options.connect_timeout).count());
  const std::vector<std::pair<std::string, std::string>> defaults = {
      {"connect_timeout", std::to_string(seconds)},
      {"application_name", options.application_name},
      {"keepalives", "1"},
      {"keepalives_idle", "15"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "30000"},
      {"client_encoding", "UTF8"}};
  std::string text = options.url;
  const bool url = is_url(text);
  bool first = text.find('?') == std::string::npos;
  for (const auto& [name, setting] : defaults) {
    if (text.find(name + "=") != std::string::npos) continue;
    if (url) {
      text += (first ? "?" : "&") + name + "=" + percent_encode(setting);
      first = false;
    } else {
      std::string quoted;
      for (const char c : setting)
        quoted += (c == '\'' || c == '\\') ? std::string{'\\', c} : std::string{c};
      text += " " + name + "='" + quoted + "'";
    }
  }
  return text;
}

}  // namespace rollcall::postgres
