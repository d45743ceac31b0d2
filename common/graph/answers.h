#pragma once
#include "common/core/clock.h"
#include "common/core/json.h"
#include "common/graph/client.h"
#include "common/graph/governor.h"
#include "common/http_client/client.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What Graph's words mean. Private to common/graph, pure: time is an argument.
namespace rollcall::graph {

/// Retry-After: seconds, whole or decimal, or an HTTP-date (all three forms of RFC 9110). At most a day.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, WallTime now);

/// "/groups/1?$select=id" of whatever form: scheme, host and version are dropped (known-issues: batch URLs
/// are relative).
std::string relative_url(std::string_view url);

/// What the quota table of throttling-limits (identity and access) charges.
Cost cost_of(std::string_view method, std::string_view url);

/// The most specific code we know on the way down through the nested ones; else the outermost that is not
/// empty.
std::string error_code_of(const Json& body);

/// The throttling headers, of a whole answer or of a part.
struct Throttle {
  std::optional<double> resource_units;  ///< x-ms-resource-unit: what this call cost
  double percentage = 0;                 ///< x-ms-throttle-limit-percentage: only above 0.8
  std::string scope, information;        ///< on 429
};

/// An answer with what the governor wants to know of it.
struct Answer {
  Response response;
  Throttle throttle;
};

/// A whole HTTP answer. JSON that does not parse counts as no answer (status 0): it was cut.
Answer read_answer(const http_client::Response& http, WallTime now);

/// The body of a $batch. Ids are "1" to "20": they compare case-insensitively, and digits have no case.
Json batch_envelope(const std::vector<Request>& requests, Priority priority);

/// The parts in request order, whatever order they came in; status 0 where one is missing. An envelope that
/// was refused gives its status to every part; one that was cut, status 0.
std::vector<Answer> read_batch(const http_client::Response& http, std::size_t count, WallTime now);

/// An answer after which a read may be repeated: "Errors and retries" (best-practices-concept).
bool worth_repeating(int status);

/// How long to stay away after a 429. Without a usable Retry-After: a whole window of the quota that was
/// exceeded.
std::chrono::milliseconds pause_after(const Answer& answer, int attempt);

}  // namespace rollcall::graph
