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

std::string without_password(const std::string& url) {
  std::string text = url;
  if (const auto scheme = text.find("://"); scheme != std::string::npos) {
    // To the last @ before the path: a password may hold one that should have been encoded.
    const auto begin = scheme + 3;
    const auto at = text.substr(0, text.find_first_of("/?", begin)).rfind('@');
    if (at != std::string::npos && at >= begin) {
      text.erase(begin, at + 1 - begin);
    } else if (const auto stray = text.rfind('@'); stray != std::string::npos && stray >= begin) {
      text.erase(begin,
                 stray + 1 - begin);  // a password with a slash in it: the URL is wrong, but still a secret
    }
  }
  for (const std::string name : {"password", "user", "sslpassword"}) {
    for (auto at = text.find(name + "="); at != std::string::npos; at = text.find(name + "=", at)) {
      auto end = at + name.size() + 1;
      if (end < text.size() && text[end] == '\'') {
        for (++end; end < text.size() && text[end] != '\''; ++end) {
          if (text[end] == '\\') ++end;
        }
        end = std::min(end + 1, text.size());
      } else {
        end = std::min(text.find_first_of(" &", end), text.size());
      }
      text.erase(at, end - at);
    }
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '?' || text.back() == '&'))
    text.pop_back();
  return text;
}

}  // namespace rollcall::postgres
