#include "tests/support/catch.h"
#include "tests/unit/auth/authority.h"

using namespace rollcall;
using namespace rollcall::auth_test;

namespace {

Json with(const Json& changes) {
  Json jwk = signer().jwk();
  jwk.merge_patch(changes);
  return jwk;
}

std::string set_of(const Json& keys) {
  return Json{{"keys", keys}}.dump();
}

}  // namespace

TEST_CASE("only keys for RS256 are taken, and the others do no harm") {
  const Json others = {with({{"kid", "a"}, {"kty", "EC"}}),
                       with({{"kid", "b"}, {"use", "enc"}}),
                       with({{"kid", "c"}, {"alg", "RS512"}}),
                       with({{"kid", nullptr}}),
                       with({{"kid", "d"}, {"n", nullptr}}),
                       with({{"kid", "e"}, {"n", "AAAA"}}),
                       with({{"kid", "f"}, {"e", "AQ"}}),
                       with({{"kid", "g"}, {"e", "Ag"}}),
                       with({{"kid", "h"}, {"e", "AQABAQAB"}}),
                       with({{"kid", "i"}, {"n", "A=="}}),
                       with({{"kid", std::string(129, 'k')}}),
                       Signer::rsa("short", 1024).jwk(),
                       "text",
                       7};
  Json all = others;
  all.push_back(with({{"alg", "RS256"}}));
  all.push_back(with({{"kid", "no-use"}, {"use", nullptr}}));
  const auto keys = auth::read_key_set(set_of(all));
  REQUIRE(keys);
  REQUIRE(keys->size() == 2);
  CHECK((*keys)[0].kid == "key-1");
  CHECK((*keys)[1].kid == "no-use");
  CHECK_FALSE(auth::read_key_set(set_of(others)));
}

TEST_CASE("a set that is none, or that says two things, is not believed") {
  const std::string good = set_of(Json::array({signer().jwk()}));
  REQUIRE(auth::read_key_set(good));
  for (const std::string& bad :
       {std::string(""), std::string("{"), std::string("[]"), std::string("{}"),
        std::string(R"({"keys":{}})"), set_of(Json::array()),
        set_of({signer().jwk(), Signer::rsa("key-1").jwk()}), R"({"keys":[],)" + good.substr(1),
        set_of(Json(std::vector<Json>(257, Json::object()))), good + std::string(1024 * 1024, ' ')}) {
    INFO(bad.substr(0, 60));
    REQUIRE_FALSE(auth::read_key_set(bad));
    CHECK(auth::read_key_set(bad).error().code == "keys_not_available");
  }
}

TEST_CASE("discovery must be the issuer's and point to the authority") {
  const auto read = [](const Json& changes) {
    Json document = discovery();
    document.merge_patch(changes);
    return auth::read_discovery(document.dump(), authority + "/" + tenant + "/v2.0", authority);
  };
  const auto good = read(Json::object());
  REQUIRE(good);
  CHECK(*good == keys_url);
  CHECK_FALSE(read({{"issuer", authority + "/common/v2.0"}}));
  CHECK_FALSE(read({{"issuer", nullptr}}));
  for (const std::string where :
       {"https://attacker.example/keys", "http://login.example/keys",
        "https://login.example.attacker.example/keys", "https://login.example@x/keys", ""}) {
    INFO(where);
    CHECK_FALSE(read({{"jwks_uri", where}}));
  }
  CHECK_FALSE(auth::read_discovery("[]", "", authority));
}
