#pragma once
#include "common/http_server/server.h"
#include "ops/sandbox/graph/directory.h"
#include "ops/sandbox/graph/keys.h"
#include "ops/sandbox/graph/office.h"
#include "ops/sandbox/graph/throttle.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace rollcall::sandbox_graph {

struct Settings {
  std::optional<std::string> tenant, client_id, client_secret;  ///< nothing: any is accepted
  std::optional<Certificate> certificate;              ///< nothing: an assertion's signature is not looked at
  std::vector<std::string> redirect_uris;              ///< empty: any absolute one
  std::optional<std::string> app_id_uri;               ///< of the app's own API, besides api://{client id}
  int api_token_version = 2;                           ///< accessTokenAcceptedVersion of that API
  std::string public_url;                              ///< empty: by each request's Host
  std::chrono::milliseconds lag{0};                    ///< reads see changes this much later
  std::optional<std::chrono::seconds> token_lifetime;  ///< nothing: random, 60 to 90 min
  std::chrono::hours delta_lifetime{24 * 7};
  std::optional<double> units_limit;  ///< per 10 s; nothing: by the number of users, as Microsoft does
  double writes_limit = 3000;         ///< per 150 s
};

/// What goes wrong on purpose; all rates in [0, 1].
struct Faults {
  double rate = 0;             ///< a request or part answers with one of `status`, not applied
  double applied_rate = 0;     ///< the same, but it was applied
  double envelope_rate = 0;    ///< a whole batch answers with one of `status`, nothing of it applied
  double token_rate = 0;       ///< the token endpoint answers with one of `status`
  double token_cut_rate = 0;   ///< it gives tokens, then the connection closes without an answer
  double short_page_rate = 0;  ///< a page holds fewer items than asked for
  std::string sign_in_error;   ///< what every sign-in ends with, such as access_denied; empty: none
  std::vector<int> status{503};
  double cut_after_write_rate = 0;  ///< applied, then the connection closes without an answer
  double drop_part_rate = 0;        ///< applied, but missing from the batch's answer
  double page_fail_rate = 0;        ///< a page after the first answers 503
  int subscriptions = 0;  ///< creating and renewing subscriptions answers with that; 0: as it should be
  /// A second subscription of a kind is not refused, as it was observed of the service in 2025 and 2026.
  bool duplicate_subscriptions = false;
  int patch_503_above = -1;  ///< PATCH parts of a batch beyond this many answer 503; -1: no limit
  /// What is asked of one of these groups is refused with its status, and listings leave it out.
  std::map<Uuid, int> groups;
};

struct Stats {
  long http = 0, batches = 0, tokens = 0;
  long reads = 0, writes = 0, throttled = 0, unauthorized = 0, faults = 0;
  long members_added = 0, members_removed = 0, users_removed = 0;
  long mailbox_at_once_max = 0, mailbox_throttled = 0, downloads = 0, invitations = 0;
  double units = 0;
  std::map<std::string, long> operations;
  std::set<std::string> groups_touched;
};

/// What a delta link asks about. Shared by all links of one chain of rounds.
struct DeltaQuestion {
  std::vector<Uuid> groups;  ///< of the filter, in its order
  bool all = false;          ///< no filter: every group there is
  std::string select;
};

struct DeltaToken {
  std::shared_ptr<const DeltaQuestion> question;
  Version from = 0, to = 0;  ///< a round reports (from, to]
  bool initial = false;      ///< full state instead of changes
  bool page = false;         ///< a nextLink's token: `group` and `at` say where
  std::size_t group = 0, at = 0;
  std::shared_ptr<const std::vector<MemberChange>> changes;  ///< of that group, where it spans pages
  WallTime issued{};
};

struct AuthorizationCode {
  std::string client, redirect_uri, challenge, challenge_method, scope, nonce;
  Uuid user;
  WallTime issued{};
  bool redeemed = false;
};

struct RefreshToken {
  std::string client, scope, nonce;
  Uuid user;
  WallTime issued{};
};

/// How a person's refresh tokens come to their end.
enum class Revocation {
  sessions,  ///< password changed, or an administrator revoked the sessions
  consent,   ///< consent to the app was withdrawn
  policy     ///< a policy wants another sign-in, with a second factor
};
struct Revoked {
  WallTime until{};  ///< those issued until then
  Revocation how{};
};

struct Subscription {
  Uuid id;
  std::string resource, change_type, url, lifecycle_url, client_state;
  WallTime expires_at{};
  bool warned = false;  ///< reauthorizationRequired was sent
};

struct Entra {
  std::vector<SigningKey> keys;  ///< the last one signs; all are published
  std::unordered_map<std::string, AuthorizationCode> codes;
  std::unordered_map<std::string, RefreshToken> refresh_tokens;
  std::unordered_map<std::string, WallTime> assertions;  ///< jti → when it may be forgotten
  std::unordered_map<Uuid, Revoked> revoked;
};

/// The app's registration, and what an administrator granted it.
struct Application {
  std::vector<std::string> permissions{"Group.ReadWrite.All", "GroupMember.ReadWrite.All", "User.Read.All"};
  Json secrets = Json::array(), certificates = Json::array();
};

/// One POST to a subscriber.
struct Notification {
  std::string url, body;
};

struct State {
  Settings settings;
  Faults faults;
  Stats stats;
  Directory directory;
  Application application;
  Throttle throttle;
  Entra entra;
  std::unordered_map<std::string, WallTime> tokens;         ///< bearer → end, those for Graph
  std::unordered_map<std::string, Delegation> delegations;  ///< bearer → whom it speaks for, if anybody
  Office office;
  std::unordered_map<std::string, DeltaToken> deltas;
  std::size_t deltas_swept_at = 4096;  ///< so many, and those that expired are dropped
  std::string delta_loss;              ///< "" or how older delta tokens fail: "gone", "sync_state_not_found"
  WallTime delta_lost_before{};
  std::vector<Subscription> subscriptions;
  std::size_t notified = 0;  ///< of the directory's log: subscribers were told of all before
  std::vector<Notification> outgoing;
  std::string handshake_failure;  ///< what came of the handshake for the request in hand; empty: it was fine
  std::mt19937_64 random{1};
};

double chance(State& state);
std::string random_uuid(State& state);
Version visible(const State& state, WallTime now);

}  // namespace rollcall::sandbox_graph
