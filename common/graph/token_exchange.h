#pragma once
#include "common/core/clock.h"
#include "common/core/error.h"
#include "common/graph/token_source.h"
#include "common/http_client/client.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The token endpoint (oauth2/v2.0/token), whatever is exchanged there: how a request is made, and what an
/// answer means.
namespace rollcall::graph {

using FormFields = std::vector<std::pair<std::string, std::string>>;

/// With the client id and the proof of who the app is: secret, or an assertion made anew for each request, as
/// its jti must not repeat (certificate-credentials).
http_client::Request token_request(const Credentials& credentials, const std::string& grant,
                                   const FormFields& fields, WallTime now);

struct TokenAnswer {
  std::string access_token, refresh_token, id_token;
  std::string scope;  ///< what was granted, as the endpoint words it
  std::chrono::seconds lifetime{};
};
/// Nothing where the answer holds no access token.
std::optional<TokenAnswer> read_token_answer(const http_client::Response& response);

/// Why there is no token. `error`'s fault: config, transient or throttled (then with retry_after).
struct TokenRefusal {
  Error error;
  std::string name;      ///< "invalid_grant"; empty where the endpoint did not say
  std::string suberror;  ///< "bad_token", "consent_required", …
  int number = 0;        ///< AADSTS…
};
TokenRefusal read_token_refusal(const http_client::Response& response, WallTime now);

}  // namespace rollcall::graph
