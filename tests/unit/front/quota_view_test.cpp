#include "workers/front/core/quota_view.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::front;
using namespace std::chrono_literals;

namespace {

const WallTime start{1'767'225'600'000ms};

Json parts(double units, double writes) {
  return {{"resource_units", units}, {"writes", writes}};
}
Json share(const std::string& member, long sequence, double units, const std::string& state = "holding") {
  return {{"kind", "share"},
          {"tenant_id", "t"},
          {"app_id", "app"},
          {"member", member},
          {"instance", "worker-0"},
          {"sequence", sequence},
          {"state", state},
          {"hold", parts(units, 0.5)},
          {"ask", parts(0, 0)},
          {"want", parts(1, 1)},
          {"short", {{"resource_units", true}, {"writes", false}}}};
}
Json pause(long milliseconds, const std::string& tenant = "t") {
  return {{"kind", "pause"},
          {"tenant_id", tenant},
          {"app_id", "app"},
          {"member", "m"},
          {"pause_ms", milliseconds}};
}

}  // namespace

TEST_CASE("Nothing said is nothing to show") {
  CHECK(QuotaView("t").document(start) == Json({{"quotas", Json::array()}}));
}

TEST_CASE("The last word of each living member counts") {
  QuotaView view("t");
  view.read(share("a", 1, 0.25), start);
  view.read(share("a", 3, 0.75), start + 1s);
  view.read(share("a", 2, 0.5), start + 2s);  // an older word that came late
  view.read(share("b", 1, 0.25), start - 30s);
  view.read(share("c", 2, 0.25, "left"), start);
  view.read(share("d", 1, 0.25), start - 1h);
  const Json quota = view.document(start + 2s)["quotas"][0];
  CHECK(quota["app_id"] == "app");
  CHECK(quota["paused_until"].is_null());
  REQUIRE(quota["members"].size() == 2);
  CHECK(quota["members"][0]["hold"]["resource_units"] == 0.75);
  CHECK(quota["members"][0]["living"] == true);
  CHECK(quota["members"][1]["member"] == "b");
  CHECK(quota["members"][1]["living"] == false);
}

TEST_CASE("A pause lasts from when it was said, the longest counts, and it ends") {
  QuotaView view("t");
  view.read(pause(17'000), start);
  view.read(pause(2'000), start + 1s);
  view.read(pause(60'000, "another"), start);
  CHECK(view.document(start + 5s)["quotas"][0]["paused_until"] == to_rfc3339(start + 17s));
  CHECK(view.document(start + 17s)["quotas"].empty());
}
