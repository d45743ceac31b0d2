#pragma once
#include "ops/sandbox/graph/state.h"

#include <optional>
#include <string>
#include <vector>

/// What Entra's tokens say, and the scopes they answer to (access-token-claims-reference).
namespace rollcall::sandbox_graph {

/// An OAuth error. Thrown wherever a token or sign-in request is found wanting, and turned into an answer in
/// one place.
struct Refusal {
  int status;
  const char* error;
  int number;  ///< AADSTS…
  std::string text;
  const char* suberror = nullptr;  ///< what a client can do about it; null: Entra does not say
};

/// "http://host:port" of the sandbox as its callers know it.
std::string public_root(const State& state, const http_server::Request& request);
/// The tenant's GUID, whichever name it was asked by.
std::string tenant_id(const State& state, const std::string& name);
std::string client_id(const State& state);
/// The newest key; makes one where there is none yet.
const SigningKey& signing_key(State& state);

struct Scope {
  std::string resource;  ///< as written; empty where only OpenID's own were asked for
  bool api = false;      ///< the app's own API, not Graph
  std::vector<std::string> permissions;
  bool offline_access = false, openid = false, profile = false, email = false;
};
/// Throws Refusal.
Scope read_scope(const State& state, const std::string& client, const std::string& text);

struct Subject {
  std::string object_id;
  std::string name, upn;  ///< empty: unknown
};
Subject subject_of(const User& user);

struct TokenShape {
  std::string root, tenant, client;
  std::string proof = "1";      ///< azpacr: 0 none, 1 secret, 2 certificate
  std::optional<Subject> user;  ///< nothing: the app itself
  std::string audience;
  std::vector<std::string> scopes, roles;
  int version = 2;
  std::chrono::seconds lifetime{3600};
};
Json access_claims(State& state, const TokenShape& shape, WallTime now);
Json id_claims(State& state, const TokenShape& shape, const std::string& nonce, bool profile, bool email,
               WallTime now);

}  // namespace rollcall::sandbox_graph
