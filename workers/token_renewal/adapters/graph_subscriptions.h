#pragma once
#include "common/core/clock.h"
#include "common/graph/client.h"
#include "workers/token_renewal/core/subscriptions.h"

#include <optional>
#include <string>
#include <vector>

/// /subscriptions at Microsoft Graph. All of them throw Error where Graph is away or throttles (transient,
/// throttled), and as graph::Client does; any other answer is returned as it is.
namespace rollcall::token_renewal {

/// Those of this app, of all pages. Nothing where Graph refused, which is then in `refused`.
std::optional<std::vector<Listed>> list_subscriptions(graph::Client& client, const graph::CallContext& call,
                                                      graph::Response& refused);

/// 201 with the subscription; the handshake with our hook has been made by then.
graph::Response create_subscription(graph::Client& client, const graph::CallContext& call,
                                    const std::string& url, const std::string& client_state,
                                    WallTime expires_at);
/// 200 with the subscription; 404 where it is gone.
graph::Response renew_subscription(graph::Client& client, const graph::CallContext& call, const Uuid& id,
                                   WallTime expires_at);
/// 204; 404 where it was gone already.
graph::Response delete_subscription(graph::Client& client, const graph::CallContext& call, const Uuid& id);

/// Nothing where it is none.
std::optional<Listed> read_subscription(const Json& body);

}  // namespace rollcall::token_renewal
