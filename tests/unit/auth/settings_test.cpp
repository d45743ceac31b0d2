#include "common/auth/settings.h"

#include "common/core/error.h"
#include "tests/support/catch.h"
#include "tests/unit/auth/authority.h"

#include <map>

using namespace rollcall;
using namespace rollcall::auth_test;

namespace {

using Variables = std::map<std::string, std::string>;

auth::Settings load(Variables variables) {
  config::Settings settings([variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
  auto loaded = auth::load_settings(settings);
  settings.finish();
  return loaded;
}

std::string complaint(const Variables& variables) {
  try {
    load(variables);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

const Variables least{{"MS_AUTH_TENANT_ID", "11111111-2222-4333-8444-5555555555AA"},
                      {"MS_AUTH_CLIENT_ID", client}};

Variables with(const std::string& name, const std::string& value) {
  Variables all = least;
  all[name] = value;
  return all;
}

}  // namespace

TEST_CASE("tenant and client id are enough: tokens for the client id and for api://it, from Entra") {
  const auto loaded = load(least);
  CHECK(loaded.authority == "https://login.microsoftonline.com");
  CHECK(loaded.tenant_id == tenant);
  CHECK(loaded.policy.tenants == std::vector{tenant});
  CHECK(loaded.policy.audiences == std::vector{client, "api://" + client});
  CHECK(loaded.policy.clients.empty());
  CHECK(loaded.policy.skew == std::chrono::seconds(120));
  CHECK(auth::issuer_of(loaded.policy.issuer_v2, tenant) ==
        "https://login.microsoftonline.com/" + tenant + "/v2.0");
  CHECK(auth::issuer_of(loaded.policy.issuer_v1, tenant) == "https://sts.windows.net/" + tenant + "/");
}

TEST_CASE("lists are read with or without blanks, GUIDs in any case") {
  CHECK(load(with("ROLLCALL_API_AUDIENCE", "api://a, b ,")).policy.audiences ==
        std::vector<std::string>{"api://a", "b"});
  CHECK(load(with("ROLLCALL_API_CLIENTS", "AB3BE6B7-f5df-413d-ac2d-abf1e3fd9c0b")).policy.clients ==
        std::vector{caller_app});
  CHECK(load(with("MS_AUTH_AUTHORITY", "http://127.0.0.1:1/")).policy.issuer_v1 ==
        "http://127.0.0.1:1/{tenantid}/");
}

TEST_CASE("what would let anybody in, or nobody, is a mistake that names the setting") {
  CHECK_THAT(complaint({}), Catch::Contains("MS_AUTH_TENANT_ID is needed"));
  CHECK_THAT(complaint(with("MS_AUTH_TENANT_ID", "common")),
             Catch::Contains("MS_AUTH_TENANT_ID is 'common', not a GUID"));
  CHECK_THAT(complaint(with("MS_AUTH_TENANT_ID", "9188040d-6c67-4c5b-b112-36a304b66dad")),
             Catch::Contains("anybody could call"));
  CHECK_THAT(complaint(with("MS_AUTH_CLIENT_ID", "x")), Catch::Contains("MS_AUTH_CLIENT_ID is 'x'"));
  CHECK_THAT(complaint(with("ROLLCALL_API_CLIENTS", "x")), Catch::Contains("ROLLCALL_API_CLIENTS has 'x'"));
  CHECK_THAT(complaint(with("ROLLCALL_API_AUDIENCE", " , ")), Catch::Contains("ROLLCALL_API_AUDIENCE"));
  CHECK_THAT(complaint(with("ROLLCALL_API_CLOCK_SKEW_SECONDS", "301")), Catch::Contains("from 0 to 300"));
  CHECK(complaint({{"MS_AUTH_ENABLED", "false"}}) == "none");
}

TEST_CASE("a scope is asked of people where one is named, by its name alone") {
  CHECK(load(least).scope.empty());
  CHECK(load(with("ROLLCALL_API_SCOPE", "Rollcall.Access")).scope == "Rollcall.Access");
  for (const auto* wrong : {"api://rollcall/Rollcall.Access", "Rollcall.Access Runs.Read", "a,b", "a\"b"})
    CHECK(complaint(with("ROLLCALL_API_SCOPE", wrong)).find("ROLLCALL_API_SCOPE") != std::string::npos);
}

TEST_CASE("Copilot's tokens are the API's, or those of an app of its own that Copilot alone may bring") {
  const std::string token_store = "ab3be6b7-f5df-413d-ac2d-abf1e3fd9c0b";
  CHECK(load(least).policy.copilot_audiences.empty());
  const auto own = load(with("M365_COPILOT_CLIENT_ID", copilot_app)).policy;
  CHECK(own.copilot_audiences == std::vector{"api://" + copilot_app, copilot_app});
  CHECK(own.copilot_clients == std::vector{token_store, copilot_app});
  CHECK(own.audiences == std::vector{client, "api://" + client});
  Variables named = with("M365_COPILOT_CLIENT_ID", copilot_app);
  named["M365_COPILOT_APP_ID_URI"] = "api://auth-x/" + copilot_app;
  named["M365_COPILOT_TENANT_ID"] = tenant;
  CHECK(load(named).policy.copilot_audiences == std::vector{"api://auth-x/" + copilot_app, copilot_app});
  named["M365_COPILOT_CLIENT_ID"] = client;  // one app for both
  CHECK(load(named).policy.copilot_audiences.empty());
  CHECK(load(named).policy.audiences ==
        std::vector{client, "api://" + client, "api://auth-x/" + copilot_app});
  CHECK_THAT(complaint(with("M365_COPILOT_CLIENT_ID", "copilot")), Catch::Contains("M365_COPILOT_CLIENT_ID"));
  CHECK_THAT(complaint(with("M365_COPILOT_TENANT_ID", client)), Catch::Contains("M365_COPILOT_TENANT_ID"));
  CHECK_THAT(complaint(with("M365_COPILOT_APP_ID_URI", "api://x")),
             Catch::Contains("M365_COPILOT_CLIENT_ID"));
}
