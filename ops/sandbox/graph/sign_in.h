#pragma once
#include "ops/sandbox/graph/state.h"

namespace rollcall::sandbox_graph {

/// GET /{tenant}/oauth2/v2.0/authorize. Nobody is asked: whom `login_hint` names signs in and consents, or
/// the first user there is.
http_server::Response authorize(const http_server::Request& request, State& state, const std::string& tenant,
                                WallTime now);
/// GET /{tenant}/v2.0/adminconsent: granted at once.
http_server::Response admin_consent(const http_server::Request& request, State& state,
                                    const std::string& tenant, WallTime now);

}  // namespace rollcall::sandbox_graph
