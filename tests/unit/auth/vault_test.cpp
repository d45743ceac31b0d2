#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/vault/connectors.h"
#include "common/vault/keyring.h"
#include "common/vault/token_endpoint.h"
#include "tests/fakes/manual_clock.h"
#include "tests/support/catch.h"

#include <set>

/// What is decided about people's grants, and how their tokens are sealed.
using namespace rollcall;
using namespace rollcall::vault;

namespace {

std::string line(const std::string& id, char letter) {
  return id + ":" + crypto::base64url(std::string(32, letter));
}

/// A provider that a test changes, and that may fail.
struct Changing final : KeyProvider {
  std::string lines;
  bool fails = false;
  int* loads;
  Changing(std::string given, int* count) : lines(std::move(given)), loads(count) {}
  std::string load() override {
    ++*loads;
    if (fails) throw Error(Fault::transient, "internal", "away");
    return lines;
  }
};

}  // namespace

TEST_CASE("A seal opens with its key for what it is bound to, and in no other way") {
  const fakes::ManualClock clock;
  Keyring keyring(fixed_keys(line("k1", 'a')), clock);
  const auto sealed = keyring.seal("the token", "row 1");
  CHECK(sealed.key_id == "k1");
  CHECK(keyring.open(sealed, "row 1") == std::string("the token"));
  CHECK(keyring.open(sealed, "row 2").error().code == "vault_unreadable");
  CHECK(sealed.text != keyring.seal("the token", "row 1").text);  // a nonce of its own each time
  for (std::size_t i = 0; i < sealed.text.size(); ++i) {
    auto changed = sealed;
    changed.text[i] = changed.text[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(keyring.open(changed, "row 1"));
  }
  for (const std::string text : {"", "A", "no base64!"})
    CHECK(keyring.open({"k1", text}, "row 1").error().code == "vault_unreadable");
  CHECK(keyring.open({"k2", sealed.text}, "row 1").error().code == "vault_key_missing");
  Keyring both(fixed_keys(line("k2", 'b') + "," + line("k1", 'a')), clock);
  CHECK(both.open(sealed, "row 1"));
  CHECK(both.seal("x", "").key_id == "k2");
  CHECK_FALSE(both.open({"k2", sealed.text}, "row 1"));
  Keyring same_key_other_name(fixed_keys(line("k9", 'a')), clock);
  CHECK_FALSE(same_key_other_name.open({"k9", sealed.text}, "row 1"));
  CHECK(keyring.open(keyring.seal("", ""), "") == std::string());
}

TEST_CASE("Keys are lines of id and base64; a mistake is named without the key") {
  CHECK(keys_mistake("# made in November\n\n" + line("2026-11", 'a') + "\r\n  " + line("old", 'b')).empty());
  CHECK(keys_mistake("k1:" + std::string(42, '/') + "8=").empty());  // the usual alphabet, padded
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "no key"},
      {"# nothing", "no key"},
      {"c2VjcmV0", "id:base64"},
      {":" + std::string(43, 'A'), "the id"},
      {"a b:" + std::string(43, 'A'), "id:base64"},
      {line("k1", 'a') + " " + line("k1", 'b'), "two keys"},
      {"k1:" + std::string(42, 'A'), "32 bytes"},
      {"k1:" + std::string(44, 'A'), "32 bytes"},
      {"k1:c2VjcmV0", "32 bytes"},
  };
  for (const auto& [lines, words] : wrong) {
    INFO(lines);
    CHECK(keys_mistake(lines).find(words) != std::string::npos);
    CHECK(keys_mistake(lines).find("c2VjcmV0") == std::string::npos);
  }
  CHECK_THROWS_AS(Keyring(fixed_keys("k1:short"), fakes::ManualClock()), Error);
}

TEST_CASE("Keys are read again as time goes by, and kept where they cannot be") {
  fakes::ManualClock clock;
  int loads = 0;
  auto owned = std::make_unique<Changing>(line("k1", 'a'), &loads);
  Changing& provider = *owned;
  Keyring keyring(std::move(owned), clock);
  for (int i = 0; i < 5; ++i)
    keyring.seal("x", "");
  CHECK(loads == 1);
  provider.lines = line("k2", 'b') + "\n" + line("k1", 'a');
  CHECK(keyring.seal("x", "").key_id == "k1");
  clock.advance(std::chrono::seconds(30));
  CHECK(keyring.seal("x", "").key_id == "k2");
  provider.lines = line("k3", 'c') + "\n" + provider.lines;
  clock.advance(std::chrono::seconds(2));
  const auto newer = Keyring(fixed_keys(line("k3", 'c')), clock).seal("x", "");
  CHECK(keyring.open(newer, ""));  // a key that is not known yet is looked for at once
  provider.lines = "broken";
  clock.advance(std::chrono::minutes(1));
  CHECK(keyring.open(newer, ""));
  provider.fails = true;
  clock.advance(std::chrono::minutes(1));
  CHECK(keyring.seal("x", "").key_id == "k3");
}

TEST_CASE("Connectors ask for reading alone, unless writing is wanted") {
  for (const auto& facts : all_connectors()) {
    CHECK(parse_connector(facts.name) == facts.connector);
    for (const auto& permission : permissions_of(facts.connector, false)) {
      CHECK_FALSE(permission.writes);
      CHECK(permission.scope.find("Write") == std::string_view::npos);
      CHECK(permission.scope.find("Send") == std::string_view::npos);
    }
    const auto all = permissions_of(facts.connector, true);
    CHECK(std::ranges::any_of(all, &Permission::writes));
    for (const auto& permission : all)
      CHECK_FALSE(permission.allows.empty());
  }
  CHECK_FALSE(parse_connector("contacts"));
  CHECK(scope_text(Connector::mail, false, "https://graph.example") ==
        "openid profile offline_access https://graph.example/Mail.Read");
  CHECK(scope_text(Connector::calendar, true, "r") == "openid profile offline_access r/Calendars.ReadWrite");
}

TEST_CASE("What was granted is compared with what was asked for") {
  const auto granted =
      granted_scopes("openid profile https://graph.microsoft.com/mail.read  User.Read email");
  CHECK(granted == std::vector<std::string>{"mail.read", "User.Read"});
  CHECK(missing_scopes(Connector::mail, false, granted).empty());
  CHECK(missing_scopes(Connector::mail, true, granted) == std::vector<std::string>{"Mail.Send"});
  CHECK(missing_scopes(Connector::calendar, false, granted_scopes("")).size() == 1);
}

TEST_CASE("What Entra ID's refusal means for a grant") {
  struct Case {
    int status;
    const char *body, *over;
  };
  for (const Case& one :
       {Case{400, R"({"error":"invalid_grant","error_codes":[50173],"suberror":"bad_token"})",
             "grant_revoked"},
        Case{400, R"({"error":"invalid_grant","error_codes":[700082]})", "grant_expired"},
        Case{400, R"({"error":"invalid_grant","error_description":"AADSTS50057: x"})", "account_disabled"},
        Case{400, R"({"error":"invalid_grant","suberror":"consent_required"})", "grant_needs_consent"},
        Case{400, R"({"error":"invalid_grant","suberror":"basic_action"})", "grant_needs_sign_in"},
        Case{400, R"({"error":"invalid_grant"})", "grant_refused"},
        Case{400, R"({"error":"interaction_required","error_codes":[50076]})", "grant_needs_sign_in"},
        Case{400, R"({"error":"consent_required"})", "grant_needs_consent"},
        Case{400, R"({"error":"invalid_grant","error_codes":[90033]})", ""},
        Case{400, R"({"error":"invalid_grant","error_codes":[50196]})", ""},
        Case{503, R"({"error":"invalid_grant"})", ""}, Case{429, R"({"error":"invalid_grant"})", ""},
        Case{401, R"({"error":"invalid_client","error_codes":[7000222]})", ""},
        Case{400, R"({"error":"unauthorized_client"})", ""}, Case{400, R"({"error":"invalid_scope"})", ""},
        Case{400, "<html>", ""}, Case{0, "", ""}}) {
    INFO(one.body);
    http_client::Response response;
    response.status = one.status;
    response.body = one.body;
    CHECK(why_over(graph::read_token_refusal(response, {})) == one.over);
  }
}

TEST_CASE("Secrets for links are long, and none is given twice") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    seen.insert(random_secret());
    CHECK(seen.begin()->size() == 43);
  }
  CHECK(seen.size() == 100);
}
