#include "workers/front/core/notification.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::front;

namespace {
const std::string id = "5f9d0a11-0000-4000-8000-000000000001";
}

TEST_CASE("The group that changed is read from the resource, however it is written") {
  for (const std::string& resource :
       {"groups/" + id, "/groups/" + id, "Groups/" + id, "GROUPS/" + id + "/members", "groups('" + id + "')",
        "groups/" + id + "/owners/x"}) {
    INFO(resource);
    const auto read = read_notification({{"resource", resource}});
    REQUIRE(read);
    CHECK(read->kind == Notification::Kind::changed);
    CHECK(read->group == Uuid::parse(id));
  }
  for (const std::string& resource :
       {std::string(), "users/" + id, std::string("groups"), std::string("groups/"), std::string("groups/7"),
        "groupsx/" + id, "groups" + id, "me/groups/" + id}) {
    INFO(resource);
    const auto read = read_notification({{"resource", resource}});
    REQUIRE(read);
    CHECK_FALSE(read->group);
  }
}

TEST_CASE("Lifecycle notifications are told from changes; unknown ones are none") {
  for (const char* event : {"missed", "reauthorizationRequired", "subscriptionRemoved"}) {
    const auto read = read_notification({{"lifecycleEvent", event},
                                         {"subscriptionId", id},
                                         {"organizationId", "t"},
                                         {"subscriptionExpirationDateTime", "2026-02-01T00:00:00.0000000Z"}});
    REQUIRE(read);
    CHECK(lifecycle_name(read->kind) == event);
    CHECK(read->subscription == Uuid::parse(id));
    CHECK(read->tenant_id == "t");
    CHECK(read->expires_at == parse_rfc3339("2026-02-01T00:00:00Z"));
  }
  CHECK(lifecycle_name(Notification::Kind::changed).empty());
  CHECK_FALSE(read_notification({{"lifecycleEvent", "other"}}));
  CHECK_FALSE(read_notification({{"lifecycleEvent", 7}}));
  for (const Json& none : {Json(7), Json("x"), Json(nullptr), Json::array()})
    CHECK_FALSE(read_notification(none));
}

TEST_CASE("Members of another type than expected count as absent") {
  const auto read = read_notification(
      {{"clientState", 7}, {"tenantId", Json::array()}, {"subscriptionId", nullptr}, {"resource", false}});
  REQUIRE(read);
  CHECK(read->client_state.empty());
  CHECK(read->tenant_id.empty());
  CHECK_FALSE(read->subscription);
  CHECK_FALSE(read->group);
}
