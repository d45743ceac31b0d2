#include "workers/advisor_scan/adapters/registration.h"

#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "ops/sandbox/graph/graph_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/sandbox_answer.h"
#include "tests/unit/advisor_scan/world.h"
#include "tests/unit/sandbox/test_certificate.h"
#include "workers/advisor_scan/settings.h"

using namespace rollcall;
using namespace rollcall::advisor_test;

namespace {

std::string token_with(const std::string& claims) {
  return "h." + crypto::base64url(claims) + ".s";
}

}  // namespace

TEST_CASE("The end of our certificate is read from the settings") {
  Snapshot snapshot;
  advisor_scan::read_certificate("", snapshot);
  CHECK(snapshot.certificates.empty());
  advisor_scan::read_certificate(sandbox_graph::test_certificate, snapshot);
  REQUIRE(snapshot.certificates.size() == 1);
  CHECK(to_rfc3339(snapshot.certificates[0].ends_at) == "2126-10-28T16:22:03.000Z");
  CHECK(snapshot.certificates[0].name == "Rollcall sandbox test");
  CHECK(snapshot.certificates[0].id.size() == 64);
  CHECK_THROWS_AS(advisor_scan::read_certificate("-----BEGIN", snapshot), Error);
}

TEST_CASE("Permissions are what the token names as roles, and nothing where it is opaque") {
  CHECK(roles_of(token_with(R"({"roles":["A","B",7]})")) == std::vector<std::string>{"A", "B"});
  for (const auto& token :
       {std::string(), std::string("opaque"), std::string("a.b"), std::string("..."), token_with("{}"),
        token_with("[]"), token_with(R"({"roles":"A"})"), token_with("nonsense"), std::string("h.&&&.s")})
    CHECK(roles_of(token).empty());
}

TEST_CASE("Entra ID shows the app's secrets where it may, and the token names what was granted") {
  sandbox_graph::State state;
  state.settings.client_id = "client";
  state.application.secrets = {
      {{"keyId", "k"}, {"displayName", "old"}, {"endDateTime", "2026-12-01T00:00:00Z"}}};
  SystemClock clock;
  fakes::FakeTransport transport([&](const http_client::Request& request) {
    const auto said = fakes::sandbox_answer(state, request, clock.wall());
    return fakes::FakeTransport::answer(said.status, said.body, said.headers);
  });
  graph::Credentials credentials;
  credentials.authority = "http://sandbox";
  credentials.tenant_id = "7e2a1c00-5a1e-4c0d-8e11-0000000000f0";
  credentials.client_id = "client";
  credentials.secret = config::Secret("secret");
  graph::TokenSource tokens(transport, clock, credentials);
  graph::Governor governor({}, clock);
  metrics::Registry metrics("test");
  graph::Client client(transport, tokens, governor, clock, {.root = "http://sandbox"}, metrics);
  Snapshot snapshot;
  snapshot.client_id = "client";
  advisor_scan::read_permissions(tokens, {}, snapshot);
  CHECK(snapshot.permissions == state.application.permissions);
  CHECK(missing_permissions(snapshot, default_limits()).empty());
  CHECK(excessive_permissions(snapshot, default_limits()).empty());
  advisor_scan::read_application(client, {}, snapshot);
  CHECK(snapshot.application_hidden == "status 403 Authorization_RequestDenied");
  CHECK(snapshot.credentials.empty());
  state.application.permissions.emplace_back("Application.Read.All");
  Snapshot shown;
  shown.client_id = "client";
  advisor_scan::read_application(client, {}, shown);
  CHECK(shown.application_hidden.empty());
  REQUIRE(shown.credentials.size() == 1);
  CHECK(shown.credentials[0].kind == "secret");
  CHECK(shown.credentials[0].id == "k");
  CHECK(to_rfc3339(shown.credentials[0].ends_at) == "2026-12-01T00:00:00.000Z");
  state.application.permissions.clear();
  graph::TokenSource fresh(transport, clock, credentials);
  CHECK_THROWS_AS(advisor_scan::read_permissions(fresh, {}, snapshot), Error);
}

TEST_CASE("Each limit is a setting, with the default that the rules have") {
  std::map<std::string, std::string> given{
      {"DATABASE_URL", "postgresql://x"}, {"KAFKA_BROKERS", "x:1"}, {"MS_AUTH_ENABLED", "false"}};
  const auto load = [&] {
    config::Settings settings([&](const std::string& name) -> std::optional<std::string> {
      const auto found = given.find(name);
      return found == given.end() ? std::nullopt : std::optional(found->second);
    });
    return advisor_scan::load_settings(settings).handler;
  };
  CHECK(load().tenant_id == "default");
  for (const auto& limit : time_limits()) {
    INFO(limit.setting);
    CHECK(load().limits.*limit.member == limit.fallback);
    given[limit.setting] = std::to_string(limit.min.count() + 1) + "ms";
    CHECK(load().limits.*limit.member == limit.min + 1ms);
    given[limit.setting] = "0ms";
    CHECK_THROWS_AS(load(), Error);
    given.erase(limit.setting);
  }
  for (const auto& limit : count_limits()) {
    INFO(limit.setting);
    CHECK(load().limits.*limit.member == limit.fallback);
    given[limit.setting] = std::to_string(limit.max);
    CHECK(load().limits.*limit.member == limit.max);
    given[limit.setting] = std::to_string(limit.max + 1);
    CHECK_THROWS_AS(load(), Error);
    given.erase(limit.setting);
  }
}
