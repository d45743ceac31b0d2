#pragma once
#include "common/graph/token_source.h"
#include "common/runs/runs.h"
#include "ops/sandbox/graph/graph_api.h"
#include "tests/fakes/fake_transport.h"
#include "tests/integration/front/world.h"
#include "workers/front/api/routes.h"

#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace rollcall::front_test {

/// A tenant in the sandbox without a socket, and a client of it.
struct Tenant {
  static constexpr const char* root = "http://sandbox";

  std::mutex mutex;
  sandbox_graph::State state;
  int tokens_given = 0;
  /// Answers a request of Graph's instead of the sandbox where it returns something.
  std::function<std::optional<http_client::Response>(const http_client::Request&)> instead;
  /// Whether the answer to a request that was carried out is lost on the way.
  std::function<bool(const http_client::Request&)> lose;
  fakes::FakeTransport entra{[this](const http_client::Request&) {
    const std::lock_guard lock(mutex);
    const std::string token = "graph-token-" + std::to_string(++tokens_given);
    state.tokens[token] = clock.wall() + std::chrono::hours(1);
    return fakes::FakeTransport::answer(200, R"({"expires_in":3599,"access_token":")" + token + R"("})");
  }};
  fakes::FakeTransport transport{[this](const http_client::Request& request) { return answer(request); }};
  SystemClock clock;
  graph::TokenSource tokens{entra, clock, {}};
  graph::Governor governor{{}, clock};
  metrics::Registry metrics{"test"};
  graph::Client client{transport, tokens, governor, clock, {.root = root}, metrics};

  /// 60 people, of whom user(1) … user(members) are in group(1), a Microsoft 365 group, and in group(2), a
  /// security group; `admin` and `member`, who are in neither.
  explicit Tenant(int members = 3) {
    Json people = Json::array();
    for (const auto& [id, name] : {std::pair{admin, "admin"}, std::pair{member, "member"}})
      people.push_back({{"id", id},
                        {"userPrincipalName", std::string(name) + "@contoso.example"},
                        {"mail", std::string(name) + "@contoso.example"},
                        {"displayName", name}});
    control(
        "seed",
        {{"users", people},
         {"generate",
          {{"users", 60},
           {"groups", Json::array({{{"id", group(1).to_string()},
                                    {"displayName", "Board"},
                                    {"description", "Who decides."},
                                    {"members", members}},
                                   {{"id", group(2).to_string()}, {"kind", "security"}, {"members", members}},
                                   {{"id", group(3).to_string()}, {"kind", "dynamic"}},
                                   {{"id", group(4).to_string()}, {"kind", "on_premises"}},
                                   {{"id", group(5).to_string()}, {"kind", "mail_security"}}})}}}});
  }

  static Uuid numbered(const char* prefix, int number) {
    char text[40];
    std::snprintf(text, sizeof text, "%s-0000-4000-8000-%012x", prefix, static_cast<unsigned>(number));
    return *Uuid::parse(text);
  }
  static Uuid group(int number) { return numbered("00000002", number); }
  static Uuid user(int number) { return numbered("00000001", number); }

  http_client::Response answer(const http_client::Request& request) {
    if (instead)
      if (auto given = instead(request)) return *given;
    const std::lock_guard lock(mutex);
    http_server::Request asked{.method = request.method,
                               .target = request.url.substr(std::string(root).size()),
                               .headers = {{"Host", "sandbox"}},
                               .body = request.body};
    for (const auto& header : request.headers)
      asked.headers.push_back(header);
    const auto said = sandbox_graph::handle(asked, state, clock.wall());
    if (said.status == 0 || (lose && lose(request))) return fakes::FakeTransport::lost(true);
    return fakes::FakeTransport::answer(said.status, said.body, said.headers);
  }
  http_server::Response control(const std::string& what, const Json& body) {
    return sandbox_graph::handle({.method = "POST",
                                  .target = "/sandbox/" + what,
                                  .headers = {{"Host", "sandbox"}},
                                  .body = dump(body)},
                                 state, clock.wall());
  }
  /// Somebody else in Microsoft 365 does something.
  http_server::Response somebody(const std::string& method, const std::string& path) {
    state.tokens["somebody"] = clock.wall() + std::chrono::hours(1);
    return sandbox_graph::handle({.method = method,
                                  .target = "/v1.0" + path,
                                  .headers = {{"Host", "sandbox"}, {"Authorization", "Bearer somebody"}},
                                  .body = ""},
                                 state, clock.wall());
  }
  [[nodiscard]] bool has_member(const Uuid& in, const Uuid& who) {
    const auto* found = sandbox_graph::find_group(state.directory, in);
    return found != nullptr && found->present.contains(who);
  }
  /// Those that Graph was asked since the last call, "PATCH /groups/…".
  std::vector<std::string> asked() {
    std::vector<std::string> all;
    const auto requests = transport.requests();
    for (; seen_ < requests.size(); ++seen_) {
      const auto& url = requests[seen_].url;
      const std::string path = url.substr(std::string(root).size() + 5);
      all.push_back(requests[seen_].method + " " + path.substr(0, path.find('?')));
    }
    return all;
  }

 private:
  std::size_t seen_ = 0;
};

/// The front with its Microsoft endpoints over such a tenant, and one organization that `admin` administers.
struct MicrosoftWorld {
  Tenant tenant;
  kafka::Producer producer{nowhere()};  // what is published, waits
  std::unique_ptr<runs::OutboxPublisher> outbox;
  std::optional<front::Parts> parts;
  World world;
  Uuid organization;

  explicit MicrosoftWorld(front::PipelineOptions options = {}, int members = 3)
      : tenant(members),
        world(
            migrated_database(),
            [this](World& made) {
              outbox = std::make_unique<runs::OutboxPublisher>(made.database, producer);
              parts.emplace(front::Parts{.database = made.database,
                                         .outbox = *outbox,
                                         .pool = made.pool,
                                         .clock = made.clock,
                                         .tenant_id = entra::tenant,
                                         .graph = &tenant.client});
              return front::microsoft_routes(*parts);
            },
            std::move(options)) {
    organization = world.add_organization("Contoso");
  }
  ~MicrosoftWorld() { outbox.reset(); }  // before the database

  [[nodiscard]] std::string target(const std::string& what) const {
    return "/api/v1/organizations/" + organization.to_string() + "/microsoft/" + what;
  }
  front::Response ask(const std::string& method, const std::string& what, const Json& body = nullptr,
                      http_server::Headers headers = {}) {
    return world.ask({.method = method,
                      .target = target(what),
                      .token = token_of(admin),
                      .body = body.is_null() ? "" : dump(body),
                      .headers = std::move(headers)});
  }
  front::Response link(const Uuid& group) {
    return ask("POST", "link-group", {{"group_id", group.to_string()}});
  }
  /// Linked long ago.
  void linked(const Uuid& group) {
    world.database.execute(
        "UPDATE directory.organizations SET microsoft_group = $2::uuid, updated_at = now() - interval '1 "
        "day' "
        "WHERE id = $1::uuid",
        {postgres::value(organization), postgres::value(group)});
  }
  std::optional<Uuid> linked() {
    const auto rows =
        world.database.query("SELECT microsoft_group FROM directory.organizations WHERE id = $1::uuid",
                             {postgres::value(organization)});
    return rows.at(0).is_null(0) ? std::nullopt : std::optional(rows[0].uuid(0));
  }
  /// The audit events that wait for Kafka, in order.
  std::vector<Json> audited() {
    std::vector<Json> events;
    for (const auto& row : world.database.query("SELECT messages FROM ops.outbox ORDER BY id"))
      for (const auto& message : runs::read_outbox(row.json(0)))
        if (message.topic == runs::audit_topic) events.push_back(Json::parse(message.value));
    return events;
  }
  std::vector<std::string> actions() {
    std::vector<std::string> all;
    for (const auto& event : audited())
      all.push_back(event.at("action"));
    return all;
  }
};

inline std::string code_of(const front::Response& response) {
  return Json::parse(response.body).value("code", std::string());
}
inline std::string cure_of(const front::Response& response) {
  return Json::parse(response.body).value("cure", std::string());
}

}  // namespace rollcall::front_test
