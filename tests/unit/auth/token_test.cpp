#include "tests/support/catch.h"
#include "tests/unit/auth/authority.h"

using namespace rollcall;
using namespace rollcall::auth_test;

namespace {

Result<auth::Caller> verified(const std::string& compact) {
  const auto parsed = auth::parse(compact);
  REQUIRE(parsed);
  const auto keys = auth::read_key_set(key_set({signer()}).dump());
  REQUIRE(keys);
  return auth::verify(*parsed, keys->front(), policy(), fakes::ManualClock().wall());
}

}  // namespace

TEST_CASE("a person's token says who, by which program, and what for") {
  const auto caller = verified(token(claims_but({{"roles", {"Rollcall.Admin"}}})));
  REQUIRE(caller);
  CHECK(caller->tenant_id == tenant);
  CHECK(caller->object_id == person);
  CHECK(caller->client_id == caller_app);
  CHECK_FALSE(caller->application);
  CHECK(caller->scopes == std::vector<std::string>{"access_as_user", "Runs.Read"});
  CHECK(caller->has_scope("Runs.Read"));
  CHECK_FALSE(caller->has_scope("runs.read"));
  CHECK_FALSE(caller->has_scope("Runs"));
  CHECK(caller->has_role("Rollcall.Admin"));
  CHECK_FALSE(caller->has_role("Rollcall"));
  CHECK(caller->identity() == tenant + "/" + person);
  CHECK(caller->expires_at == fakes::ManualClock().wall() + std::chrono::hours(1));
}

TEST_CASE("an application's token has roles and no scope, so that it is nobody on a person's route") {
  const auto caller = verified(token(claims_app()));
  REQUIRE(caller);
  CHECK(caller->application);
  CHECK(caller->has_role("Rollcall.Admin"));
  CHECK_FALSE(caller->has_scope("access_as_user"));
  const auto user = verified(token());
  REQUIRE(user);
  CHECK_FALSE(user->application);
  CHECK_FALSE(user->has_role("Rollcall.Admin"));
}

TEST_CASE("version 1 tokens, audiences in a list and GUIDs in capitals are taken too") {
  const auto v1 = verified(token(claims_v1()));
  REQUIRE(v1);
  CHECK(v1->client_id == caller_app);
  CHECK(verified(token(claims_but({{"aud", {"other", client}}}))));
  CHECK(verified(token(claims_but({{"aud", "api://" + client}}))));
  const auto capitals = verified(token(claims_but({{"oid", "99999999-0000-4000-8000-00000000000A"}})));
  REQUIRE(capitals);
  CHECK(capitals->object_id == "99999999-0000-4000-8000-00000000000a");
  CHECK(verified(token(claims_but({{"idtyp", "user"}}))));
  CHECK(verified(token(claims_but({{"nbf", nullptr}, {"iat", nullptr}}))));
  CHECK(verified(compact(header_but({{"typ", nullptr}}).dump(), claims().dump())));
  CHECK(verified(compact(header_but({{"typ", "at+jwt"}, {"x5t", "t"}}).dump(), claims().dump())));
}

TEST_CASE("the header's value is the scheme and one token") {
  for (const std::string good : {"Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"}) {
    INFO(good);
    const auto found = auth::bearer_token(good);
    REQUIRE(found);
    CHECK(*found == "a.b.c");
  }
  for (const std::string none :
       {"", "Bearer", "Bearer ", "Bearer    ", "Basic a.b.c", "Bearera.b.c", "a.b.c", "Bearer\ta.b.c"}) {
    INFO(none);
    REQUIRE_FALSE(auth::bearer_token(none));
    CHECK(auth::bearer_token(none).error().code == "token_missing");
  }
  for (const std::string two :
       {"Bearer a.b.c d.e.f", "Bearer a.b.c, Bearer d.e.f", "Bearer a.b.c,d", "Bearer a.b.c "}) {
    INFO(two);
    REQUIRE_FALSE(auth::bearer_token(two));
    CHECK(auth::bearer_token(two).error().code == "token_invalid");
  }
}

TEST_CASE("base64url is read strictly, and what was written is read back") {
  std::string bytes;
  for (int length = 0; length < 70; ++length) {
    CHECK(crypto::base64url_decode(crypto::base64url(bytes)) == bytes);
    bytes += static_cast<char>(length * 37);
  }
  for (const char* bad :
       {"A", "AAAAA", "AB", "AAB", "AA=", "AA==", "A+AA", "A/AA", "A AA", "AA\n", "\xFF\xFF"}) {
    INFO(bad);
    CHECK_FALSE(crypto::base64url_decode(bad));
  }
}
