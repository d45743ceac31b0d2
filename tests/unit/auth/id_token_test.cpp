#include "tests/support/catch.h"
#include "tests/unit/auth/authority.h"

#include <optional>

/// Who signed in at a sign-in of our own.
using namespace rollcall;
using namespace rollcall::auth_test;

namespace {

const std::string nonce = "of-this-sign-in";

Json id_claims(const Json& changes = Json::object()) {
  Json all = claims_but({{"scp", nullptr}, {"azp", nullptr}, {"azpacr", nullptr}, {"nonce", nonce}});
  all.merge_patch(changes);
  return all;
}

struct World {
  fakes::ManualClock clock;
  Authority authority;
  metrics::Registry registry{"test"};
  auth::Authenticator authenticator{settings(), authority.transport, clock, registry};

  Result<auth::SignedIn> identify(const std::string& compact, const std::string& expected = nonce) {
    std::optional<Result<auth::SignedIn>> answer;
    authenticator.identify(compact, client, expected,
                           [&](Result<auth::SignedIn> person) { answer = std::move(person); });
    REQUIRE(answer);
    return std::move(*answer);
  }
};

}  // namespace

TEST_CASE("An ID token of this sign-in says who it was") {
  World w;
  const auto signed_in = w.identify(token(id_claims()));
  REQUIRE(signed_in);
  CHECK(signed_in->tenant_id == tenant);
  CHECK(signed_in->object_id == person);
  CHECK(signed_in->name == "ada@contoso.example");
}

TEST_CASE("An ID token that is another's, or another sign-in's, is refused") {
  World w;
  const std::vector<Json> changes = {
      {{"nonce", "of-another-sign-in"}},
      {{"nonce", nullptr}},
      {{"nonce", ""}},
      {{"aud", "api://" + client}},
      {{"aud", caller_app}},
      {{"aud", Json::array({client})}},
      {{"aud", nullptr}},
      {{"oid", nullptr}},
      {{"oid", "ada"}},
      {{"tid", "11111111-2222-4333-8444-5555555555bb"}},
      {{"iss", "https://elsewhere"}},
      {{"ver", "1.0"}, {"iss", "https://sts.example/" + tenant + "/"}},
      {{"exp", 1}},
      {{"exp", nullptr}},
      {{"nbf", 4'000'000'000}},
  };
  for (const auto& change : changes) {
    INFO(change);
    const auto refused = w.identify(token(id_claims(change)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "token_invalid");
  }
  CHECK_FALSE(w.identify(token(id_claims({{"nonce", ""}})), ""));
  CHECK_FALSE(w.identify(token(id_claims(), Signer::rsa("key-1"))));  // somebody else's key of that name
  CHECK_FALSE(w.identify(token()));                                   // an access token
  CHECK_FALSE(w.identify("no token"));
}
