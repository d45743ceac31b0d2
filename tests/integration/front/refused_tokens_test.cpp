#include "tests/unit/auth/refused_tokens.h"

#include "tests/integration/front/areas.h"

/// No interface of the front takes a token that another would refuse.
using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;

namespace {

/// One request that a good token is answered for, of each interface.
const std::vector<Asking> interfaces = {
    {.target = "/api/v1/jobs"},
    {.method = "POST", .target = "/copilot/v1/actions", .body = R"({"operation":"query_ops_runs"})"},
    {.target = "/copilot/v1/actions/query_advisor_findings"},
};

}  // namespace

TEST_CASE("Every interface refuses every token of the matrix, in the same words") {
  Areas areas;
  const auto groups = entra::refused_tokens();
  for (auto asking : interfaces) {
    INFO(asking.target);
    asking.token = token_of(admin);
    REQUIRE(areas.world.ask(asking).status == 200);
    for (const auto& group : groups)
      for (const auto& token : group.tokens) {
        INFO(group.title << ": " << token.name);
        asking.token = token.compact;
        const auto answer = areas.world.ask(asking);
        CHECK(answer.status == 401);
        CHECK(code_of(answer) == "token_invalid");
        CHECK(World::json(answer)["detail"] == "The access token is not valid here.");
        CHECK(World::header(answer, "WWW-Authenticate") == R"(Bearer error="invalid_token")");
      }
    asking.token = token_of(admin);
    CHECK(areas.world.ask(asking).status == 200);
  }
}
