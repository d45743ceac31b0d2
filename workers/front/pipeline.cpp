#include "workers/front/pipeline.h"

#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "workers/front/api/execution.h"
#include "workers/front/served.h"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>

namespace rollcall::front {
namespace {

/// RFC 9110 and the usual advice for an interface that only programs read.
constexpr auto security_headers = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"Cache-Control", "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
});

bool has_header(const http_server::Headers& headers, std::string_view name) {
  return std::ranges::any_of(headers, [&](const auto& header) { return header.first == name; });
}

/// The caller's own id where it is harmless to log and to repeat.
std::string request_id_of(const http_server::Request& request) {
  const auto given = request.header("X-Request-Id");
  const bool harmless = !given.empty() && given.size() <= 64 && std::ranges::all_of(given, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  return harmless ? std::string(given) : crypto::new_uuid().to_string();
}

std::vector<Operation> operations_of(const Routes& routes) {
  std::vector<Operation> operations;
  for (const auto& route : routes)
    operations.push_back(route.operation);
  return operations;
}

}  // namespace

struct Pipeline::State : std::enable_shared_from_this<State> {
  State(Routes all, PipelineOptions chosen, Parts given)
      : options(std::move(chosen)),
        parts(given),
        execution({given.database, given.components, given.pool, given.clock}),
        router(operations_of(all)),
        unmatched(parts.metrics, "none"),
        left(parts.metrics.counter("rollcall_http_requests_left_total",
                                   "Requests that nobody waited for any more when their turn came.")),
        limiter(options.rates) {
    for (auto& route : all)
      served.emplace_back(std::move(route), parts.metrics);
  }

  PipelineOptions options;
  Parts parts;
  Execution execution;
  Router router;
  std::deque<Served> served;  // by the router's index
  Series unmatched;
  metrics::Counter& left;
  std::mutex limiter_mutex;  // of every limiter
  RateLimiter limiter;

  /// One request on its way.
  struct Exchange : Errand {
    std::shared_ptr<State> state;
    Served* served = nullptr;
    Respond respond;
    SteadyTime begun;

    void answer(Response response) override { state->answer(*this, std::move(response)); }
    void turn_away(Response response) override {
      if (!route || !route->turned_away || !respond) return answer(std::move(response));
      route->turned_away(call, std::move(response),
                         [self = shared_from_this()](Response passed) { self->answer(std::move(passed)); });
    }
    void leave() override {
      state->left.add();
      respond = nullptr;
    }
  };
  using ExchangePtr = std::shared_ptr<Exchange>;

  void serve(http_server::Request request, Respond respond, bool head_only) {
    auto exchange = std::make_shared<Exchange>();
    exchange->state = shared_from_this();
    exchange->head_only = head_only;
    exchange->begun = parts.clock.steady();
    exchange->respond = std::move(respond);
    exchange->call.request_id = request_id_of(request);
    exchange->call.traceparent = std::string(request.header("traceparent"));
    exchange->call.public_root =
        options.public_root.empty() ? "http://" + std::string(request.header("Host")) : options.public_root;
    exchange->call.request = std::move(request);
    Execution::guarded(*exchange, [&] { admit(exchange); });
  }

  [[nodiscard]] const Operation& operation_at(std::string_view method, std::string_view target) const {
    static const Operation none;
    const auto match = router.match(method, target.substr(0, target.find('?')));
    return match.kind == Match::Kind::found ? served[match.index].route.operation : none;
  }

  void admit(const ExchangePtr& exchange) {
    Call& call = exchange->call;
    if (call.request.method == "OPTIONS" && !options.origins.empty()) return preflight(exchange);
    auto match = router.match(call.request.method, call.request.path());
    if (match.kind == Match::Kind::no_such_path)
      throw Refused(
          {404, "route_not_found", "There is nothing at this path; /openapi.json lists what there is."});
    if (match.kind == Match::Kind::no_such_method) {
      auto response = problem_answer({405, "method_not_allowed", "This path is for " + match.allow + "."},
                                     call.request_id);
      response.headers.emplace_back("Allow", match.allow);
      return exchange->answer(std::move(response));
    }
    exchange->served = &served[match.index];
    exchange->route = &exchange->served->route;
    call.path = std::move(match.parameters);
    const Operation& operation = exchange->route->operation;
    Execution::require_switched_on(operation, options.microsoft_enabled);
    if (call.request.body.size() > operation.body_bytes_max)
      throw Refused({413, "body_too_large",
                     "The body may have " + std::to_string(operation.body_bytes_max) + " bytes here."});
    if (operation.access == Access::anyone) {
      pace(exchange, "address " + call.request.remote_address);
      return execution.run(exchange);
    }
    parts.authenticator.authenticate(call.request.headers, [exchange](Result<auth::Caller> caller) {
      Execution::guarded(*exchange, [&] { exchange->state->authenticated(exchange, std::move(caller)); });
    });
  }

  void authenticated(const ExchangePtr& exchange, Result<auth::Caller> caller) {
    if (!caller) {
      // Guessing costs: those without a valid token share the pace of their address.
      pace(exchange, "address " + exchange->call.request.remote_address);
      return unauthenticated(exchange, caller.error());
    }
    if ((caller->for_copilot && !exchange->route->for_agents) ||
        (caller->application && exchange->route->people_only)) {
      pace(exchange, caller->identity());
      return unauthenticated(exchange, {"token_invalid", "The access token is not valid here."});
    }
    exchange->call.caller = std::move(*caller);
    exchange->call.operates = exchange->call.caller.has_role(operator_role);
    pace(exchange, exchange->call.caller.identity());
    if (!options.scope.empty() && !exchange->call.caller.application &&
        !exchange->call.caller.has_scope(options.scope))
      return without_scope(exchange);
    execution.run(exchange);
  }

  void unauthenticated(const ExchangePtr& exchange, const Problem& problem) {
    if (problem.code == "keys_not_available")
      throw Refused({503, problem.code, problem.message, {}, std::chrono::seconds(5)});
    auto response = problem_answer({401, problem.code, problem.message}, exchange->call.request_id);
    challenge(exchange, response, problem.code == "token_missing" ? "" : R"(error="invalid_token")");
    exchange->turn_away(std::move(response));
  }

  void without_scope(const ExchangePtr& exchange) {
    auto response = problem_answer(
        {403, "scope_missing",
         "A person's token needs the scope " + options.scope + " here, and this one lacks it."},
        exchange->call.request_id);
    challenge(exchange, response, R"(error="insufficient_scope")");
    exchange->turn_away(std::move(response));
  }

  /// RFC 6750 section 3, RFC 9728 section 5.1.
  void challenge(const ExchangePtr& exchange, Response& response, std::string parameters) const {
    const auto& scope = options.scope_to_ask.empty() ? options.scope : options.scope_to_ask;
    if (!scope.empty()) parameters += std::string(parameters.empty() ? "" : ", ") + "scope=\"" + scope + '"';
    if (!options.resource_metadata.empty())
      parameters += std::string(parameters.empty() ? "" : ", ") + "resource_metadata=\"" +
                    exchange->call.public_root + options.resource_metadata + '"';
    response.headers.emplace_back("WWW-Authenticate", parameters.empty() ? "Bearer" : "Bearer " + parameters);
  }

  void pace(const ExchangePtr& exchange, const std::string& who) {
    const std::lock_guard lock(limiter_mutex);
    auto& own = exchange->served->limiter;
    if (const auto wait = own ? own->take("", parts.clock.steady()) : limiter.take(who, parts.clock.steady()))
      throw Refused({429, "too_many_requests", "More requests than one caller may send.", {}, *wait});
  }

  void preflight(const ExchangePtr& exchange) {
    Response response = no_content();
    response.headers = {{"Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"},
                        {"Access-Control-Allow-Headers",
                         "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, "
                         "MCP-Protocol-Version, MCP-Session-Id, Mcp-Method, Mcp-Name"},
                        {"Access-Control-Max-Age", "600"}};
    exchange->answer(std::move(response));
  }

  void answer(Exchange& exchange, Response response) {
    if (!exchange.respond) return;
    if (response.status == http_server::body_wanted)
      return std::exchange(exchange.respond, nullptr)(std::move(response));
    for (const auto& [name, value] : security_headers)
      if (!has_header(response.headers, name)) response.headers.emplace_back(name, value);
    response.headers.emplace_back("X-Request-Id", exchange.call.request_id);
    allow_origin(exchange.call.request, response);
    const double seconds = std::chrono::duration<double>(parts.clock.steady() - exchange.begun).count();
    Series& series = exchange.served ? exchange.served->series : unmatched;
    series.count(response.status, seconds);
    if (log::enabled(log::Level::debug))
      log::debug("request", {{"request_id", exchange.call.request_id},
                             {"operation", series.operation()},
                             {"status", response.status},
                             {"milliseconds", static_cast<long>(seconds * 1000)}});
    std::exchange(exchange.respond, nullptr)(std::move(response));
  }

  void allow_origin(const http_server::Request& request, Response& response) const {
    const auto origin = request.header("Origin");
    if (origin.empty() || std::ranges::find(options.origins, origin) == options.origins.end()) return;
    response.headers.emplace_back("Access-Control-Allow-Origin", origin);
    response.headers.emplace_back("Access-Control-Expose-Headers",
                                  "ETag, Location, MCP-Session-Id, Operation-Location, Retry-After, "
                                  "WWW-Authenticate, X-Request-Id");
    response.headers.emplace_back("Vary", "Origin");
  }
};

Pipeline::Pipeline(Routes routes, PipelineOptions options, Parts parts)
    : state_(std::make_shared<State>(std::move(routes), std::move(options), parts)) {}

Pipeline::~Pipeline() = default;

void Pipeline::serve(http_server::Request request, Respond respond) {
  state_->serve(std::move(request), std::move(respond), false);
}

void Pipeline::serve_head(http_server::Request head, Respond respond) {
  state_->serve(std::move(head), std::move(respond), true);
}

std::size_t Pipeline::body_bytes_max(std::string_view method, std::string_view target) const {
  return state_->operation_at(method, target).body_bytes_max;
}

std::chrono::milliseconds Pipeline::answer_timeout(std::string_view method, std::string_view target) const {
  return state_->operation_at(method, target).answer_within;
}

Response Pipeline::refuse(int status, std::string_view what) {
  const std::string code = status == 408   ? "request_too_slow"
                           : status == 413 ? "body_too_large"
                           : status == 414 ? "target_too_long"
                           : status == 431 ? "headers_too_large"
                           : status == 503 ? "busy"
                                           : "request_malformed";
  Refusal refusal{status, code, std::string(what)};
  if (status == 503) refusal.retry_after = std::chrono::seconds(1);
  return problem_answer(refusal, crypto::new_uuid().to_string());
}

}  // namespace rollcall::front
