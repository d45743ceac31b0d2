#pragma once
#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/crypto/crypto.h"
#include "common/graph/answers.h"
#include "common/graph/batch_call.h"
#include "common/graph/bearer.h"
#include "common/graph/circuit_breaker.h"
#include "common/graph/client.h"
#include "common/graph/token_source.h"
#include "common/log/log.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

/// What all calls of a client share. Private to client.cpp.
namespace rollcall::graph {

inline bool absolute(const std::string& url) {
  return url.rfind("https://", 0) == 0 || url.rfind("http://", 0) == 0;
}

inline Error unavailable(const std::string& why) {
  return {Fault::transient, "graph_unavailable", "Microsoft Graph: " + why};
}

struct Client::State {
  http_client::Transport& transport;
  TokenSource* const app_tokens;  // null: for people alone
  Governor* const app_governor;
  const Clock& clock;
  const Options options;
  CircuitBreaker breaker;
  metrics::Counter &http_total, &reads_total, &writes_total, &throttled_total, &refused_total;
  metrics::Histogram &interactive_wait, &bulk_wait;
  metrics::Gauge& breaker_state;

  std::mutex mutex;  // guards all below
  std::condition_variable_any changed;
  std::deque<std::function<void()>> tasks;
  int batches = 0;  // begun and not done
  bool closing = false;
  std::optional<SteadyTime> renewed_at;  // because of a 403
  std::thread worker;

  State(http_client::Transport& given_transport, TokenSource* given_tokens, Governor* given_governor,
        const Clock& given_clock, Options given, metrics::Registry& registry)
      : transport(given_transport),
        app_tokens(given_tokens),
        app_governor(given_governor),
        clock(given_clock),
        options(std::move(given)),
        breaker(options.circuit_breaker),
        http_total(requests_of(registry, "http")),
        reads_total(requests_of(registry, "read")),
        writes_total(requests_of(registry, "write")),
        throttled_total(registry.counter("rollcall_graph_throttled_total", "Answers 429 of Microsoft Graph")),
        refused_total(registry.counter("rollcall_graph_circuit_refused_total",
                                       "Calls not made because the circuit breaker was open")),
        interactive_wait(wait_of(registry, "interactive")),
        bulk_wait(wait_of(registry, "bulk")),
        breaker_state(registry.gauge(
            "rollcall_graph_circuit_state", "0 closed, 1 half open, 2 open",
            options.workload.empty() ? metrics::Labels{} : metrics::Labels{{"workload", options.workload}})),
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

  static metrics::Histogram& wait_of(metrics::Registry& registry, const std::string& priority) {
    return registry.histogram("rollcall_graph_quota_wait_seconds", "Time that calls waited for the quota",
                              {0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 150}, {{"priority", priority}});
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

  [[nodiscard]] TokenSource& tokens() const { return of_the_app(app_tokens); }
  [[nodiscard]] Governor& governor() const { return of_the_app(app_governor); }
  template <class Part>
  static Part& of_the_app(Part* part) {
    if (!part) throw std::logic_error("a call for the app with a client for people's calls");
    return *part;
  }

  std::string token(const std::stop_token& stop) {
    try {
      return tokens().token(stop);
    } catch (const Error& error) {
      // At start a refusal is a wrong setting; during a call it means that someone must grant something.
      if (error.code() != "graph_token_refused") throw;
      throw Error(Fault::denied, error.code(), error.what());
    }
  }

  [[nodiscard]] Governor& governor_of(const CallContext& context) const {
    return context.on_behalf ? context.on_behalf->governor : governor();
  }
  std::string token_for(const CallContext& context) {
    return context.on_behalf ? context.on_behalf->bearer.token(context.stop) : token(context.stop);
  }

  /// Room for one call, which must be settled and told to the breaker. Throws where there is none in time.
  std::uint64_t acquire(Cost cost, const CallContext& context, std::chrono::milliseconds patience) {
    std::chrono::milliseconds wait{0};
    const auto begun = clock.steady();
    Governor& pace = governor_of(context);
    const auto id = pace.acquire(cost, context.priority, patience, context.stop, wait, context.organization);
    (context.priority == Priority::interactive ? interactive_wait : bulk_wait)
        .observe(std::chrono::duration<double>(clock.steady() - begun).count());
    if (id) {
      confirm(*id, context, pace);
      admit(*id, pace);
      return *id;
    }
    if (context.stop.stop_requested()) throw unavailable("stopped while waiting for the quota");
    throw Error(Fault::throttled, "throttled",
                "Microsoft Graph's quota is used up or it asked for a pause; the next call can be made in " +
                    std::to_string(wait.count()) + " ms",
                wait);
  }

  void confirm(std::uint64_t reservation, const CallContext& context, Governor& pace) {
    if (!context.before_sending) return;
    try {
      context.before_sending();
    } catch (const std::exception&) {
      pace.settle(reservation, {0, 0});
      throw;
    }
  }

  /// Asked last, when nothing else stands between a call and the wire: a probe let through is made.
  void admit(std::uint64_t reservation, Governor& pace) {
    const auto wait = breaker.refuse(clock.steady());
    show_breaker();
    if (!wait) return;
    pace.settle(reservation, {0, 0});
    refused_total.add();
    // Waiting for a service to come back is no attempt.
    throw Error(Fault::throttled, "graph_unavailable",
                "Microsoft Graph has not answered lately; the next call is made in " +
                    std::to_string(wait->count()) + " ms",
                wait);
  }

  /// Only the answer as a whole counts: a service that judges the parts of a batch is there.
  void tell_breaker(const http_client::Response& http) {
    if (http.status == 0 && http.error == "stopped") {
      breaker.not_made();
    } else if (http.status == 0 || http.status >= 500) {
      breaker.failed(clock.steady(), crypto::random_unit());
    } else {
      breaker.succeeded();
    }
    show_breaker();
  }

  void show_breaker() { breaker_state.set(static_cast<double>(breaker.state(clock.steady()))); }

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

  /// What support asks for (best-practices-concept). Never the body, the query or the words of a search: they
  /// name people.
  static void log_failure(const std::string& method, const std::string& url, const Answer& answer,
                          const http_client::Response& http, const std::string& client_request_id) {
    const std::string path = relative_url(url);
    log::debug("graph_request_failed", {{"method", method},
                                        {"path", path.substr(0, path.find_first_of("?("))},
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
  void drop_token(const std::string& token, const http_client::Response& http,
                  const OnBehalf* on_behalf = nullptr) {
    if (http.header("WWW-Authenticate").find("claims=") != std::string_view::npos)
      log::info("graph_claims_challenge", {{"request_id", std::string(http.header("request-id"))}});
    if (on_behalf) return on_behalf->bearer.invalidate(token);
    tokens().invalidate(token);
  }

  /// Whether a fresh token could answer a 403: one that was fetched for that less than a minute ago holds all
  /// that is granted, and who is denied again and again does not become a burden to the token endpoint.
  bool worth_renewing() {
    const std::lock_guard lock(mutex);
    const auto now = clock.steady();
    if (renewed_at && now - *renewed_at < std::chrono::minutes{1}) return false;
    renewed_at = now;
    return true;
  }

  void send_batch(const std::shared_ptr<BatchCall>& call);
  void end_batch(const std::shared_ptr<BatchCall>& call, const http_client::Response& http,
                 const std::string& id);
};

}  // namespace rollcall::graph
