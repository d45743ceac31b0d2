#include "common/auth/authenticator.h"
#include "common/crypto/crypto.h"
#include "ops/cli/app.h"
#include "ops/sandbox/graph/graph_api.h"
#include "tests/fakes/manual_clock.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <future>
#include <map>
#include <sstream>

/// The sandbox's real sign-in over a socket: what `rollcall sandbox token` prints is accepted, and what it
/// should not accept is refused.
using namespace rollcall;
using namespace std::chrono_literals;

namespace {

const std::string tenant = "7e2a1c00-5a1e-4c0d-8e11-0000000000f0";
const std::string client = "7e2a1c00-5a1e-4c0d-8e11-0000000000c1";

struct World {
  SystemClock clock;
  sandbox_graph::State state;
  // One thread of the server's own: the state needs no lock.
  http_server::Server server{
      {}, [this](const http_server::Request& request, const http_server::Respond& respond) {
        ++paths[std::string(request.path())];
        respond(sandbox_graph::handle(request, state, clock.wall()));
      }};
  std::map<std::string, int> paths;
  const std::string root = "http://127.0.0.1:" + std::to_string(server.port());
  std::map<std::string, std::string> variables{{"MS_GRAPH_URL", root},
                                               {"MS_AUTH_AUTHORITY", root},
                                               {"MS_AUTH_TENANT_ID", tenant},
                                               {"MS_AUTH_CLIENT_ID", client}};
  http_client::CurlTransport transport;
  metrics::Registry registry{"test"};

  World() {
    const Json people{{"generate", {{"users", 3}}}};
    http_client::Request seed{
        "POST", root + "/sandbox/seed", {{"Content-Type", "application/json"}}, people.dump()};
    REQUIRE(transport.send(seed).status == 200);
  }

  [[nodiscard]] config::Environment environment() const {
    return [all = variables](const std::string& name) -> std::optional<std::string> {
      const auto found = all.find(name);
      return found == all.end() ? std::nullopt : std::optional(found->second);
    };
  }
  /// What the command line prints.
  std::string token(std::vector<std::string> options = {}) const {
    std::vector<std::string> words{"sandbox", "token"};
    words.insert(words.end(), options.begin(), options.end());
    std::ostringstream out, err;
    std::istringstream in;
    const int exit = cli::run(words, {out, err, in, environment(), {}});
    INFO(err.str());
    REQUIRE(exit == 0);
    std::string text = out.str();
    REQUIRE(text.ends_with('\n'));
    text.pop_back();
    return text;
  }
  [[nodiscard]] auth::Settings settings() const {
    config::Settings given(environment());
    auto loaded = auth::load_settings(given);
    given.finish();
    return loaded;
  }
  Result<auth::Caller> ask(auth::Authenticator& authenticator, const std::string& token) {
    auto answer = std::make_shared<std::promise<Result<auth::Caller>>>();
    authenticator.authenticate("Bearer " + token,
                               [answer](Result<auth::Caller> got) { answer->set_value(std::move(got)); });
    return answer->get_future().get();
  }
};

std::string code(const Result<auth::Caller>& answer) {
  return answer ? "accepted" : answer.error().code;
}

}  // namespace

TEST_CASE("what the sandbox signs is accepted: a person, an application, another audience of ours") {
  World world;
  auth::Authenticator authenticator(world.settings(), world.transport, world.clock, world.registry);
  const auto person = world.ask(authenticator, world.token());
  REQUIRE(code(person) == "accepted");
  CHECK(person->tenant_id == tenant);
  CHECK(person->client_id == client);
  CHECK(person->has_scope("access_as_user"));
  CHECK_FALSE(person->application);
  CHECK(authenticator.ready());

  const auto admin =
      world.ask(authenticator, world.token({"--user", "user2@contoso.example", "--role", "Rollcall.Admin",
                                            "--role", "Other", "--scope", "Runs.Read"}));
  REQUIRE(code(admin) == "accepted");
  CHECK(admin->roles == std::vector<std::string>{"Rollcall.Admin", "Other"});
  CHECK(admin->scopes == std::vector<std::string>{"Runs.Read"});
  CHECK(admin->object_id != person->object_id);

  const auto app = world.ask(authenticator, world.token({"--app", "--role", "Rollcall.Admin"}));
  REQUIRE(code(app) == "accepted");
  CHECK(app->application);
  CHECK(app->scopes.empty());

  CHECK(code(world.ask(authenticator, world.token({"--audience", "api://" + client}))) == "accepted");
  CHECK(world.paths["/" + tenant + "/discovery/v2.0/keys"] == 1);
}

TEST_CASE("what the sandbox signs for others, for another tenant or for the past is refused") {
  World world;
  auth::Authenticator authenticator(world.settings(), world.transport, world.clock, world.registry);
  for (const auto& options : std::vector<std::vector<std::string>>{
           {"--audience", "https://graph.microsoft.com"},
           {"--tenant", "11111111-2222-4333-8444-555555555555"},
           {"--lifetime", "-121"},
           {"--app"},
       }) {
    INFO(options.front());
    CHECK(code(world.ask(authenticator, world.token(options))) == "token_invalid");
  }
  world.variables["ROLLCALL_API_CLIENTS"] = client;
  auth::Authenticator choosy(world.settings(), world.transport, world.clock, world.registry);
  CHECK(code(world.ask(choosy, world.token())) == "accepted");
  CHECK(code(world.ask(choosy, world.token({"--client", "11111111-2222-4333-8444-555555555555"}))) ==
        "token_invalid");
}

TEST_CASE("tokens of version 1 are accepted under the sandbox's own issuer") {
  World world;
  world.state.settings.api_token_version = 1;
  auth::Authenticator authenticator(world.settings(), world.transport, world.clock, world.registry);
  CHECK(code(world.ask(authenticator, world.token({"--audience", "api://" + client}))) == "accepted");
}

TEST_CASE("a person who signed in with PKCE calls with the access token, and not with the ID token") {
  World world;
  auth::Authenticator authenticator(world.settings(), world.transport, world.clock, world.registry);
  const std::string verifier(43, 'v');
  const std::string at = world.root + "/" + tenant + "/oauth2/v2.0/";
  const std::string back = "https%3A%2F%2Fapp.example%2Fback";
  const std::string scope = "openid%20profile%20api%3A%2F%2F" + client + "%2Faccess_as_user";
  const auto signed_in = world.transport.send(
      {"GET",
       at + "authorize?response_type=code&nonce=n&client_id=" + client + "&redirect_uri=" + back +
           "&scope=" + scope +
           "&code_challenge_method=S256&code_challenge=" + crypto::base64url(crypto::sha256(verifier)),
       {},
       {}});
  REQUIRE(signed_in.status == 302);
  const std::string target(signed_in.header("Location"));
  const auto query = http_server::parse_query(target.substr(target.find('?') + 1));
  const auto given = std::ranges::find(query, "code", [](const auto& one) { return one.first; });
  REQUIRE(given != query.end());
  const auto redeemed = world.transport.send(
      {"POST",
       at + "token",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "grant_type=authorization_code&client_id=" + client + "&client_secret=s&code=" + given->second +
           "&redirect_uri=" + back + "&scope=" + scope + "&code_verifier=" + verifier});
  INFO(redeemed.body);
  REQUIRE(redeemed.status == 200);
  const Json tokens = Json::parse(redeemed.body);
  const auto caller = world.ask(authenticator, tokens["access_token"]);
  REQUIRE(code(caller) == "accepted");
  CHECK(caller->has_scope("access_as_user"));
  CHECK(code(world.ask(authenticator, tokens["id_token"])) == "token_invalid");
}

TEST_CASE("after the authority rolled its keys, both old and new tokens are accepted") {
  World world;
  fakes::ManualClock clock(SystemClock().wall());
  auth::Authenticator authenticator(world.settings(), world.transport, clock, world.registry);
  const std::string before = world.token();
  CHECK(code(world.ask(authenticator, before)) == "accepted");
  REQUIRE(
      world.transport.send({"POST", world.root + "/sandbox/roll-keys", {}, R"({"drop_old":true})"}).status ==
      200);
  clock.advance(5min);
  CHECK(code(world.ask(authenticator, world.token())) == "accepted");
  CHECK(code(world.ask(authenticator, before)) == "accepted");
  CHECK(world.paths["/" + tenant + "/discovery/v2.0/keys"] == 2);
}

TEST_CASE("an authority that cannot be reached is told apart from a bad token") {
  World world;
  auto settings = world.settings();
  settings.authority = "http://127.0.0.1:1";
  auth::Authenticator authenticator(settings, world.transport, world.clock, world.registry);
  CHECK(code(world.ask(authenticator, world.token())) == "keys_not_available");
  CHECK_FALSE(authenticator.ready());
}
