#include "common/auth/authenticator.h"

#include "common/auth/key_ring.h"
#include "common/auth/token_cache.h"
#include "common/core/waiting.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"

#include <algorithm>
#include <optional>
#include <thread>

namespace rollcall::auth {
namespace {

/// What the caller reads, whatever the log says.
Problem told(const Problem& problem) {
  if (problem.code == "token_missing") return {"token_missing", "This request needs an access token."};
  if (problem.code == "keys_not_available")
    return {"keys_not_available", "Access tokens cannot be verified at the moment."};
  return {"token_invalid", "The access token is not valid here."};
}

bool is_authorization(std::string_view name) {
  constexpr std::string_view wanted = "authorization";
  return std::ranges::equal(name, wanted,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

}  // namespace

struct Authenticator::State {
  const Settings settings;
  const Clock& clock;
  metrics::Counter& verified;
  metrics::Counter& cached;
  metrics::Counter& refused;
  metrics::Counter& undecided;
  TokenCache cache;
  KeyRing keys;
  std::jthread refresher;  // last: it uses all of the above

  State(Settings given, http_client::Transport& transport, const Clock& given_clock,
        metrics::Registry& registry)
      : settings(std::move(given)),
        clock(given_clock),
        verified(counter(registry, "verified")),
        cached(counter(registry, "cached")),
        refused(counter(registry, "refused")),
        undecided(counter(registry, "undecided")),
        keys(transport, clock,
             {settings.authority, settings.tenant_id,
              issuer_of(settings.policy.issuer_v2, settings.tenant_id)},
             registry) {
    keys.refresh_if_due();
    refresher = std::jthread([this](const std::stop_token& stop) {
      while (pause(std::chrono::seconds{1}, stop))
        keys.refresh_if_due();
    });
  }

  static metrics::Counter& counter(metrics::Registry& registry, const std::string& result) {
    return registry.counter("rollcall_tokens_total", "Access tokens that callers sent, by what came of them",
                            {{"result", result}});
  }

  void refuse(const Problem& problem, const std::string& kid, const OnDone& done) {
    const bool open = problem.code == "keys_not_available";
    (open ? undecided : refused).add();
    Json fields{{"code", problem.code}, {"why", problem.message}};
    if (!kid.empty()) fields["kid"] = kid;
    log::info("token_refused", fields);
    done(unexpected(told(problem)));
  }

  /// Who sent a token that was verified before and would be verified again.
  std::optional<Caller> remembered(const std::string& hash, WallTime now) {
    auto entry = cache.find(hash);
    if (!entry) return std::nullopt;
    // Before verified_at the clock was set back, and nbf may lie ahead again.
    const bool good = keys.in_memory(entry->key->kid) == entry->key && now >= entry->verified_at &&
                      now < entry->caller.expires_at + settings.policy.skew;
    if (good) return std::move(entry->caller);
    cache.erase(hash);
    return std::nullopt;
  }

  void check(const UnverifiedToken& token, const KeyRing::Found& key, const std::string& hash,
             const OnDone& done) {
    const WallTime now = clock.wall();
    auto caller = verify(token, *key, settings.policy, now);
    if (!caller) return refuse(caller.error(), token.kid, done);
    verified.add();
    cache.put(hash, {*caller, key, now});
    done(std::move(caller));
  }
};

Authenticator::Authenticator(Settings settings, http_client::Transport& transport, const Clock& clock,
                             metrics::Registry& registry)
    : state_(std::make_unique<State>(std::move(settings), transport, clock, registry)) {}
Authenticator::~Authenticator() = default;

void Authenticator::authenticate(std::string_view authorization_header, OnDone done) {
  State& s = *state_;
  const auto compact = bearer_token(authorization_header);
  if (!compact) return s.refuse(compact.error(), {}, done);
  if (compact->size() > token_bytes_max) return s.refuse(parse(*compact).error(), {}, done);
  std::string hash = crypto::sha256(*compact);
  if (auto caller = s.remembered(hash, s.clock.wall())) {
    s.cached.add();
    return done(std::move(*caller));
  }
  auto token = parse(*compact);
  if (!token) return s.refuse(token.error(), {}, done);
  const std::string kid = token->kid;
  s.keys.find(kid, [&s, token = std::move(*token), hash = std::move(hash),
                    done = std::move(done)](const Result<KeyRing::Found>& key) {
    if (key) return s.check(token, *key, hash, done);
    s.refuse(key.error(), token.kid, done);
  });
}

void Authenticator::authenticate(const std::vector<std::pair<std::string, std::string>>& headers,
                                 OnDone done) {
  const auto named = [](const auto& header) { return is_authorization(header.first); };
  const auto count = std::ranges::count_if(headers, named);
  if (count > 1)
    return state_->refuse({"token_invalid", "the request has more than one Authorization header"}, {}, done);
  const auto found = std::ranges::find_if(headers, named);
  authenticate(found == headers.end() ? std::string_view{} : std::string_view(found->second),
               std::move(done));
}

void Authenticator::identify(std::string_view id_token, const std::string& client_id,
                             const std::string& nonce, OnSignedIn done) {
  State& s = *state_;
  const auto refuse = [&s](const Problem& problem, const std::string& kid, const OnSignedIn& refused) {
    (problem.code == "keys_not_available" ? s.undecided : s.refused).add();
    log::info("id_token_refused", {{"code", problem.code}, {"why", problem.message}, {"kid", kid}});
    refused(unexpected(told(problem)));
  };
  auto token = parse(id_token);
  if (!token) return refuse(token.error(), {}, done);
  const std::string kid = token->kid;
  s.keys.find(kid, [&s, refuse, client_id, nonce, token = std::move(*token),
                    done = std::move(done)](const Result<KeyRing::Found>& key) {
    if (!key) return refuse(key.error(), token.kid, done);
    auto person = verify_id_token(token, **key, s.settings.policy, client_id, nonce, s.clock.wall());
    if (!person) return refuse(person.error(), token.kid, done);
    s.verified.add();
    done(std::move(person));
  });
}

bool Authenticator::ready() const {
  return state_->keys.ready();
}

std::string Authenticator::why_not_ready() const {
  return state_->keys.why_not_ready();
}

}  // namespace rollcall::auth
