#include "workers/token_renewal/core/refusal.h"

#include "common/core/reasons.h"
#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::token_renewal;

TEST_CASE("what Graph refuses is told with a cure") {
  struct Case {
    int status;
    const char* code;
    const char* said;
    const char* reason;
  };
  for (const auto& one : {
           Case{400, "ValidationError", "Subscription validation request failed.", "hook_unreachable"},
           Case{400, "InvalidRequest", "Subscription validation request timed out.", "hook_unreachable"},
           Case{400, "BadRequest", "Invalid expiration.", "graph_refused"},
           Case{403, "ExtensionError", "Operation: Create; Exception: [Status Code: Forbidden]",
                "graph_not_permitted"},
           Case{403, "Forbidden", "The subscription quota was reached.", "subscription_limit"},
           Case{409, "Conflict", "exists", "subscription_taken"},
           Case{422, "", "", "graph_refused"},
       }) {
    const auto refusal = refusal_of(one.status, one.code, one.said);
    CHECK(refusal.code == one.reason);
    CHECK(refusal.why.find(one.said) != std::string::npos);
    CHECK_FALSE(refusal.remedy.empty());
    CHECK_FALSE(cure_for(refusal.code).empty());
  }
  CHECK(refusal_of(403, "", "").remedy.find("Group.Read.All") != std::string::npos);
}
