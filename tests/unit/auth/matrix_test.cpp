#include "tests/support/catch.h"
#include "tests/unit/auth/authority.h"
#include "tests/unit/auth/refused_tokens.h"

/// Every way to be refused: by the reason it is there for, and by what a caller then sees.
using namespace rollcall;
using namespace rollcall::auth_test;

namespace {

/// The reason in the log; "accepted" where there is none.
std::string why(const std::string& compact, auth::Policy rules = policy(), WallTime now = {},
                const Signer& by = signer()) {
  if (now == WallTime{}) now = fakes::ManualClock().wall();
  const auto parsed = auth::parse(compact);
  if (!parsed) return parsed.error().message;
  const auto keys = auth::read_key_set(key_set({by}).dump());
  REQUIRE(keys);
  if (parsed->kid != keys->front().kid) return "unknown kid";
  const auto caller = auth::verify(*parsed, keys->front(), rules, now);
  return caller ? "accepted" : caller.error().message;
}

void refuse(const std::vector<RefusedToken>& rows) {
  REQUIRE(why(token()) == "accepted");
  Authority microsoft;
  fakes::ManualClock clock;
  metrics::Registry registry("test");
  auth::Authenticator authenticator(settings(), microsoft.transport, clock, registry);
  clock.advance(std::chrono::minutes(6));  // an unknown kid may be asked for
  const auto asked = microsoft.transport.requests().size();
  for (const auto& row : rows) {
    INFO(row.name);
    CHECK_THAT(why(row.compact), Catch::Contains(row.why));
    std::optional<Result<auth::Caller>> answer;
    authenticator.authenticate("Bearer " + row.compact,
                               [&](Result<auth::Caller> got) { answer = std::move(got); });
    REQUIRE(answer);
    REQUIRE_FALSE(*answer);
    CHECK(answer->error().code == "token_invalid");
    CHECK(answer->error().message == "The access token is not valid here.");
  }
  CHECK(microsoft.transport.requests().size() == asked);
}

}  // namespace

TEST_CASE("every refused token is refused for its own reason, in the same words, and no request is made") {
  for (const auto& group : refused_tokens()) {
    INFO(group.title);
    REQUIRE_FALSE(group.tokens.empty());
    refuse(group.tokens);
  }
}

TEST_CASE("a kid that nobody knows is refused; jku and x5u of a good token are not looked at") {
  Authority microsoft;
  fakes::ManualClock clock;
  metrics::Registry registry("test");
  auth::Authenticator authenticator(settings(), microsoft.transport, clock, registry);
  std::vector<Result<auth::Caller>> answers;
  const auto keep = [&](Result<auth::Caller> got) { answers.push_back(std::move(got)); };
  authenticator.authenticate("Bearer " + token(claims(), Signer::rsa("unknown")), keep);
  REQUIRE(answers.size() == 1);
  REQUIRE_FALSE(answers[0]);
  CHECK(answers[0].error().code == "token_invalid");
  const Json elsewhere{{"jku", "https://attacker.example/keys"}, {"x5u", "https://attacker.example/cert"}};
  authenticator.authenticate("Bearer " + compact(header_but(elsewhere).dump(), claims().dump()), keep);
  REQUIRE(answers.size() == 2);
  CHECK(answers[1]);
  for (const auto& request : microsoft.transport.requests())
    CHECK(request.url.starts_with(authority + "/"));
}

TEST_CASE("a client that is not on the list is refused") {
  auth::Policy rules = policy();
  rules.clients = {caller_app};
  CHECK(why(token(), rules) == "accepted");
  CHECK_THAT(why(token(claims_but({{"azp", client}})), rules), Catch::Contains("ROLLCALL_API_CLIENTS"));
  Json v1 = claims_v1();
  v1["appid"] = client;
  CHECK_THAT(why(token(v1), rules), Catch::Contains("ROLLCALL_API_CLIENTS"));
}

TEST_CASE("clocks may differ by the skew, and not by a second more") {
  const WallTime now = fakes::ManualClock().wall();
  const auto at = [&](const char* name, std::chrono::seconds offset) {
    return why(token(claims_but({{name, seconds(now + offset)}})), policy(), now);
  };
  using std::chrono::seconds;
  CHECK(at("exp", seconds(-119)) == "accepted");
  CHECK(at("exp", seconds(-120)) == "exp has passed");
  CHECK(at("exp", seconds(-121)) == "exp has passed");
  for (const char* name : {"nbf", "iat"}) {
    CHECK(at(name, seconds(119)) == "accepted");
    CHECK(at(name, seconds(120)) == "accepted");
    CHECK(at(name, seconds(121)) == "nbf or iat is in the future");
  }
  auth::Policy exact = policy();
  exact.skew = seconds(0);
  CHECK(why(token(claims_but({{"exp", auth_test::seconds(now) + 1}})), exact, now) == "accepted");
  CHECK(why(token(claims_but({{"exp", auth_test::seconds(now)}})), exact, now) == "exp has passed");
}

TEST_CASE("a key signs only for the issuer it was published for") {
  const auto parsed = auth::parse(token());
  REQUIRE(parsed);
  const auto with_issuer = [&](const Json& issuer) {
    Json set = key_set({signer()});
    set["keys"][0]["issuer"] = issuer;
    const auto keys = auth::read_key_set(set.dump());
    REQUIRE(keys);
    return auth::verify(*parsed, keys->front(), policy(), fakes::ManualClock().wall()).has_value();
  };
  CHECK(with_issuer(authority + "/{tenantid}/v2.0"));
  CHECK(with_issuer(authority + "/" + tenant + "/v2.0"));
  CHECK(with_issuer(nullptr));
  CHECK_FALSE(with_issuer(authority + "/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"));
  CHECK_FALSE(with_issuer("https://attacker.example/{tenantid}/v2.0"));
}
