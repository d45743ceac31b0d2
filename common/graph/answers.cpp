#include "common/graph/answers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <functional>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds longest = std::chrono::hours{24};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

int month_of(const char* name) {
  static constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                           "jul", "aug", "sep", "oct", "nov", "dec"};
  const auto found = std::find(months.begin(), months.end(), lower(name));
  return found == months.end() ? 0 : static_cast<int>(found - months.begin()) + 1;
}

/// IMF-fixdate, and the two forms of old that RFC 9110 5.6.7 asks to accept.
std::optional<WallTime> parse_http_date(std::string_view value) {
  const std::string text(trimmed(value));
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  char month[4] = {};
  if (std::sscanf(text.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT", &day, month, &year, &hour,
                  &minute, &second) != 6) {
    if (std::sscanf(text.c_str(), "%*[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT", &day, month, &year, &hour,
                    &minute, &second) == 6) {
      year += 2000;
    } else if (std::sscanf(text.c_str(), "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d", month, &day, &hour,
                           &minute, &second, &year) != 6) {
      return std::nullopt;
    }
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month_of(month))},
                                         std::chrono::day{static_cast<unsigned>(std::max(day, 0))}};
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  return WallTime{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second};
}

/// Reads one header by name, any case, empty where absent.
using HeaderOf = std::function<std::string(std::string_view)>;

HeaderOf headers_of(const http_client::Response& http) {
  return [&http](std::string_view name) { return std::string(http.header(name)); };
}

/// Of a part: an object whose names come in any case (json-batching's own examples differ).
HeaderOf headers_of(const Json& part) {
  return [&part](std::string_view name) -> std::string {
    const auto headers = part.find("headers");
    if (headers == part.end() || !headers->is_object()) return {};
    for (const auto& [key, value] : headers->items())
      if (lower(key) == lower(name)) return value.is_string() ? value.get<std::string>() : dump(value);
    return {};
  };
}

/// innerError in practice, innererror in the schema.
const Json* inner_of(const Json& error) {
  for (const char* name : {"innerError", "innererror"})
    if (const auto found = error.find(name); found != error.end() && found->is_object()) return &*found;
  return nullptr;
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

bool known_code(std::string_view code) {
  static constexpr std::string_view known[] = {"Authorization_IdentityNotFound",
                                               "Authorization_RequestDenied",
                                               "BadRequest",
                                               "Directory_ConcurrencyViolation",
                                               "Directory_ExpiredPageToken",
                                               "Directory_ObjectNotFound",
                                               "Directory_QuotaExceeded",
                                               "InvalidAuthenticationToken",
                                               "Request_BadRequest",
                                               "Request_ResourceNotFound",
                                               "Request_UnsupportedQuery",
                                               "ResourceNotFound",
                                               "Service_InternalServerError",
                                               "TooManyRequests",
                                               "accessDenied",
                                               "activityLimitReached",
                                               "generalException",
                                               "invalidRange",
                                               "invalidRequest",
                                               "itemNotFound",
                                               "nameAlreadyExists",
                                               "notAllowed",
                                               "notSupported",
                                               "quotaLimitReached",
                                               "resourceModified",
                                               "resyncChangesApplyDifferences",
                                               "resyncChangesUploadDifferences",
                                               "resyncRequired",
                                               "serviceNotAvailable",
                                               "syncStateNotFound",
                                               "unauthenticated"};
  return std::any_of(std::begin(known), std::end(known),
                     [&](auto name) { return lower(name) == lower(code); });
}

/// What whole answers and parts have in common.
Answer read(int status, Json body, const HeaderOf& header, WallTime now) {
  Answer answer;
  Response& response = answer.response;
  response.status = status;
  response.request_id = header("request-id");
  response.location = header("Location");
  response.retry_after = parse_retry_after(header("Retry-After"), now);
  answer.throttle.resource_units = parse_number(header("x-ms-resource-unit"));
  answer.throttle.percentage =
      std::max(0.0, parse_number(header("x-ms-throttle-limit-percentage")).value_or(0));
  answer.throttle.scope = header("x-ms-throttle-scope");
  answer.throttle.information = header("x-ms-throttle-information");
  if (!response.ok() && body.is_object()) {
    response.error_code = error_code_of(body);
    if (const auto error = body.find("error"); error != body.end() && error->is_object()) {
      response.error_message = text_of(*error, "message");
      if (const Json* inner = inner_of(*error); inner && response.request_id.empty())
        response.request_id = text_of(*inner, "request-id");
    }
  }
  response.body = std::move(body);
  return answer;
}

Answer unknown(const std::string& why) {
  Answer answer;
  answer.response.error_message = why;
  return answer;
}

std::string query_of(const std::string& url) {
  const auto mark = url.find('?');
  return mark == std::string::npos ? std::string{} : url.substr(mark + 1);
}

/// Value of a query option, whose "$" may be encoded.
std::optional<std::string> option_of(const std::string& query, const std::string& name) {
  for (std::size_t at = 0; at < query.size();) {
    const auto end = std::min(query.find('&', at), query.size());
    const std::string pair = query.substr(at, end - at);
    at = end + 1;
    for (const std::string& key : {"$" + name + "=", "%24" + name + "="})
      if (lower(pair.substr(0, key.size())) == key) return pair.substr(key.size());
  }
  return std::nullopt;
}

}  // namespace

std::optional<milliseconds> parse_retry_after(std::string_view value, WallTime now) {
  value = trimmed(value);
  if (value.empty()) return std::nullopt;
  if (const auto seconds = parse_number(value)) {
    if (*seconds < 0) return std::nullopt;
    const double limited = std::min(*seconds * 1000, static_cast<double>(longest.count()));
    return milliseconds{static_cast<milliseconds::rep>(std::ceil(limited))};
  }
  const auto date = parse_http_date(value);
  if (!date) return std::nullopt;
  return std::clamp(*date - now, milliseconds{0}, longest);
}

std::string relative_url(std::string_view url) {
  if (const auto scheme = url.find("://");
      scheme != std::string_view::npos && scheme < url.find_first_of("/?")) {
    const auto path = url.find('/', scheme + 3);
    url = path == std::string_view::npos ? std::string_view{} : url.substr(path + 1);
    const auto version = url.find('/');
    url = version == std::string_view::npos ? std::string_view{} : url.substr(version);
  }
  return url.empty() || url.front() != '/' ? "/" + std::string(url) : std::string(url);
}

Cost cost_of(std::string_view method, std::string_view url) {
  const std::string relative = relative_url(url);
  const std::string query = query_of(relative);
  std::vector<std::string> path;
  const std::string whole = lower(relative.substr(0, relative.find('?')));
  for (std::size_t at = 1; at < whole.size();) {
    const auto end = std::min(whole.find('/', at), whole.size());
    path.push_back(whole.substr(at, end - at));
    at = end + 1;
  }
  // An action that only reads, by POST for the length of its input: 5 units, 2 with $select.
  if (method == "POST" && path.size() == 2 && path[0] == "directoryobjects" && path[1] == "getbyids")
    return {option_of(query, "select") ? 2.0 : 5.0, 0};
  if (method == "POST" && path.size() == 3 && path[2] == "getschedule") return {1, 0};
  if (method != "GET") return {1, 1};
  double units = 1;
  if (path.size() >= 3 && path[0] == "groups" && path[2] == "members") units = 3;
  if (path.size() >= 3 && path[0] == "groups" && path[2] == "transitivemembers") units = 5;
  if (path.size() == 1 && path[0] == "users") units = 2;
  if (option_of(query, "select")) units -= 1;
  if (const auto top = option_of(query, "top"); top && parse_number(*top).value_or(20) < 20) units -= 1;
  if (option_of(query, "expand")) units += 1;
  return {std::max(units, 1.0), 0};
}

std::string error_code_of(const Json& body) {
  if (!body.is_object()) return {};
  const auto error = body.find("error");
  if (error == body.end() || !error->is_object()) return {};
  std::string outermost, best;
  for (const Json* level = &*error; level;
       level = inner_of(*level)) {  // its depth was limited when it was parsed
    const std::string code = text_of(*level, "code");
    if (outermost.empty()) outermost = code;
    if (known_code(code)) best = code;
  }
  return best.empty() ? outermost : best;
}

Answer read_answer(const http_client::Response& http, WallTime now) {
  if (http.status == 0) return unknown(http.error);
  Json body;
  if (!http.body.empty()) {
    auto parsed = parse_json(http.body, {64 * 1024 * 1024, 64});
    // A refusal cut short is no answer either: which one it is stands in its body. Where the status says all,
    // it counts.
    const bool body_decides = http.status < 500 && http.status != 401 && http.status != 429;
    if (parsed) {
      body = std::move(*parsed);
    } else if (body_decides && lower(http.header("Content-Type")).find("json") != std::string::npos) {
      return unknown("the answer is not whole: " + parsed.error().message);
    }
  }
  return read(http.status, std::move(body), headers_of(http), now);
}

Json batch_envelope(const std::vector<Request>& requests, Priority priority) {
  Json parts = Json::array();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Request& request = requests[i];
    Json part{{"id", std::to_string(i + 1)}, {"method", request.method}, {"url", relative_url(request.url)}};
    Json headers = Json::object();
    bool has_type = false;
    for (const auto& [name, value] : request.headers) {
      headers[name] = value;
      has_type = has_type || lower(name) == "content-type";
    }
    if (request.body) {
      if (!has_type) headers["Content-Type"] = "application/json";  // required beside a body (json-batching)
      part["body"] = *request.body;
    }
    // Low is throttled first, so that those who wait are served (throttling).
    if (priority == Priority::bulk) headers["x-ms-throttle-priority"] = "low";
    if (!headers.empty()) part["headers"] = std::move(headers);
    if (request.after >= 0) part["dependsOn"] = Json::array({std::to_string(request.after + 1)});
    parts.push_back(std::move(part));
  }
  return Json{{"requests", std::move(parts)}};
}

std::vector<Answer> read_batch(const http_client::Response& http, std::size_t count, WallTime now) {
  Answer whole = read_answer(http, now);
  const Json& body = whole.response.body;
  const auto responses = body.is_object() ? body.find("responses") : body.end();
  // The envelope is 200 whatever the parts did; an older page said 424. Both carry the parts (json-batching).
  if (!body.is_object() || responses == body.end() || !responses->is_array()) {
    if (whole.response.ok()) whole = unknown("the answer to the batch holds no parts");
    return std::vector<Answer>(count, whole);
  }
  std::vector<Answer> answers(count, unknown("the answer to the batch lacks this part"));
  std::vector<bool> seen(count, false);
  for (const Json& part : *responses) {
    if (!part.is_object() || !part.contains("id")) continue;
    const Json& id = part["id"];
    const auto number = parse_number(id.is_string() ? id.get_ref<const std::string&>() : dump(id));
    if (!number || *number < 1 || *number > static_cast<double>(count)) continue;
    const auto index = static_cast<std::size_t>(*number) - 1;
    const auto status = part.find("status");
    if (seen[index] || status == part.end()) continue;
    const auto code =
        parse_number(status->is_string() ? status->get_ref<const std::string&>() : dump(*status));
    if (!code || *code < 100 || *code > 599) continue;
    seen[index] = true;
    answers[index] = read(static_cast<int>(*code), part.value("body", Json()), headers_of(part), now);
    if (answers[index].response.request_id.empty())
      answers[index].response.request_id = whole.response.request_id;
  }
  return answers;
}

milliseconds pause_after(const Answer& answer, int attempt) {
  if (answer.response.retry_after) return *answer.response.retry_after;
  // GMM waits out the write window (150 s) in this case; for units their window is 10 s, doubled each time.
  if (answer.throttle.information == "WriteLimitExceeded") return std::chrono::seconds{150};
  return std::chrono::seconds{std::min(150, 10 << std::clamp(attempt - 1, 0, 4))};
}

bool worth_repeating(int status) {
  return status == 0 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

}  // namespace rollcall::graph
