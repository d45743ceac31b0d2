#include "tests/integration/front/areas.h"
#include "workers/front/core/copilot_document.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace rollcall;
using namespace rollcall::front_test;

namespace {

/// Where callers of the committed documents would find it.
const std::string root = "https://rollcall.contoso.example";

/// What is served at the path.
Json served(const front::Routes& routes, const std::string& path) {
  for (const auto& route : routes) {
    if (route.operation.path != path) continue;
    front::Call call;
    call.public_root = root;
    std::string body;
    route.begin(call, [&](const front::Response& response) { body = response.body; });
    return Json::parse(body);
  }
  return nullptr;
}

/// All that a front offers; nothing is asked of any of the parts here.
front::Routes every_route() {
  postgres::Database database(postgres::Options{});
  kafka::Producer producer(nowhere());
  runs::OutboxPublisher outbox(database, producer);
  front::Pool pool(1, 1);
  const fakes::ManualClock clock;
  front::Parts parts{database, outbox, pool, clock, entra::tenant};
  parts.hooks.client_state = "set";
  auto routes = front::all_routes(parts);
  for (auto& route : front::events_routes(parts))
    routes.push_back(std::move(route));
  return front::document_routes(routes);
}

}  // namespace

// schemas/openapi/update writes them anew.
TEST_CASE("The committed OpenAPI documents are those that are served", "[document]") {
  const auto routes = every_route();
  const auto folder = std::filesystem::path(std::getenv("ROLLCALL_SOURCE")) / "schemas/openapi";
  for (const auto* name : {"openapi.json", "openapi-copilot.json"}) {
    INFO(name << " differs from what is served: run schemas/openapi/update");
    const std::string now = served(routes, std::string("/") + name).dump(1) + "\n";
    if (std::getenv("ROLLCALL_WRITE_OPENAPI")) std::ofstream(folder / name) << now;
    std::stringstream committed;
    committed << std::ifstream(folder / name).rdbuf();
    CHECK((committed.str() == now));  // not printed: it is long
  }
}
