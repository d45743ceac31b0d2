#pragma once
#include "common/core/percent.h"
#include "common/kafka/kafka.h"
#include "tests/support/services.h"
#include "tests/unit/auth/authority.h"
#include "workers/front/api/document.h"
#include "workers/front/pipeline.h"

#include <future>
#include <optional>
#include <string>
#include <utility>

/// The front without a socket: a pipeline over a database of its own, an authority that gives tokens, and
/// people.
namespace rollcall::front_test {

namespace entra = auth_test;

inline const std::string admin = "99999999-0000-4000-8000-0000000000a1";
inline const std::string member = "99999999-0000-4000-8000-0000000000b2";
inline const std::string stranger = "99999999-0000-4000-8000-0000000000c3";

/// A person's token of the configured tenant.
inline std::string token_of(const std::string& person, const Json& changes = Json::object()) {
  Json all = {{"oid", person}};
  all.merge_patch(changes);
  return entra::token(entra::claims_but(all));
}
inline std::string operator_token() {
  return token_of(stranger, {{"roles", {"Rollcall.Admin"}}});
}

/// No broker at all: what is published stays in the outbox, where a test finds it. Given up at once, so that
/// nobody waits for it at the end.
inline kafka::Options nowhere() {
  return {"127.0.0.1:1", "front-test", {{"message.timeout.ms", "20"}}};
}

struct Asking {
  std::string method = "GET", target = {}, token = {}, body = {};
  http_server::Headers headers = {};
};

/// A new database with Rollcall's tables.
inline postgres::Options migrated_database() {
  postgres::Options options;
  options.url = test::migrated_database();
  return options;
}

class World {
 public:
  explicit World(front::Routes routes, front::PipelineOptions options = {})
      : World(
            migrated_database(), [&](World&) { return std::move(routes); }, std::move(options)) {}
  /// `make`: the routes over this world's database.
  template <class Make>
  World(const postgres::Options& database_options, Make make, front::PipelineOptions options = {})
      : database(database_options), authenticator(entra::settings(), authority.transport, clock, metrics) {
    options.rates = {1e6, 1e6};
    pipeline.emplace(make(*this), std::move(options),
                     front::Pipeline::Parts{authenticator, database, components, pool, clock, metrics});
  }

  front::Response ask(Asking asking) {
    http_server::Request request;
    request.method = std::move(asking.method);
    request.target = std::move(asking.target);
    request.headers = std::move(asking.headers);
    request.headers.emplace_back("Host", "rollcall.test");
    request.remote_address = "192.0.2.1";
    if (!asking.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + asking.token);
    if (!asking.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.body = std::move(asking.body);
    auto promise = std::make_shared<std::promise<front::Response>>();
    auto answer = promise->get_future();
    pipeline->serve(std::move(request),
                    [promise](front::Response response) { promise->set_value(std::move(response)); });
    return answer.get();
  }
  static Json json(const front::Response& response) { return Json::parse(response.body); }
  static std::string header(const front::Response& response, const std::string& name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return {};
  }

  /// An organization of the configured tenant with `admin` as its admin and `member` as a member.
  Uuid add_organization(const std::string& name, const std::string& tenant = entra::tenant) {
    const auto id =
        database
            .query("INSERT INTO directory.organizations (tenant_id, name) VALUES ($1, $2) RETURNING id",
                   {postgres::value(tenant), postgres::value(name)})[0]
            .uuid(0);
    for (const auto& [person, role] : {std::pair{admin, "admin"}, std::pair{member, "member"}})
      database.execute(
          "INSERT INTO directory.members (organization_id, email, role, object_id) VALUES ($1::uuid, $2, $3, "
          "$4::uuid)",
          {postgres::value(id), postgres::value(person + "@contoso.example"), postgres::value(role),
           postgres::value(person)});
    return id;
  }

  fakes::ManualClock clock;
  metrics::Registry metrics{"front"};
  postgres::Database database;
  entra::Authority authority;
  auth::Authenticator authenticator;
  schema::Validator components = front::component_validator();
  front::Pool pool{4, 100};
  std::optional<front::Pipeline> pipeline;
};

}  // namespace rollcall::front_test
