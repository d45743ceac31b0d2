#include "workers/front/api/connections.h"

#include "common/config/settings.h"
#include "common/vault/grant_store.h"
#include "common/vault/tickets.h"
#include "ops/sandbox/graph/graph_api.h"
#include "tests/integration/front/world.h"
#include "tests/support/catch.h"
#include "workers/front/core/oauth_page.h"

#include <mutex>
#include <regex>

/// A person connects something of theirs: from the link to the sealed grant, with Entra ID played by the
/// sandbox, and the browser by the test.
using namespace rollcall;
using namespace rollcall::front;
using namespace rollcall::front_test;

namespace {

const std::string root = "http://sandbox";
const std::string public_root = "https://rollcall.contoso.example";

/// Entra ID without a socket. Its clock is the world's.
struct SandboxEntra {
  std::mutex mutex;
  sandbox_graph::State state;
  const Clock& clock;
  fakes::FakeTransport transport{[this](const http_client::Request& request) {
    const auto said = handle(request.method, request.url.substr(root.size()), request.body);
    return said.status == 0 ? fakes::FakeTransport::lost(true)
                            : fakes::FakeTransport::answer(said.status, said.body, said.headers);
  }};

  explicit SandboxEntra(const Clock& given) : clock(given) {
    state.settings.tenant = entra::tenant;
    state.settings.client_id = entra::client;
    state.settings.client_secret = "secret";
    state.settings.redirect_uris = {public_root + "/oauth/callback"};
    handle("POST", "/sandbox/seed", R"({"generate":{"users":3}})");
  }
  http_server::Response handle(const std::string& method, const std::string& target,
                               const std::string& body) {
    const std::lock_guard lock(mutex);
    return sandbox_graph::handle({method, target, {{"Host", "sandbox"}}, body}, state, clock.wall());
  }
  /// Where the person comes back to, who signs in there by that link.
  std::string sign_in(const std::string& link, std::size_t person) {
    const auto said =
        handle("GET", link.substr(root.size()) + "&login_hint=" + state.directory.users[person].upn, "");
    REQUIRE(said.status == 302);
    const auto back = World::header({said.status, said.headers, {}}, "Location");
    REQUIRE(back.starts_with(public_root + "/oauth/callback?"));
    return back.substr(public_root.size());
  }
  [[nodiscard]] std::string person(std::size_t number) const {
    return state.directory.users[number].id.to_string();
  }
  std::string token(std::size_t number, const Json& more = Json::object()) {
    Json asked = {{"user", person(number)}};
    asked.merge_patch(more);
    return Json::parse(handle("POST", "/sandbox/token", asked.dump()).body)["access_token"];
  }
};

auth::Settings trusting_sandbox() {
  auto settings = entra::settings();
  settings.authority = root;
  settings.policy.issuer_v2 = root + "/{tenantid}/v2.0";
  return settings;
}

graph::Credentials credentials(const std::string& secret = "secret") {
  graph::Credentials all;
  all.authority = root;
  all.tenant_id = entra::tenant;
  all.client_id = entra::client;
  all.secret = config::Secret(secret);
  return all;
}

struct Browser {
  Response page;
  std::string cookie;
};

struct Connections {
  fakes::ManualClock clock;
  metrics::Registry metrics{"front"};
  SandboxEntra sandbox{clock};
  postgres::Database database{migrated_database()};
  kafka::Producer producer{nowhere()};
  runs::OutboxPublisher outbox{database, producer};
  auth::Authenticator authenticator{trusting_sandbox(), sandbox.transport, clock, metrics};
  vault::Keyring keyring{vault::fixed_keys("k1:" + crypto::base64url(std::string(32, 'a'))), clock};
  vault::TokenEndpoint endpoint;
  Vault vault{keyring, endpoint, authenticator, public_root};
  schema::Validator components = component_validator();
  Pool pool{2, 100};
  Parts parts{.database = database,
              .outbox = outbox,
              .pool = pool,
              .clock = clock,
              .tenant_id = entra::tenant,
              .vault = &vault};
  Pipeline pipeline;

  explicit Connections(const std::string& secret = "secret")
      : endpoint(sandbox.transport, clock, credentials(secret), root),
        pipeline(routes(), {.public_root = public_root, .rates = {1e6, 1e6}},
                 {authenticator, database, components, pool, clock, metrics}) {}

  Routes routes() {
    Routes all = connections_routes(parts);
    for (auto& route : oauth_routes(parts))
      all.push_back(std::move(route));
    return all;
  }

  Response ask(const Asking& asking) {
    http_server::Request request{asking.method, asking.target, asking.headers, asking.body};
    request.headers.emplace_back("Host", "attacker.example");  // nothing is made of it
    if (!asking.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + asking.token);
    if (!asking.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    auto promise = std::make_shared<std::promise<Response>>();
    auto answer = promise->get_future();
    pipeline.serve(std::move(request),
                   [promise](Response response) { promise->set_value(std::move(response)); });
    return answer.get();
  }
  std::string link(std::size_t person, const std::string& body = R"({"connector":"mail"})") {
    const auto made = ask(
        {.method = "POST", .target = "/api/v1/connections", .token = sandbox.token(person), .body = body});
    REQUIRE(made.status == 201);
    CHECK(components.mistakes("ConnectionLink", Json::parse(made.body)).empty());
    const std::string url = Json::parse(made.body)["connect_url"];
    REQUIRE(url.starts_with(public_root + "/oauth/connect?ticket="));
    return url.substr(public_root.size());
  }
  Browser open(const std::string& target) {
    Browser browser{ask({.target = target}), {}};
    const auto set = World::header(browser.page, "Set-Cookie");
    browser.cookie = set.substr(0, set.find(';'));
    return browser;
  }
  static std::string sign_in_link(const Response& page) {
    std::smatch found;
    REQUIRE(std::regex_search(page.body, found, std::regex("href=\"(http://sandbox/[^\"]*)\"")));
    return std::regex_replace(found[1].str(), std::regex("&amp;"), "&");
  }
  Response come_back(const Browser& browser, const std::string& target) {
    return ask({.target = target, .headers = {{"Cookie", "x=1; " + browser.cookie}}});
  }
  /// The whole way.
  Response connect(std::size_t person, const std::string& body = R"({"connector":"mail"})") {
    const auto browser = open(link(person, body));
    return come_back(browser, sandbox.sign_in(sign_in_link(browser.page), person));
  }
  Json mine(std::size_t person) {
    const auto answer = ask({.target = "/api/v1/connections", .token = sandbox.token(person)});
    REQUIRE(answer.status == 200);
    const Json list = Json::parse(answer.body);
    CHECK(components.mistakes("ConnectionList", list).empty());
    Json by_name;
    for (const auto& one : list["value"])
      by_name[one["connector"].get<std::string>()] = one;
    return by_name;
  }
  long count(const std::string& from) { return database.query("SELECT count(*) FROM " + from)[0].number(0); }
};

/// What every page must have, whatever it says.
void check_page(const Response& page, int status) {
  INFO(page.body);
  CHECK(page.status == status);
  CHECK(World::header(page, "Content-Type") == "text/html; charset=utf-8");
  CHECK(World::header(page, "Cache-Control") == "no-store");
  CHECK(World::header(page, "Referrer-Policy") == "no-referrer");
  const auto policy = World::header(page, "Content-Security-Policy");
  CHECK(policy.starts_with("default-src 'none'; style-src 'sha256-"));
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
  for (const char* needed : {"<html lang=\"en\">", "<main>", "<h1", "name=\"viewport\""})
    CHECK(page.body.find(needed) != std::string::npos);
  CHECK(page.body.find("<script") == std::string::npos);
}

bool says(const Response& page, const std::string& words) {
  return page.body.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("A person connects their mail, sees it, and disconnects") {
  Connections c;
  CHECK(c.mine(0)["mail"]["state"] == "disconnected");
  const auto browser = c.open(c.link(0));
  check_page(browser.page, 200);
  for (const char* words :
       {"Connect Outlook mail", "Reads only", "Read and search the messages in your mailbox.",
        "<code>Mail.Read</code>", "offline_access", "Cancel"})
    CHECK(says(browser.page, words));
  CHECK_FALSE(says(browser.page, "Mail.Send"));
  const auto set = World::header(browser.page, "Set-Cookie");
  CHECK(set.starts_with("__Host-rollcall-connect="));
  for (const char* needed : {"; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Max-Age="})
    CHECK(set.find(needed) != std::string::npos);
  const auto there = Connections::sign_in_link(browser.page);
  for (const char* needed : {"code_challenge_method=S256", "response_mode=query", "&nonce=", "&state=",
                             "redirect_uri=https%3A%2F%2Frollcall.contoso.example%2Foauth%2Fcallback&"})
    CHECK(there.find(needed) != std::string::npos);
  const auto done = c.come_back(browser, c.sandbox.sign_in(there, 0));
  check_page(done, 200);
  CHECK(says(done, "Connected"));
  CHECK(World::header(done, "Set-Cookie").find("Max-Age=0") != std::string::npos);
  const Json mail = c.mine(0)["mail"];
  CHECK(mail["state"] == "connected");
  CHECK(mail["scopes"] == Json::array({"Mail.Read"}));
  CHECK(mail["may_write"] == false);
  CHECK(c.mine(1)["mail"]["state"] == "disconnected");  // another's is another's
  CHECK(c.count("ops.outbox WHERE messages::text LIKE '%connection_made%'") == 1);

  const auto ended =
      c.ask({.method = "DELETE", .target = "/api/v1/connections/mail", .token = c.sandbox.token(0)});
  CHECK(ended.status == 200);
  CHECK(c.components.mistakes("ConnectionEnded", Json::parse(ended.body)).empty());
  CHECK(says(ended, "https://myapps.microsoft.com"));  // Entra ID cannot be told by us
  CHECK(c.mine(0)["mail"]["state"] == "disconnected");
  CHECK(c.count("vault.grants WHERE sealed IS NOT NULL") == 0);
  CHECK(Json::parse(
            c.ask({.method = "DELETE", .target = "/api/v1/connections/mail", .token = c.sandbox.token(0)})
                .body)["changed"] == false);
}

TEST_CASE("Writing is asked for only where it is wanted") {
  Connections c;
  check_page(c.connect(0, R"({"connector":"calendar","write":true})"), 200);
  CHECK(c.mine(0)["calendar"]["may_write"] == true);
  CHECK(c.mine(0)["calendar"]["scopes"] == Json::array({"Calendars.ReadWrite"}));
  check_page(c.connect(0, R"({"connector":"calendar"})"), 200);  // and taken back
  CHECK(c.mine(0)["calendar"]["may_write"] == false);
}

TEST_CASE("A link connects once, and shows its page until then") {
  Connections c;
  const auto link = c.link(0);
  c.open(link);  // a mail scanner, say
  const auto browser = c.open(link);
  const auto back = c.sandbox.sign_in(Connections::sign_in_link(browser.page), 0);
  check_page(c.come_back(browser, back), 200);
  check_page(c.open(link).page, 410);
  check_page(c.come_back(browser, back), 410);
  const auto older = c.link(0);
  const auto newer = c.link(0);
  check_page(c.open(older).page, 404);
  check_page(c.open(newer).page, 200);
  c.database.execute("UPDATE vault.tickets SET expires_at = now()");
  check_page(c.open(newer).page, 410);
  check_page(c.open("/oauth/connect").page, 404);
  check_page(c.open("/oauth/connect?ticket=guessed").page, 404);
}

TEST_CASE(
    "An answer of Entra ID's counts in the browser that asked, for the sign-in that is under way, once") {
  Connections c;
  const auto browser = c.open(c.link(0));
  const auto back = c.sandbox.sign_in(Connections::sign_in_link(browser.page), 0);
  check_page(c.come_back({}, back), 400);                          // another browser
  check_page(c.come_back({{}, browser.cookie + "x"}, back), 400);  // changed
  check_page(c.come_back({{}, browser.cookie + "; " + browser.cookie}, back), 400);
  const auto other = c.open(c.link(1));
  check_page(c.come_back(other, back), 400);  // another sign-in's state
  CHECK(says(c.come_back(other, back), "connection_state_mismatch"));
  CHECK(c.count("vault.grants") == 0);
  c.clock.advance(std::chrono::minutes(16));
  check_page(c.come_back(browser, back), 400);  // too late
}

TEST_CASE("Whoever signs in must be the person for whom the link was made") {
  Connections c;
  const auto browser = c.open(c.link(0));
  const auto answer = c.come_back(browser, c.sandbox.sign_in(Connections::sign_in_link(browser.page), 1));
  check_page(answer, 403);
  CHECK(says(answer, c.sandbox.state.directory.users[1].upn));
  CHECK(c.count("vault.grants") == 0);
}

TEST_CASE("Each error of Entra ID's is a page that says what to do") {
  struct Case {
    const char *query, *says;
    int status;
    bool again;
  };
  Connections c;
  const auto link = c.link(0);
  for (const Case& one :
       {Case{"error=access_denied&error_subcode=cancel&error_description=AADSTS65004%3A+x", "did not agree",
             403, true},
        Case{"error=access_denied&error_description=AADSTS90094%3A+x", "administrator must agree", 403,
             false},
        Case{"error=consent_required", "Agreement is still missing", 403, true},
        Case{"error=interaction_required", "Microsoft needs more", 403, true},
        Case{"error=login_required", "not signed in", 403, true},
        Case{"error=temporarily_unavailable", "cannot be reached", 503, true},
        Case{"error=server_error", "cannot be reached", 503, true},
        Case{"error=invalid_request&error_description=AADSTS50011%3A+x", "AADSTS50011", 403, false},
        Case{"error=%3Cscript%3E&error_description=%3Cscript%3Ealert(1)", "not set up", 403, false},
        Case{"", "has no code", 400, false}}) {
    INFO(one.query);
    const auto browser = c.open(link);
    std::smatch found;
    const auto there = Connections::sign_in_link(browser.page);
    REQUIRE(std::regex_search(there, found, std::regex("&state=([^&]*)")));
    const auto page = c.come_back(
        browser, "/oauth/callback?" + std::string(one.query) + "&state=" + found[1].str() + "&new=1");
    check_page(page, one.status);
    CHECK(says(page, one.says));
    CHECK(says(page, ">Try again</a>") == one.again);
  }
  CHECK(c.count("vault.grants") == 0);
}

TEST_CASE("What Entra ID says to us, not to the browser, is a page too") {
  Connections c;
  const auto link = c.link(0);
  const auto redeemed = [&] {
    const auto browser = c.open(link);
    return c.come_back(browser, c.sandbox.sign_in(Connections::sign_in_link(browser.page), 0));
  };
  c.sandbox.handle("POST", "/sandbox/faults", R"({"token_rate":1,"status":503})");
  check_page(redeemed(), 503);
  c.sandbox.handle("POST", "/sandbox/faults", R"({"token_cut_rate":1})");
  check_page(redeemed(), 503);
  c.sandbox.handle("POST", "/sandbox/faults", "{}");
  check_page(redeemed(), 200);
  Connections wrong("another secret");
  const auto page = wrong.connect(0);
  check_page(page, 403);
  CHECK(says(page, "AADSTS7000215"));
}

TEST_CASE("Connections are people's own") {
  Connections c;
  const auto program = c.sandbox.token(0, {{"app", true}, {"roles", {"Rollcall.Admin"}}});
  CHECK(c.ask({.target = "/api/v1/connections", .token = program}).status == 403);
  CHECK(c.ask({.target = "/api/v1/connections"}).status == 401);
  for (const char* body : {R"({"connector":"everything"})", R"({})", R"({"connector":"mail","person":"x"})"})
    CHECK(
        c.ask({.method = "POST", .target = "/api/v1/connections", .token = c.sandbox.token(0), .body = body})
            .status == 400);
  CHECK(
      c.ask({.method = "DELETE", .target = "/api/v1/connections/all", .token = c.sandbox.token(0)}).status ==
      400);
}

TEST_CASE("An administrator is led to consent, and what comes back from there changes nothing") {
  Connections c;
  CHECK(c.ask({.target = "/api/v1/admin-consent-link", .token = c.sandbox.token(0)}).status == 403);
  const auto answer = c.ask(
      {.target = "/api/v1/admin-consent-link", .token = c.sandbox.token(0, {{"roles", {"Rollcall.Admin"}}})});
  CHECK(answer.status == 200);
  CHECK(c.components.mistakes("AdminConsentLink", Json::parse(answer.body)).empty());
  const std::string url = Json::parse(answer.body)["url"];
  CHECK(url.starts_with(root + "/" + entra::tenant + "/v2.0/adminconsent?client_id=" + entra::client +
                        "&scope=http%3A%2F%2Fsandbox%2F.default&"));
  const auto said = c.sandbox.handle("GET", url.substr(root.size()), "");
  REQUIRE(said.status == 302);
  const auto back = World::header({said.status, said.headers, {}}, "Location").substr(public_root.size());
  check_page(c.ask({.target = back}), 200);
  check_page(c.ask({.target = "/oauth/callback?error=access_denied&state=admin-consent"}), 200);
  check_page(c.ask({.target = "/oauth/cancel"}), 200);
}

TEST_CASE("Without a vault nothing can be connected, and it is said") {
  Connections c;
  c.parts.vault = nullptr;
  const auto answer = c.ask({.method = "POST",
                             .target = "/api/v1/connections",
                             .token = c.sandbox.token(0),
                             .body = R"({"connector":"mail"})"});
  CHECK(answer.status == 404);
  CHECK(Json::parse(answer.body)["code"] == "vault_not_configured");
  check_page(c.ask({.target = "/oauth/connect?ticket=x"}), 404);
}
