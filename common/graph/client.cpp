#include "common/graph/client.h"

#include "common/core/backoff.h"
#include "common/graph/client_state.h"

#include <stdexcept>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest = std::chrono::hours{24};

Cost actual_of(const Cost& estimated, const Answer& answer) {
  return {answer.throttle.resource_units.value_or(estimated.resource_units), estimated.writes};
}

/// 429, and 503 where it says for how long: both count as use while they last (throttling, SharePoint's
/// page).
bool asks_for_pause(const Response& response) {
  return response.status == 429 || (response.status == 503 && response.retry_after);
}

}  // namespace

Client::Client(http_client::Transport& transport, TokenSource& tokens, Governor& governor, const Clock& clock,
               Options options, metrics::Registry& metrics)
    : state_(std::make_unique<State>(transport, &tokens, &governor, clock, std::move(options), metrics)) {}
Client::Client(http_client::Transport& transport, const Clock& clock, Options options,
               metrics::Registry& metrics)
    : state_(std::make_unique<State>(transport, nullptr, nullptr, clock, std::move(options), metrics)) {}
Client::~Client() = default;

Response Client::send(const Request& request, const CallContext& context) {
  State& s = *state_;
  const auto deadline = s.clock.steady() + std::clamp(context.deadline, milliseconds{0}, longest);
  const auto left = [&] { return std::chrono::ceil<milliseconds>(deadline - s.clock.steady()); };
  const Cost cost = cost_of(request.method, request.url);
  const bool read = cost.writes <= 0;
  Governor& governor = s.governor_of(context);
  const Backoff backoff{milliseconds{500}, std::chrono::seconds{30}};
  http_client::Request http = s.http_of(request.method, request.url, context.priority);
  http.headers.insert(http.headers.end(), request.headers.begin(), request.headers.end());
  if (request.body) {
    http.body = dump(*request.body);
    http.headers.emplace_back("Content-Type", "application/json");
  }
  bool refreshed = false;
  for (int attempt = 1;; ++attempt) {
    const std::string token = s.token_for(context);
    const auto reservation =
        s.acquire(cost, context, std::min(context.patience, std::max(left(), milliseconds{0})));
    const std::string id = State::prepare(http, token);
    http.timeout = std::clamp(left(), milliseconds{1}, s.options.request_timeout);
    State::count(s.http_total, context.usage, &Usage::http);
    s.count_request(cost, context.usage);
    const http_client::Response raw = s.exchange(http, read, context.stop);
    s.tell_breaker(raw);
    Answer answer = read_answer(raw, s.clock.wall());
    Response& response = answer.response;
    governor.settle(reservation, actual_of(cost, answer));
    governor.observe_percentage(answer.throttle.percentage);
    if (!response.ok() && response.location.empty())
      State::log_failure(request.method, request.url, answer, raw, id);

    const bool denied =
        response.status == 403 && context.renew_when_denied && !refreshed && s.worth_renewing();
    if (response.status == 401 || denied) {
      if (refreshed)
        throw Error(Fault::denied, "graph_not_permitted",
                    "Microsoft Graph refuses even a fresh token (request-id " + response.request_id + ")");
      refreshed = true;
      s.drop_token(token, raw, context.on_behalf);
      --attempt;
      continue;
    }
    const bool throttled = response.status == 429;
    if (throttled) State::count(s.throttled_total, context.usage, &Usage::throttled);
    if (asks_for_pause(response)) governor.apply_pause(pause_after(answer, attempt));
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
  tell_breaker(http);
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
    }
    if (asks_for_pause(answer.response))
      pause = std::max(pause, pause_after(answer, 1));  // the longest of the parts (json-batching)
    responses.push_back(answer.response);
  }
  governor().settle(call->reservation, actual);
  governor().observe_percentage(percentage);
  governor().apply_pause(pause);
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
