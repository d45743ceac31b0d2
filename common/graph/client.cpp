#include "common/graph/client.h"

#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/graph/answers.h"
#include "common/graph/batch_call.h"
#include "common/graph/token_source.h"
#include "common/core/waiting.h"
#include "common/log/log.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest = std::chrono::hours{24};

Cost actual_of(const Cost& estimated, const Answer& answer) {
  return {answer.throttle.resource_units.value_or(estimated.resource_units), estimated.writes};
}

bool absolute(const std::string& url) {
  return url.rfind("https://", 0) == 0 || url.rfind("http://", 0) == 0;
}

Error unavailable(const std::string& why) {
  return {Fault::transient, "graph_unavailable", "Microsoft Graph: " + why};
}

}  // namespace

struct Client::State {
  http_client::Transport& transport;
  TokenSource& tokens;
  Governor& governor;
  const Clock& clock;
  const Options options;
  metrics::Counter &http_total, &reads_total, &writes_total, &throttled_total;

  std::mutex mutex;  // guards all below
  std::condition_variable_any changed;
  std::deque<std::function<void()>> tasks;
  int batches = 0;  // begun and not done
  bool closing = false;
  std::thread worker;

  State(http_client::Transport& given_transport, TokenSource& given_tokens, Governor& given_governor,
        const Clock& given_clock, Options given, metrics::Registry& registry)
      : transport(given_transport),
        tokens(given_tokens),
        governor(given_governor),
        clock(given_clock),
        options(std::move(given)),
        http_total(requests_of(registry, "http")),
        reads_total(requests_of(registry, "read")),
        writes_total(requests_of(registry, "write")),
        throttled_total(registry.counter("rollcall_graph_throttled_total", "Answers 429 of Microsoft Graph")),
        worker([this] { run(); }) {}

  ~State() {
    std::unique_lock lock(mutex);
    closing = true;
    changed.notify_all();
    // The transport answers every request, at the latest by its timeout; their callbacks point here.
    changed.wait(lock, [this] { return batches == 0; });
    lock.unlock();
    worker.join();
  }

  static metrics::Counter& requests_of(metrics::Registry& registry, const std::string& kind) {
    return registry.counter("rollcall_graph_requests_total",
                            "HTTP requests to Microsoft Graph, and the metered reads and writes in them",
                            {{"kind", kind}});
  }

  /// Parses and hands out the answers of batches, so that the transport's thread is never held up.
  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return !tasks.empty() || (closing && batches == 0); });
      if (tasks.empty()) return;
      auto task = std::move(tasks.front());
      tasks.pop_front();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    }
  }

  std::string token(const std::stop_token& stop) {
    try {
      return tokens.token(stop);
    } catch (const Error& error) {
      // At start a refusal is a wrong setting; during a call it means that someone must grant something.
      if (error.code() != "graph_token_refused") throw;
      throw Error(Fault::denied, error.code(), error.what());
    }
  }

  std::uint64_t acquire(Cost cost, const CallContext& context, milliseconds patience) {
    milliseconds wait{0};
    if (const auto id = governor.acquire(cost, context.priority, patience, context.stop, wait)) return *id;
    if (context.stop.stop_requested()) throw unavailable("stopped while waiting for the quota");
    throw Error(Fault::throttled, "throttled",
                "Microsoft Graph's quota is used up or it asked for a pause; the next call can be made in " +
                    std::to_string(wait.count()) + " ms",
                wait);
  }

  [[nodiscard]] std::string url_of(const std::string& url) const {
    if (!absolute(url)) return options.root + "/" + options.version + url;
    // A link followed verbatim gets our bearer token, so it must lead where we would go ourselves.
    if (url.rfind(options.root + "/", 0) != 0)
      throw Error(Fault::invalid, "graph_refused",
                  "a link of Microsoft Graph leads to another host and is not followed");
    return url;
  }

  [[nodiscard]] http_client::Request http_of(const std::string& method, const std::string& url,
                                             Priority priority) const {
    http_client::Request http;
    http.method = method;
    http.url = url_of(url);
    http.timeout = options.request_timeout;
    http.headers = {{"Accept", "application/json"}};
    if (priority == Priority::bulk)
      http.headers.emplace_back("x-ms-throttle-priority", "low");  // (throttling)
    return http;
  }

  /// What each attempt needs anew (best-practices-concept: a client-request-id on every call).
  static std::string prepare(http_client::Request& http, const std::string& token) {
    std::string id = crypto::new_uuid().to_string();
    std::erase_if(http.headers, [](const auto& header) {
      return header.first == "Authorization" || header.first == "client-request-id";
    });
    http.headers.emplace_back("Authorization", "Bearer " + token);
    http.headers.emplace_back("client-request-id", id);
    return id;
  }

  /// Starts the request and waits. A read is given up on a stop; a write is not, since its outcome would be
  /// lost.
  http_client::Response exchange(const http_client::Request& http, bool read, const std::stop_token& stop) {
    struct Pending {
      std::mutex mutex;
      std::condition_variable_any changed;
      std::optional<http_client::Response> response;
    };
    const auto pending = std::make_shared<Pending>();
    transport.start(http, [pending](http_client::Response response) {
      const std::lock_guard lock(pending->mutex);
      pending->response = std::move(response);
      pending->changed.notify_all();
    });
    std::unique_lock lock(pending->mutex);
    const auto answered = [&] { return pending->response.has_value(); };
    if (!pending->changed.wait(lock, read ? stop : std::stop_token{}, answered)) {
      http_client::Response abandoned;
      abandoned.error = "stopped";
      abandoned.sent = true;
      return abandoned;
    }
    return std::move(*pending->response);
  }

  void count_request(const Cost& cost, Usage* usage) {
    const bool write = cost.writes > 0;
    (write ? writes_total : reads_total).add();
    if (usage) ++(write ? usage->writes : usage->reads);
  }

  static void count(metrics::Counter& total, Usage* usage, std::atomic<long> Usage::*field) {
    total.add();
    if (usage) ++(usage->*field);
  }

  /// What support asks for (best-practices-concept). Never the body or the query: they name people.
  static void log_failure(const std::string& method, const std::string& url, const Answer& answer,
                          const http_client::Response& http, const std::string& client_request_id) {
    const std::string path = relative_url(url);
    log::debug("graph_request_failed", {{"method", method},
                                        {"path", path.substr(0, path.find('?'))},
                                        {"status", answer.response.status},
                                        {"code", answer.response.error_code},
                                        {"client_request_id", client_request_id},
                                        {"request_id", answer.response.request_id},
                                        {"date", std::string(http.header("Date"))},
                                        {"diagnostic", std::string(http.header("x-ms-ags-diagnostic"))},
                                        {"throttle_scope", answer.throttle.scope},
                                        {"throttle_information", answer.throttle.information}});
  }

  /// Forgets the token. A claims challenge (continuous access evaluation) is answered by a fresh token, which
  /// is all that an app without the capability "cp1" can do; it is logged because it says why the token ended
  /// early.
  void drop_token(const std::string& token, const http_client::Response& http) {
    if (http.header("WWW-Authenticate").find("claims=") != std::string_view::npos)
      log::info("graph_claims_challenge", {{"request_id", std::string(http.header("request-id"))}});
    tokens.invalidate(token);
  }

  void send_batch(const std::shared_ptr<BatchCall>& call);
  void end_batch(const std::shared_ptr<BatchCall>& call, const http_client::Response& http,
                 const std::string& id);
};

Client::Client(http_client::Transport& transport, TokenSource& tokens, Governor& governor, const Clock& clock,
               Options options, metrics::Registry& metrics)
    : state_(std::make_unique<State>(transport, tokens, governor, clock, std::move(options), metrics)) {}
Client::~Client() = default;

Response Client::send(const Request& request, const CallContext& context) {
  State& s = *state_;
  const auto deadline = s.clock.steady() + std::clamp(context.deadline, milliseconds{0}, longest);
  const auto left = [&] { return std::chrono::ceil<milliseconds>(deadline - s.clock.steady()); };
  const Cost cost = cost_of(request.method, request.url);
  const bool read = cost.writes <= 0;
  const Backoff backoff{milliseconds{500}, std::chrono::seconds{30}};
  http_client::Request http = s.http_of(request.method, request.url, context.priority);
  http.headers.insert(http.headers.end(), request.headers.begin(), request.headers.end());
  if (request.body) {
    http.body = dump(*request.body);
    http.headers.emplace_back("Content-Type", "application/json");
  }
  bool refreshed = false;
  for (int attempt = 1;; ++attempt) {
    const std::string token = s.token(context.stop);
    const auto reservation =
        s.acquire(cost, context, std::min(context.patience, std::max(left(), milliseconds{0})));
    const std::string id = State::prepare(http, token);
    http.timeout = std::clamp(left(), milliseconds{1}, s.options.request_timeout);
    State::count(s.http_total, context.usage, &Usage::http);
    s.count_request(cost, context.usage);
    const http_client::Response raw = s.exchange(http, read, context.stop);
    Answer answer = read_answer(raw, s.clock.wall());
    Response& response = answer.response;
    s.governor.settle(reservation, actual_of(cost, answer));
    s.governor.observe_percentage(answer.throttle.percentage);
    if (!response.ok()) State::log_failure(request.method, request.url, answer, raw, id);

    if (response.status == 401) {
      if (refreshed)
        throw Error(Fault::denied, "graph_not_permitted",
                    "Microsoft Graph refuses even a fresh token (request-id " + response.request_id + ")");
      refreshed = true;
      s.drop_token(token, raw);
      --attempt;
      continue;
    }
    const bool throttled = response.status == 429;
    if (throttled) {
      State::count(s.throttled_total, context.usage, &Usage::throttled);
      s.governor.apply_pause(pause_after(answer, attempt));
    }
    // A write that never left is as good as not tried; any other is sent once.
    const bool repeatable = read || (raw.status == 0 && !raw.sent);
    if (!repeatable || !worth_repeating(response.status)) return std::move(response);
    if (context.stop.stop_requested()) throw unavailable("stopped");
    const std::string last =
        response.status == 0 ? response.error_message : "HTTP " + std::to_string(response.status);
    if (attempt >= s.options.read_attempts_max) {
      if (throttled)
        throw Error(Fault::throttled, "throttled", "Microsoft Graph keeps asking for a pause",
                    pause_after(answer, 1));
      throw unavailable("no usable answer after " + std::to_string(attempt) + " attempts; the last: " + last);
    }
    if (throttled) continue;                         // the governor holds us back, with everybody else
    http.fresh_connection = response.status == 503;  // best-practices-concept: 503 over a new connection
    const milliseconds delay = std::max(backoff.delay(attempt, crypto::random_unit()),
                                        response.retry_after.value_or(milliseconds{0}));
    if (response.retry_after && delay > context.patience)
      throw Error(Fault::throttled, "throttled", "Microsoft Graph asked to come back later", delay);
    if (delay >= left()) throw unavailable("no usable answer in time; the last: " + last);
    std::unique_lock lock(s.mutex);
    wait_until(s.clock, lock, s.changed, context.stop, s.clock.steady() + delay, [] { return false; });
    if (context.stop.stop_requested()) throw unavailable("stopped");
  }
}

void Client::State::send_batch(const std::shared_ptr<BatchCall>& call) {
  const std::string id = prepare(call->http, call->token);
  count(http_total, call->usage, &Usage::http);
  transport.start(call->http, [this, call, id](http_client::Response raw) {
    auto http = std::make_shared<http_client::Response>(std::move(raw));
    const std::lock_guard lock(mutex);
    tasks.emplace_back([this, call, id, http] { end_batch(call, *http, id); });
    changed.notify_all();
  });
}

void Client::State::end_batch(const std::shared_ptr<BatchCall>& call, const http_client::Response& http,
                              const std::string& id) {
  if (http.status == 401 && !call->refreshed) {
    call->refreshed = true;
    drop_token(call->token, http);
    try {
      call->token = token(call->stop);
      // Under the same reservation: no part of a refused envelope was run.
      return send_batch(call);
    } catch (const std::exception& error) {
      log::warn("graph_token_renewal_failed", log::describe(error));
    }
  }
  std::vector<Answer> answers = read_batch(http, call->requests.size(), clock.wall());
  std::vector<Response> responses;
  responses.reserve(answers.size());
  Cost actual{0, 0};
  milliseconds pause{0};
  double percentage = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer& answer = answers[i];
    const Cost part = actual_of(call->costs[i], answer);
    actual.resource_units += part.resource_units;
    actual.writes += part.writes;
    percentage = std::max(percentage, answer.throttle.percentage);
    if (!answer.response.ok()) log_failure(call->requests[i].method, call->requests[i].url, answer, http, id);
    if (answer.response.status == 429) {
      if (http.status != 429 || i == 0)
        count(throttled_total, call->usage, &Usage::throttled);  // a refused envelope is one answer
      pause = std::max(pause, pause_after(answer, 1));           // the longest of the parts (json-batching)
    }
    responses.push_back(answer.response);
  }
  governor.settle(call->reservation, actual);
  governor.observe_percentage(percentage);
  governor.apply_pause(pause);
  try {
    call->done(std::move(responses));
  } catch (const std::exception& error) {
    log::error("graph_callback_failed", log::describe(error));
  }
  call->done = nullptr;  // what it holds goes before we may be destroyed
  const std::lock_guard lock(mutex);
  --batches;
  changed.notify_all();
}

void Client::start_batch(const std::vector<Request>& requests, const CallContext& context,
                         std::function<void(std::vector<Response>)> done) {
  State& s = *state_;
  if (requests.empty() || requests.size() > batch_parts_max)
    throw std::invalid_argument("a batch takes 1 to 20 requests");
  auto call = std::make_shared<BatchCall>();
  call->requests = requests;
  call->usage = context.usage;
  call->stop = context.stop;
  call->done = std::move(done);
  Cost cost{0, 0};
  for (const Request& request : requests) {
    call->costs.push_back(cost_of(request.method, request.url));
    // Batching saves round trips, not quota (throttling).
    cost.resource_units += call->costs.back().resource_units;
    cost.writes += call->costs.back().writes;
  }
  call->http = s.http_of("POST", "/$batch", context.priority);
  call->http.headers.emplace_back("Content-Type", "application/json");
  call->http.body = dump(batch_envelope(requests, context.priority));
  call->http.timeout = std::clamp(context.deadline, milliseconds{1}, s.options.request_timeout);
  call->token = s.token(context.stop);
  call->reservation = s.acquire(cost, context, std::min(context.patience, context.deadline));
  for (const Cost& part : call->costs)
    s.count_request(part, context.usage);
  {
    const std::lock_guard lock(s.mutex);
    ++s.batches;
  }
  s.send_batch(call);
}

std::vector<Response> Client::batch(const std::vector<Request>& requests, const CallContext& context) {
  struct Pending {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<std::vector<Response>> responses;
  };
  const auto pending = std::make_shared<Pending>();
  start_batch(requests, context, [pending](std::vector<Response> responses) {
    const std::lock_guard lock(pending->mutex);
    pending->responses = std::move(responses);
    pending->changed.notify_all();
  });
  std::unique_lock lock(pending->mutex);
  pending->changed.wait(lock, [&] { return pending->responses.has_value(); });
  return std::move(*pending->responses);
}

std::string Client::version_root() const {
  return state_->options.root + "/" + state_->options.version;
}

}  // namespace rollcall::graph
