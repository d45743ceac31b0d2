#include "common/graph/token_source.h"

#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/graph/token_exchange.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Error stopped() {
  return {Fault::transient, "graph_unavailable", "stopped while waiting for a token"};
}

}  // namespace

struct TokenSource::State {
  http_client::Transport& transport;
  const Clock& clock;
  const Credentials credentials;

  std::mutex mutex;  // guards all below
  std::condition_variable_any changed;
  std::string token;
  SteadyTime renew_at{}, expires_at{};
  bool fetching = false;
  std::uint64_t fetches = 0;     // ended, well or not
  std::optional<Error> failure;  // of the last one
  std::optional<Error> hold;     // why nobody calls before hold_until
  SteadyTime hold_until{};

  State(http_client::Transport& given_transport, const Clock& given_clock, Credentials given)
      : transport(given_transport), clock(given_clock), credentials(std::move(given)) {}

  /// Takes over what the endpoint said; throws where it is not a token. Under the lock.
  void accept(const http_client::Response& http, SteadyTime asked_at) {
    auto answer = read_token_answer(http);
    if (!answer) {
      const Error error = read_token_refusal(http, clock.wall()).error;
      if (error.retry_after()) {
        hold = error;
        hold_until = clock.steady() + *error.retry_after();
      }
      throw error;
    }
    token = std::move(answer->access_token);
    expires_at = asked_at + answer->lifetime;
    // Five minutes early, as MSAL does; a shorter life is used by half, or it would be renewed at every call.
    renew_at = answer->lifetime < seconds{600} ? asked_at + milliseconds{answer->lifetime} / 2
                                               : expires_at - seconds{300};
    hold.reset();
  }

  /// One request, and one more after a second on 5xx or silence, as MSAL does; none where a Retry-After was
  /// given.
  void fetch(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
    for (int attempt = 1;; ++attempt) {
      const auto asked_at = clock.steady();
      lock.unlock();
      http_client::Response http;
      try {
        http = transport.send(
            token_request(credentials, "client_credentials", {{"scope", credentials.scope}}, clock.wall()));
      } catch (...) {
        lock.lock();
        throw;
      }
      lock.lock();
      const bool again = (http.status == 0 || http.status >= 500) && http.header("Retry-After").empty();
      if (!again || attempt == 2) return accept(http, asked_at);
      wait_until(clock, lock, changed, stop, clock.steady() + seconds{1}, [] { return false; });
      if (stop.stop_requested()) throw stopped();
    }
  }
};

TokenSource::TokenSource(http_client::Transport& transport, const Clock& clock, Credentials credentials)
    : state_(std::make_unique<State>(transport, clock, std::move(credentials))) {}
TokenSource::~TokenSource() = default;

std::string TokenSource::token(const std::stop_token& stop) {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  for (;;) {
    const auto now = s.clock.steady();
    const bool still_good = !s.token.empty() && now < s.expires_at;
    if (still_good && now < s.renew_at) return s.token;
    if (s.hold && now < s.hold_until) {
      if (still_good) return s.token;  // the five minutes are there for this
      throw Error(s.hold->fault(), s.hold->code(), s.hold->what(),
                  std::chrono::ceil<milliseconds>(s.hold_until - now));
    }
    if (s.fetching) {
      if (still_good) return s.token;
      const auto seen = s.fetches;
      while (s.fetches == seen)
        if (!s.changed.wait(lock, stop, [&] { return s.fetches != seen; })) throw stopped();
      if (s.failure)
        throw Error(*s.failure);  // that request was ours too: no second one for the same question
      continue;
    }
    s.fetching = true;
    s.failure.reset();
    std::exception_ptr thrown;
    try {
      s.fetch(lock, stop);
    } catch (const Error& error) {
      s.failure = error;
      thrown = std::current_exception();
    } catch (...) {
      s.failure = Error(Fault::transient, "graph_unavailable", "the token request could not be made");
      thrown = std::current_exception();
    }
    if (thrown && stop.stop_requested())
      s.failure.reset();  // we were stopped; those who wait beside us were not
    s.fetching = false;
    ++s.fetches;
    s.changed.notify_all();
    if (!thrown) return s.token;
    if (stop.stop_requested() || s.clock.steady() >= s.expires_at || s.token.empty())
      std::rethrow_exception(thrown);
    // The old token still serves; the endpoint is not asked again at every call meanwhile.
    if (!s.hold || s.hold_until < s.clock.steady() + seconds{30}) {
      s.hold = s.failure;
      s.hold_until = s.clock.steady() + seconds{30};
    }
  }
}

void TokenSource::invalidate(const std::string& token) {
  const std::lock_guard lock(state_->mutex);
  if (state_->token == token) state_->token.clear();
}

}  // namespace rollcall::graph
