#include "common/auth/key_ring.h"

#include "common/core/backoff.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace rollcall::auth {
namespace {

using namespace std::chrono_literals;

constexpr auto refresh_every = 1h;
constexpr auto key_lifetime = 24h;  // after the authority last named it
constexpr auto on_demand_every = 5min;
constexpr auto unknown_lifetime = 15min;
constexpr std::size_t unknown_max = 1024;
constexpr std::size_t waiters_max = 1024;
constexpr Backoff retry{.base = 1s, .cap = 5min};
constexpr auto request_timeout = 10s;
constexpr std::size_t response_bytes_max = std::size_t{1024} * 1024;

/// Names of keys that the authority lately did not have. The oldest go first.
class UnknownKeys {
 public:
  [[nodiscard]] bool contains(const std::string& kid, SteadyTime now) const {
    const auto found = until_.find(kid);
    return found != until_.end() && now < found->second;
  }
  void add(const std::string& kid, SteadyTime now) {
    if (!until_.insert_or_assign(kid, now + unknown_lifetime).second) return;
    order_.push_back(kid);
    if (order_.size() <= unknown_max) return;
    until_.erase(order_.front());
    order_.pop_front();
  }

 private:
  std::map<std::string, SteadyTime> until_;
  std::deque<std::string> order_;
};

/// The body of a complete answer, or why it is none. Redirects are not followed: the keys are where the
/// configuration says.
Result<std::string> body_of(http_client::Response response, const char* what) {
  const auto refused = [&](const std::string& why) {
    return unexpected(Problem{"keys_not_available", std::string(what) + " " + why});
  };
  if (response.status == 0) return refused("did not come: " + response.error);
  if (response.status >= 300 && response.status < 400)
    return refused("was redirected, which is not followed");
  if (response.status != 200) return refused("answered HTTP " + std::to_string(response.status));
  if (response.body.size() > response_bytes_max) return refused("is too large");
  return std::move(response.body);
}

}  // namespace

struct KeyRing::State : std::enable_shared_from_this<State> {
  struct Held {
    Found key;
    SteadyTime named_at;
  };
  struct Waiter {
    std::string kid;
    OnFound done;
  };

  http_client::Transport& transport;
  const Clock& clock;
  const Options options;
  metrics::Counter& fetched;
  metrics::Counter& failed;
  metrics::Gauge& held;

  mutable std::mutex mutex;  // guards all below
  std::condition_variable idle;
  std::map<std::string, Held> keys;
  UnknownKeys unknown;
  std::vector<Waiter> waiters;
  bool fetching = false;
  bool closed = false;
  int answering = 0;  // threads in settle(), which the destructor waits for
  int failures = 0;   // in a row
  std::string last_failure = "they were not asked for yet";
  SteadyTime due{};  // at once
  std::optional<SteadyTime> started_at;

  State(http_client::Transport& given_transport, const Clock& given_clock, Options given,
        metrics::Registry& registry)
      : transport(given_transport),
        clock(given_clock),
        options(std::move(given)),
        fetched(counter(registry, "fetched")),
        failed(counter(registry, "failed")),
        held(registry.gauge("rollcall_signing_keys", "Signing keys of the authority in memory")) {}

  static metrics::Counter& counter(metrics::Registry& registry, const std::string& result) {
    return registry.counter("rollcall_signing_key_fetches_total", "Times the authority's keys were asked for",
                            {{"result", result}});
  }

  // ---- under the lock

  [[nodiscard]] Found live(const std::string& kid, SteadyTime now) const {
    const auto found = keys.find(kid);
    return found != keys.end() && now < found->second.named_at + key_lifetime ? found->second.key : nullptr;
  }
  [[nodiscard]] bool any_live(SteadyTime now) const {
    return std::ranges::any_of(keys,
                               [&](const auto& one) { return now < one.second.named_at + key_lifetime; });
  }
  /// Whether an unknown kid is reason enough to ask the authority now.
  [[nodiscard]] bool may_ask_for(const std::string& kid, SteadyTime now) const {
    if (!any_live(now)) return now >= due;
    return !unknown.contains(kid, now) && now >= *started_at + on_demand_every;
  }
  [[nodiscard]] Problem without(const std::string& kid, SteadyTime now) const {
    const bool known_not_to_exist = any_live(now) && (unknown.contains(kid, now) || failures == 0);
    if (known_not_to_exist) return {"token_invalid", "the authority has no key with its kid"};
    return {"keys_not_available", last_failure};
  }
  void begin(SteadyTime now) {
    fetching = true;
    started_at = now;
  }
  void take_over(std::vector<Key> given, SteadyTime now) {
    for (Key& key : given) {
      Held& place = keys[key.kid];
      // The same key stays the same object: tokens verified by it stay verified.
      const bool same = place.key && place.key->material == key.material && place.key->issuer == key.issuer;
      if (!same) place.key = std::make_shared<const Key>(std::move(key));
      place.named_at = now;
    }
    std::erase_if(keys, [&](const auto& one) { return now >= one.second.named_at + key_lifetime; });
    held.set(static_cast<double>(keys.size()));
  }
  void record(Result<std::vector<Key>> given, SteadyTime now) {
    fetching = false;
    if (given) {
      fetched.add();
      log::debug("signing_keys_fetched", {{"keys", given->size()}});
      failures = 0;
      due = now + refresh_every;
      return take_over(std::move(*given), now);
    }
    failed.add();
    last_failure = given.error().message;
    ++failures;
    due = now + retry.delay(failures, crypto::random_unit());
    log::warn("signing_keys_not_fetched", {{"why", last_failure}, {"authority", options.authority}});
  }

  // ---- without it: the transport may answer within start()

  void get(std::string url, const char* what, std::function<void(Result<std::string>)> then) {
    http_client::Request request;
    request.url = std::move(url);
    request.headers = {{"Accept", "application/json"}};
    request.timeout = request_timeout;
    request.response_bytes_max = response_bytes_max;
    transport.start(std::move(request), [what, then = std::move(then)](http_client::Response response) {
      then(body_of(std::move(response), what));
    });
  }

  void fetch() {
    const std::string root = options.authority + "/" + options.tenant_id;
    get(root + "/v2.0/.well-known/openid-configuration", "the discovery document",
        [self = shared_from_this()](Result<std::string> body) {
          const auto where = body.and_then([&](const std::string& text) {
            return read_discovery(text, self->options.issuer, self->options.authority);
          });
          if (where) return self->fetch_keys(*where);
          self->settle(unexpected(where.error()));
        });
  }

  void fetch_keys(const std::string& url) {
    get(url, "the key set", [self = shared_from_this()](Result<std::string> body) {
      self->settle(body.and_then([](const std::string& text) { return read_key_set(text); }));
    });
  }

  /// Takes over what came and answers those who waited for it.
  void settle(Result<std::vector<Key>> given) {
    std::vector<std::pair<OnFound, Result<Found>>> answers;
    std::unique_lock lock(mutex);
    if (closed) return;
    ++answering;
    const auto now = clock.steady();
    record(std::move(given), now);
    for (Waiter& waiter : std::exchange(waiters, {})) {
      Found key = live(waiter.kid, now);
      if (!key && failures == 0) unknown.add(waiter.kid, now);
      answers.emplace_back(std::move(waiter.done),
                           key ? Result<Found>(std::move(key)) : unexpected(without(waiter.kid, now)));
    }
    lock.unlock();
    for (auto& [done, answer] : answers)
      done(std::move(answer));
    answers.clear();
    lock.lock();
    --answering;
    idle.notify_all();
  }
};

KeyRing::KeyRing(http_client::Transport& transport, const Clock& clock, Options options,
                 metrics::Registry& registry)
    : state_(std::make_shared<State>(transport, clock, std::move(options), registry)) {}

KeyRing::~KeyRing() {
  std::vector<State::Waiter> dropped;  // destroyed without the lock: what they hold may be anything
  std::unique_lock lock(state_->mutex);
  state_->closed = true;
  dropped.swap(state_->waiters);
  state_->idle.wait(lock, [this] { return state_->answering == 0; });
}

KeyRing::Found KeyRing::in_memory(const std::string& kid) const {
  const std::lock_guard lock(state_->mutex);
  return state_->live(kid, state_->clock.steady());
}

void KeyRing::find(const std::string& kid, OnFound done) {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  const auto now = s.clock.steady();
  if (auto key = s.live(kid, now)) {
    lock.unlock();
    return done(std::move(key));
  }
  const bool asks = !s.fetching && s.may_ask_for(kid, now);
  const bool waits =
      (asks || (s.fetching && !s.unknown.contains(kid, now))) && s.waiters.size() < waiters_max;
  if (!waits) {
    const Problem problem = s.without(kid, now);
    lock.unlock();
    return done(unexpected(problem));
  }
  s.waiters.push_back({kid, std::move(done)});
  if (!asks) return;
  s.begin(now);
  lock.unlock();
  s.fetch();
}

void KeyRing::refresh_if_due() {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  const auto now = s.clock.steady();
  if (s.fetching || now < s.due) return;
  s.begin(now);
  lock.unlock();
  s.fetch();
}

bool KeyRing::ready() const {
  const std::lock_guard lock(state_->mutex);
  return state_->any_live(state_->clock.steady());
}

std::string KeyRing::why_not_ready() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->any_live(state_->clock.steady())) return {};
  return "no signing keys of " + state_->options.authority + ": " + state_->last_failure;
}

}  // namespace rollcall::auth
