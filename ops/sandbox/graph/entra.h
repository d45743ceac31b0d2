#pragma once
#include "common/core/json.h"
#include "common/core/result.h"
#include "ops/sandbox/graph/state.h"

namespace rollcall::sandbox_graph {

/// Discovery, keys, sign-in and the token endpoint.
http_server::Response entra(const http_server::Request& request, State& state, WallTime now);

/// POST /sandbox/token: a token for the app's own API, whatever it should say. Fields, all optional: user (id
/// or userPrincipalName; default the first there is), app (true: no user), scopes, roles, audience, tenant,
/// client_id, proof ("0", "1", "2"), version (1, 2), lifetime_s (may be negative), claims (set last; null
/// removes one). Nothing with a Problem where a field makes no sense.
Result<Json> mint_token(const http_server::Request& request, State& state, const Json& input, WallTime now);

}  // namespace rollcall::sandbox_graph
