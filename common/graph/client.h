#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/graph/circuit_breaker.h"
#include "common/graph/governor.h"
#include "common/http_client/client.h"
#include "common/metrics/metrics.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

/// Microsoft Graph, with the app's permissions or a person's own. Facts and their sources stand at each rule.
namespace rollcall::graph {

class Bearer;
class TokenSource;

/// What a run spent, counted over all its calls. Shared by the caller and the client's threads.
struct Usage {
  std::atomic<long> http{0};    ///< HTTP requests to Graph (a $batch is one; token requests are not counted)
  std::atomic<long> reads{0};   ///< metered reads: plain GETs and the GET parts of batches
  std::atomic<long> writes{0};  ///< metered writes, each part of a batch by itself
  std::atomic<long> throttled{0};  ///< answers 429, whole or part
};

/// For whom a call is made, where it is not the app itself: with whose token, and paced by what. Outlook
/// counts by mailbox and SharePoint by person (throttling-limits), so neither has a part in the app's quota.
struct OnBehalf {
  Bearer& bearer;
  Governor& governor;
};

/// How a call is to be made. Lives at least as long as the call.
struct CallContext {
  Priority priority = Priority::interactive;
  /// Longest wait for the quota or a Retry-After before the call gives up with Error{throttled}.
  std::chrono::milliseconds patience{30'000};
  /// Whole time for the call, retries of reads included.
  std::chrono::milliseconds deadline{120'000};
  std::stop_token stop;
  /// A 403 is tried once more with a fresh token, which alone carries permissions granted since the last one.
  bool renew_when_denied = false;
  Usage* usage = nullptr;
  /// Whom the call serves: those who wait for the quota take turns by it. Empty: nobody in particular.
  std::string organization;
  /// Null: for the app. send() alone looks at it.
  const OnBehalf* on_behalf = nullptr;
  /// Called on the calling thread after every wait, just before a call leaves, which may be long after it was
  /// made: the process may have been stopped meanwhile. What it throws passes through, and nothing is sent.
  std::function<void()> before_sending;
};

struct Request {
  std::string method = "GET";
  /// Relative to the version root and already percent-encoded ("/groups/{id}?$select=id"), or, for a nextLink
  /// or deltaLink followed verbatim, an absolute URL.
  std::string url;
  std::optional<Json> body;
  http_client::Headers headers;
  /// Index in the same batch of the request this one must follow ("dependsOn"); -1: none.
  int after = -1;
};

/// The answer to a request or to one part of a batch. status 0: no answer, outcome unknown.
struct Response {
  int status = 0;
  Json body;               ///< parsed; null where there was none or it was not JSON
  std::string error_code;  ///< most specific known error.code, empty on success
  std::string error_message;
  std::string request_id;  ///< Graph's request-id, for the audit trail and for support
  std::string location;  ///< where a redirection leads: never followed here, and a secret where it is signed
  std::optional<std::chrono::milliseconds> retry_after;
  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

struct Options {
  std::string root = "https://graph.microsoft.com";  ///< without version
  std::string version = "v1.0";
  std::chrono::milliseconds request_timeout{60'000};
  int read_attempts_max = 6;
  CircuitBreakerOptions circuit_breaker{};
  std::string workload =
      {};  ///< names the circuit in the metrics where a process has several; empty: the one
};

/// Safe from any thread. Every request waits for the governor first, carries client-request-id, is retried
/// once with a fresh token after a 401, and reports what it cost to governor and usage.
class Client {
 public:
  Client(http_client::Transport& transport, TokenSource& tokens, Governor& governor, const Clock& clock,
         Options options, metrics::Registry& metrics);
  /// For calls on people's behalf alone.
  Client(http_client::Transport& transport, const Clock& clock, Options options, metrics::Registry& metrics);
  ~Client();

  /// One request, blocking. GETs are retried (429 by Retry-After; 0, 500, 502, 503, 504 with backoff, 503
  /// over a new connection) within deadline and attempts; writes are sent once, their answer returned as it
  /// is. Any 4xx but 401 and 429 is an answer, not an exception. Throws Error:
  ///   throttled (code "throttled", retry_after) – the wait would exceed patience
  ///   throttled ("graph_unavailable", retry_after) – the circuit breaker is open, nothing was sent
  ///   transient ("graph_unavailable") – no usable answer within deadline and attempts
  ///   denied ("graph_token_refused", "graph_not_permitted" for a 401 that a fresh token did not cure)
  Response send(const Request& request, const CallContext& context);

  /// A $batch of 1 to 20 requests: waits for the governor on the calling thread (throws as send() does,
  /// before anything is sent), then returns; `done` runs once on the client's thread with one response per
  /// request, in request order. Nothing inside is retried but the whole envelope after 401: a part that was
  /// lost, or an envelope without an answer, has status 0; an envelope that answered 429 or 5xx gives that
  /// status to every part.
  void start_batch(const std::vector<Request>& requests, const CallContext& context,
                   std::function<void(std::vector<Response>)> done);
  /// start_batch() and wait.
  std::vector<Response> batch(const std::vector<Request>& requests, const CallContext& context);

  /// "{root}/{version}": for "@odata.id" references.
  [[nodiscard]] std::string version_root() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// "/groups/{group}/members/{member}/$ref". The only place that writes a removal URL: without "/$ref" Graph
/// would delete the user itself (group-delete-members).
std::string member_removal_path(const Uuid& group, const Uuid& member);

}  // namespace rollcall::graph
