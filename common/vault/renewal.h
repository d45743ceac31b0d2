#pragma once
#include "common/core/ids.h"
#include "common/postgres/postgres.h"

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

/// Renewal of what people granted, for the token-renewal worker and for whoever needs a token now.
///
/// The worker's whole job: every so often due_grants(), and for each of them Renewer::refresh(), as many at
/// once as it likes, in as many processes as it likes. Everything that must be remembered (when to try again,
/// who is at it, that the person must reconnect, the finding about it) is written by refresh() itself; the
/// outcome is for counting and logging.
namespace rollcall::vault {

/// Grants whose renewal is due, the most overdue first, without those that somebody is renewing. A grant in
/// use is due before its access token ends; an unused one once a day, so that a revocation is noticed and the
/// refresh token does not lapse (90 days).
std::vector<Uuid> due_grants(postgres::Database& database, long limit);

enum class When {
  due,       ///< its time has come: what the worker asks for
  expiring,  ///< its access token ends within minutes, and no failure says to wait
  now        ///< whatever it is
};

enum class Refreshed {
  renewed,    ///< new tokens are saved
  not_due,    ///< somebody else renewed it meanwhile, or it is no longer connected
  busy,       ///< somebody else is at it; nothing to do
  postponed,  ///< Entra ID is down or throttles: due again after `retry_after`, by itself
  refused,    ///< Entra ID refuses the app (secret, client id, scopes): an operator must act; due again later
  reconnect,  ///< the grant is over (invalid_grant and its kin): state and finding are saved
  unreadable  ///< the key it is sealed under is missing or wrong: an operator must act; due again later
};
const char* to_string(Refreshed refreshed);

struct RefreshOutcome {
  Refreshed refreshed = Refreshed::not_due;
  std::string code = {};     ///< a reason code; empty where all is well
  std::string message = {};  ///< for the log: holds no token and no text of Entra's but its error names
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
  std::chrono::milliseconds asked{};  ///< how long Entra ID took of it
};

class TokenEndpoint;
class Keyring;

/// Refreshes grants, each by one process at a time. Safe from any thread.
///
/// A refresh is: take the row's lease; ask; save under the generation that was read. Dying between the answer
/// and the save loses nothing: Entra ID keeps the old refresh token good, and the lease ends by time. See
/// ops/docs/adr/0014-vault.md.
class Renewer {
 public:
  /// All must outlive it. `instance` names this process in the lease.
  Renewer(postgres::Database& database, TokenEndpoint& endpoint, Keyring& keyring, std::string instance);
  ~Renewer();
  Renewer(const Renewer&) = delete;
  Renewer& operator=(const Renewer&) = delete;

  /// Renews the grant, not before its time. Blocks while Entra ID is asked: two requests of 30 s at the most.
  /// Throws Error{transient} where the database does not answer: the lease then ends by time.
  RefreshOutcome refresh(const Uuid& grant, const std::stop_token& stop, When when = When::due);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::vault
