#pragma once
#include "common/auth/caller.h"
#include "common/core/clock.h"
#include "common/core/error.h"
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/directory/organizations.h"
#include "common/http_server/server.h"
#include "workers/front/core/operation.h"
#include "workers/front/core/problem.h"
#include "workers/front/core/query.h"
#include "workers/front/core/router.h"
#include "workers/front/core/viewer.h"

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

/// What handlers see of a request, and how they answer.
namespace rollcall::front {

using http_server::Respond;
using http_server::Response;

/// A request that has been matched, read and permitted.
struct Call {
  http_server::Request request;
  std::string request_id;
  std::string traceparent;  ///< W3C, of this request; what it starts goes on with it
  std::string public_root;  ///< "https://rollcall.contoso.com": absolute links begin with it
  auth::Caller caller;      ///< empty where Access::anyone
  bool operates = false;    ///< the caller has the app role Rollcall.Admin
  PathParameters path;
  Query query;
  Json body;                             ///< null where there was none
  directory::Organization organization;  ///< where the path names one
  /// The same in every repetition of a request with an Idempotency-Key, else fresh: what a POST makes is
  /// named by it, so that a repetition after a crash makes it once.
  Uuid intent;
  WallTime now;

  [[nodiscard]] directory::Asker asker() const { return {caller.identity(), now}; }
};

/// What a handler throws where it cannot answer; rollcall::Error is turned into one by its fault.
class Refused : public std::runtime_error {
 public:
  explicit Refused(Refusal refusal) : std::runtime_error(refusal.detail), refusal_(std::move(refusal)) {}
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  Refusal refusal_;
};

/// One operation and what answers it. Exactly one of the two functions is set.
struct Route {
  Operation operation;
  /// Runs on a thread that may block on PostgreSQL and Graph. Throws Refused or Error.
  std::function<Response(const Call&)> handle = {};
  /// Runs on the network thread after the checks that need no database: must not block, answers whenever it
  /// likes. Not for operations whose path names an organization.
  std::function<void(Call, Respond)> begin = {};
  /// How a refusal reads here; a problem document where it is not set.
  std::function<Response(const Refusal&, std::string_view request_id)> refuse = {};
  /// Where set: has every call that is turned away before `begin` has it, with the answer, which it passes
  /// on. The caller is empty where nobody is known. May be called on the network thread: must not block.
  std::function<void(const Call&, Response, Respond)> turned_away = {};
  bool for_agents = false;   ///< takes tokens for Copilot's application too
  bool people_only = false;  ///< takes no token of a program itself
};
using Routes = std::vector<Route>;

Response json_answer(int status, const Json& body, http_server::Headers headers = {});
/// 204.
Response no_content();
/// How an Error reads to a caller: 404, 409, 400, 502, 503 by its fault, its code and its sentence.
Refusal refusal_for(const Error& error);
/// The same for whatever was thrown; what is ours to mend is logged.
Refusal refusal_for(const std::exception_ptr& thrown, std::string_view request_id,
                    std::string_view operation);
Response problem_answer(const Refusal& refusal, std::string_view request_id);

/// Whose jobs the caller may see.
Viewer viewer_of(const Call& call);

/// `{"value": [...], "nextLink": …}`. `next`: the position behind the last item, empty on the last page; the
/// link repeats the request with "cursor" set. `list` names list and filter for the cursor.
Response page_answer(const Call& call, std::string_view list, Json items, const std::string& next);
/// The position that the request's "cursor" names for that list, empty at the beginning. Throws Refused (400,
/// cursor_invalid).
std::string page_position(const Call& call, std::string_view list);

/// Strong entity tag of a JSON answer: for ETag, If-Match and If-None-Match.
std::string entity_tag(const Json& body);
/// Throws Refused (412, precondition_failed) where If-Match is there and names another version.
void require_match(const Call& call, const std::string& tag);

}  // namespace rollcall::front
