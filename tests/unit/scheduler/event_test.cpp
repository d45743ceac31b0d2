#include "workers/audit_writer/core/event.h"

#include "common/schema/validator.h"
#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::audit_writer;

namespace {

const WallTime now = parse_rfc3339("2026-11-21T12:00:00Z").value();

Json valid() {
  return {{"event_id", "0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11"},
          {"occurred_at", "2026-11-21T09:30:00.123456789Z"},
          {"tenant_id", "contoso"},
          {"actor", "cli"},
          {"action", "member_added"}};
}

}  // namespace

TEST_CASE("what is absent stays absent") {
  const Event event = to_event(valid(), now).value();
  CHECK_FALSE(event.organization_id);
  CHECK(event.detail == "{}");
  CHECK(to_rfc3339(event.occurred_at) == "2026-11-21T09:30:00.123Z");
}

TEST_CASE("what the schema accepts but the table refuses") {
  Json value = valid();
  SECTION("no such day") {
    value["occurred_at"] = "2026-02-30T09:30:00Z";
  }
  SECTION("long ago") {
    value["occurred_at"] = "1626-11-21T09:30:00Z";
  }
  SECTION("far ahead") {
    value["occurred_at"] = "2027-11-21T09:30:00Z";
  }
  SECTION("NUL in a text") {
    value["actor"] = std::string("a\0b", 3);
  }
  SECTION("NUL deep inside") {
    value["detail"] = {{"a", {1, {{"b", std::string("\0", 1)}}}}};
  }
  SECTION("NUL in a name") {
    value["detail"] = {{std::string("\0", 1), 1}};
  }
  const auto event = to_event(value, now);
  REQUIRE_FALSE(event);
  CHECK(event.error().code == "schema_violation");
}

TEST_CASE("text that only looks like an escaped NUL is kept") {
  Json value = valid();
  value["detail"] = {{"path", "C:\\u0000"}};
  CHECK(to_event(value, now));
}

TEST_CASE("months are those of UTC") {
  CHECK(month_of(parse_rfc3339("2026-11-30T23:59:59.999Z").value()) == "2026-11-01");
  CHECK(month_of(parse_rfc3339("2026-12-01T00:00:00Z").value()) == "2026-12-01");
}

TEST_CASE("what is plainly valid, the schema accepts: one field bent at a time") {
  const schema::Validator schemas;
  Json whole = valid();
  for (const char* name : {"organization_id", "group_id", "run_id", "member_object_id"})
    whole[name] = "0190F3A1-5b1e-7c39-9d2f-0b6f0d5c1a11";
  whole["graph_request_id"] = "request";
  whole["detail"] = {{"n", 1}};
  REQUIRE(plainly_valid(whole));
  REQUIRE(plainly_valid(valid()));
  const std::vector<Json> bent = {nullptr,
                                  1,
                                  "",
                                  "x",
                                  "Member_added",
                                  "member_added",
                                  "a",
                                  std::string(65, 'a'),
                                  std::string(600, 'a'),
                                  Json::object(),
                                  Json::array(),
                                  "2026-11-21T09:30:00Z",
                                  "2026-11-21T09:30:00.Z",
                                  "2026-11-21T09:30:00.1234567891Z",
                                  "2026-11-21T09:30:00.1Z",
                                  "2026-11-21 09:30:00Z",
                                  "2026-11-21T09:30:00+00:00",
                                  "0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a1",
                                  "0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a1g",
                                  "0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11 "};
  int accepted = 0;
  const Json kept = whole;
  for (const auto& [name, good] : kept.items()) {
    for (const Json& value : bent) {
      Json one = whole;
      one[name] = value;
      INFO(one.dump());
      const bool plain = plainly_valid(one), by_schema = !schemas.check("rollcall.audit-event.v1", one);
      CHECK(plain == by_schema);
      accepted += plain;
    }
    Json one = whole;
    one.erase(name);
    CHECK(plainly_valid(one) == !schemas.check("rollcall.audit-event.v1", one));
  }
  CHECK(accepted > 10);
  Json more = whole;
  more["more"] = 1;
  CHECK_FALSE(plainly_valid(more));
  CHECK_FALSE(plainly_valid(Json::array()));
}
