#include "workers/front/pipeline.h"

#include "common/core/json.h"
#include "common/core/lower.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "workers/front/adapters/idempotency.h"
#include "workers/front/adapters/standing.h"
#include "workers/front/served.h"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>

namespace rollcall::front {
namespace {

constexpr std::string_view organization_parameter = "organization";

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

bool is_json(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (!content_type.empty() && content_type.back() == ' ')
    content_type.remove_suffix(1);
  return lower(content_type) == "application/json";
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
  Router router;
  std::deque<Served> served;  // by the router's index
  Series unmatched;
  metrics::Counter& left;
  std::mutex limiter_mutex;  // of every limiter
  RateLimiter limiter;

  /// One request on its way; answered once, by whoever lets go of it last or before.
  struct Exchange {
    Call call;
    Served* served = nullptr;
    Respond respond;
    SteadyTime begun;
    bool head_only = false;  ///< the body is not there yet

    [[nodiscard]] const Operation& operation() const { return served->route.operation; }
  };
  using ExchangePtr = std::shared_ptr<Exchange>;

  void serve(http_server::Request request, Respond respond, bool head_only) {
    auto exchange = std::make_shared<Exchange>();
    exchange->head_only = head_only;
    exchange->begun = parts.clock.steady();
    exchange->respond = std::move(respond);
    exchange->call.now = parts.clock.wall();
    exchange->call.request_id = request_id_of(request);
    exchange->call.traceparent = std::string(request.header("traceparent"));
    exchange->call.public_root =
        options.public_root.empty() ? "http://" + std::string(request.header("Host")) : options.public_root;
    exchange->call.request = std::move(request);
    guarded(exchange, [&] { admit(exchange); });
  }

  [[nodiscard]] const Operation& operation_at(std::string_view method, std::string_view target) const {
    static const Operation none;
    const auto match = router.match(method, target.substr(0, target.find('?')));
    return match.kind == Match::Kind::found ? served[match.index].route.operation : none;
  }

  /// Whatever `work` throws becomes the answer.
  template <class Work>
  void guarded(const ExchangePtr& exchange, Work work) {
    try {
      work();
    } catch (...) {
      refuse(exchange, refusal_for(std::current_exception(), exchange->call.request_id,
                                   exchange->served ? exchange->operation().id : ""));
    }
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
      return answer(exchange, std::move(response));
    }
    exchange->served = &served[match.index];
    call.path = std::move(match.parameters);
    const Operation& operation = exchange->operation();
    if (operation.microsoft && !options.microsoft_enabled)
      throw Refused({404, "microsoft_disabled", "The Microsoft integration is switched off here."});
    if (call.request.body.size() > operation.body_bytes_max)
      throw Refused({413, "body_too_large",
                     "The body may have " + std::to_string(operation.body_bytes_max) + " bytes here."});
    if (operation.access == Access::anyone) {
      pace(exchange, "address " + call.request.remote_address);
      return proceed(exchange);
    }
    parts.authenticator.authenticate(
        call.request.headers, [self = shared_from_this(), exchange](Result<auth::Caller> caller) {
          self->guarded(exchange, [&] { self->authenticated(exchange, std::move(caller)); });
        });
  }

  void authenticated(const ExchangePtr& exchange, Result<auth::Caller> caller) {
    if (!caller) {
      // Guessing costs: those without a valid token share the pace of their address.
      pace(exchange, "address " + exchange->call.request.remote_address);
      return unauthenticated(exchange, caller.error());
    }
    exchange->call.caller = std::move(*caller);
    exchange->call.operates = exchange->call.caller.has_role(operator_role);
    pace(exchange, exchange->call.caller.identity());
    if (!options.scope.empty() && !exchange->call.caller.application &&
        !exchange->call.caller.has_scope(options.scope))
      return without_scope(exchange);
    proceed(exchange);
  }

  void unauthenticated(const ExchangePtr& exchange, const Problem& problem) {
    if (problem.code == "keys_not_available")
      throw Refused({503, problem.code, problem.message, {}, std::chrono::seconds(5)});
    auto response = problem_answer({401, problem.code, problem.message}, exchange->call.request_id);
    challenge(exchange, response, problem.code == "token_missing" ? "" : R"(error="invalid_token")");
    answer(exchange, std::move(response));
  }

  void without_scope(const ExchangePtr& exchange) {
    auto response = problem_answer(
        {403, "scope_missing",
         "A person's token needs the scope " + options.scope + " here, and this one lacks it."},
        exchange->call.request_id);
    challenge(exchange, response, R"(error="insufficient_scope", scope=")" + options.scope + '"');
    answer(exchange, std::move(response));
  }

  /// RFC 6750 section 3, RFC 9728 section 5.1.
  void challenge(const ExchangePtr& exchange, Response& response, std::string parameters) const {
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

  /// What needs no database, then on to a thread that may block.
  void proceed(const ExchangePtr& exchange) {
    Call& call = exchange->call;
    const Route& route = exchange->served->route;
    const Operation& operation = route.operation;
    if (!call.path.contains(organization_parameter) &&
        judge(operation.access, call.operates) == Verdict::forbidden)
      throw Refused({403, "role_missing", "This takes the app role " + std::string(operator_role) + "."});
    // What a stranger sends to an organization is not even read before it is known that the organization is
    // theirs to see.
    if (exchange->head_only && !call.path.contains(organization_parameter)) return have_body_read(exchange);
    if (route.begin) {
      read(call, operation);
      return route.begin(call, responder(exchange));
    }
    const bool taken = parts.pool.submit(
        [self = shared_from_this(), exchange] { self->guarded(exchange, [&] { self->perform(exchange); }); });
    if (!taken)
      throw Refused(
          {503, "busy", "More requests are waiting than can be served soon.", {}, std::chrono::seconds(1)});
  }

  static void have_body_read(const ExchangePtr& exchange) {
    std::exchange(exchange->respond, nullptr)({http_server::body_wanted, {}, {}});
  }

  Respond responder(const ExchangePtr& exchange) {
    return [self = shared_from_this(), exchange](Response response) {
      self->answer(exchange, std::move(response));
    };
  }

  void read(Call& call, const Operation& operation) const {
    auto reading =
        read_query(http_server::parse_query(call.request.query()), operation.query, operation.page);
    if (!reading.mistakes.empty())
      throw Refused(
          {400, "query_invalid",
           "The query parameter '" + reading.mistakes[0].pointer + "' " + reading.mistakes[0].detail + ".",
           std::move(reading.mistakes)});
    call.query = std::move(reading.query);
    if (operation.body.empty()) return;
    if (call.request.body.empty()) {
      if (operation.body_optional) return;
      throw Refused(
          {400, "body_missing", "This takes a JSON body; see " + operation.body + " in /openapi.json."});
    }
    if (!is_json(call.request.header("Content-Type")))
      throw Refused({415, "content_type_unsupported", "The body must come as application/json."});
    auto body =
        parse_json(call.request.body, {.bytes_max = operation.body_bytes_max, .unique_members = true});
    if (!body) throw Refused({400, body.error().code, body.error().message});
    const auto wrong = parts.components.mistakes(operation.body, *body);
    if (!wrong.empty()) {
      Refusal refusal{400, "schema_violation",
                      "The body does not match " + operation.body + ": " +
                          (wrong[0].pointer.empty() ? "it" : wrong[0].pointer) + ": " + wrong[0].what};
      for (const auto& mistake : wrong)
        refusal.errors.push_back({mistake.pointer, mistake.what});
      throw Refused(std::move(refusal));
    }
    call.body = std::move(*body);
  }

  void perform(const ExchangePtr& exchange) {
    Call& call = exchange->call;
    const Route& route = exchange->served->route;
    if (!call.request.wanted()) {
      left.add();
      exchange->respond = nullptr;
      return;
    }
    if (const auto found = call.path.find(organization_parameter); found != call.path.end())
      stand(call, route.operation, found->second);
    if (exchange->head_only) return have_body_read(exchange);
    read(call, route.operation);
    call.intent = crypto::new_uuid();
    const auto key_header = call.request.header("Idempotency-Key");
    if (call.request.method != "POST" || key_header.empty()) return answer(exchange, route.handle(call));
    const IdempotentRequest request{call.caller.identity(), route.operation.id, idempotency_key(key_header),
                                    crypto::sha256_hex(call.request.target + "\n" + call.request.body)};
    answer(exchange, answer_once(parts.database, request, [&](const Uuid& intent) {
             call.intent = intent;
             return route.handle(call);
           }));
  }

  void stand(Call& call, const Operation& operation, const std::string& organization) const {
    const auto id = Uuid::parse(organization);
    if (!id)
      throw Refused({400,
                     "path_invalid",
                     "The organization in the path is no UUID.",
                     {{"organization", "is no UUID"}}});
    auto found = find_standing(parts.database, *id, call.caller);
    const auto verdict = found ? judge(operation.access, found->standing) : Verdict::invisible;
    if (verdict == Verdict::invisible)
      throw Refused(
          {404, "organization_not_found", "There is no organization with this id that you may see."});
    if (verdict == Verdict::forbidden)
      throw Refused({403, "role_missing",
                     "This takes an administrator of the organization, by its roster, or the app role " +
                         std::string(operator_role) + "."});
    call.organization = std::move(found->organization);
  }

  void preflight(const ExchangePtr& exchange) {
    Response response = no_content();
    response.headers = {{"Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"},
                        {"Access-Control-Allow-Headers",
                         "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID"},
                        {"Access-Control-Max-Age", "600"}};
    answer(exchange, std::move(response));
  }

  void refuse(const ExchangePtr& exchange, const Refusal& refusal) {
    const bool worded = exchange->served && exchange->served->route.refuse;
    const auto& id = exchange->call.request_id;
    answer(exchange, worded ? exchange->served->route.refuse(refusal, id) : problem_answer(refusal, id));
  }

  void answer(const ExchangePtr& exchange, Response response) {
    if (!exchange->respond) return;
    for (const auto& [name, value] : security_headers)
      if (!has_header(response.headers, name)) response.headers.emplace_back(name, value);
    response.headers.emplace_back("X-Request-Id", exchange->call.request_id);
    allow_origin(exchange->call.request, response);
    const double seconds = std::chrono::duration<double>(parts.clock.steady() - exchange->begun).count();
    Series& series = exchange->served ? exchange->served->series : unmatched;
    series.count(response.status, seconds);
    if (log::enabled(log::Level::debug))
      log::debug("request", {{"request_id", exchange->call.request_id},
                             {"operation", series.operation()},
                             {"status", response.status},
                             {"milliseconds", static_cast<long>(seconds * 1000)}});
    std::exchange(exchange->respond, nullptr)(std::move(response));
  }

  void allow_origin(const http_server::Request& request, Response& response) const {
    const auto origin = request.header("Origin");
    if (origin.empty() || std::ranges::find(options.origins, origin) == options.origins.end()) return;
    response.headers.emplace_back("Access-Control-Allow-Origin", origin);
    response.headers.emplace_back("Access-Control-Expose-Headers",
                                  "ETag, Location, Operation-Location, Retry-After, X-Request-Id");
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
