#pragma once
#include "common/auth/authenticator.h"
#include "common/core/clock.h"
#include "common/metrics/metrics.h"
#include "common/postgres/postgres.h"
#include "common/schema/validator.h"
#include "workers/front/adapters/pool.h"
#include "workers/front/api/call.h"
#include "workers/front/core/rate_limit.h"

#include <memory>
#include <string>
#include <vector>

namespace rollcall::front {

struct PipelineOptions {
  bool microsoft_enabled = true;
  std::string public_root = {};           ///< absolute links begin with it; empty: http://<Host>
  std::vector<std::string> origins = {};  ///< that may call from a browser (CORS); none by default
  std::string resource_metadata =
      {};  ///< path of the protected-resource metadata that a 401 points to; may be empty
  RateLimits rates = {};
  std::string scope = {};         ///< that a person's token must carry; empty: any
  std::string scope_to_ask = {};  ///< as clients ask for it, with the API's URI; empty: as `scope`
};

/// What stands between the socket and the handlers: every check that is the same for all operations, in one
/// order.
///   1. the path and method are known (404, 405)    2. the switch MS_AUTH_ENABLED (404)    3. pace (429)
///   4. who is calling (401), with the scope that is asked of people (403)          5. may they (403, 404)
///   6. the body and query are as declared (400, 413, 415)
///   7. an Idempotency-Key is answered once         8. the handler; what it throws becomes a problem document
/// 5. and what follows is api/execution.h, which calls from inside (api/invoke.h) go through too. What waits
/// for a thread when its caller goes is left.
/// Callable from any thread; itself never blocks.
class Pipeline {
 public:
  struct Parts {
    auth::Authenticator& authenticator;
    postgres::Database& database;
    const schema::Validator& components;  ///< of schemas/openapi
    Pool& pool;
    const Clock& clock;
    metrics::Registry& metrics;
  };
  Pipeline(Routes routes, PipelineOptions options, Parts parts);
  ~Pipeline();

  void serve(http_server::Request request, Respond respond);
  /// The same up to 5., for a request whose large body has not been read yet: answered with body_wanted where
  /// it is worth reading. What is asked here is asked again with the body, and both count for the pace.
  void serve_head(http_server::Request head, Respond respond);
  /// How large a body is worth reading: what the operation takes, and next to nothing where there is none.
  [[nodiscard]] std::size_t body_bytes_max(std::string_view method, std::string_view target) const;
  /// Operation::answer_within.
  [[nodiscard]] std::chrono::milliseconds answer_timeout(std::string_view method,
                                                         std::string_view target) const;
  /// How the server words what it refuses by itself (400, 408, 413, 414, 431, 503).
  [[nodiscard]] static Response refuse(int status, std::string_view what);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace rollcall::front
