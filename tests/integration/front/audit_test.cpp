#include "tests/integration/front/areas.h"

#include <condition_variable>
#include <mutex>
#include <set>

using namespace rollcall;
using namespace rollcall::front_test;

namespace {

struct Trail {
  Areas areas;
  Uuid ours = areas.world.add_organization("Contoso");
  Uuid theirs = areas.world.add_organization("Other", "another-tenant");

  /// `count` events of that organization, one second apart up to that time.
  void add(const std::string& organization, int count, const std::string& last,
           const std::string& tenant = entra::tenant) {
    areas.world.database.execute(
        "SELECT audit.ensure_partition(d::date) FROM generate_series($1::timestamptz - interval '40 days', "
        "$1::timestamptz + interval '1 day', interval '1 day') d",
        {postgres::value(last)});
    areas.world.database.execute(
        "INSERT INTO audit.events (event_id, occurred_at, tenant_id, organization_id, actor, action) SELECT "
        "gen_random_uuid(), $1::timestamptz - i * interval '1 second', $2, $3::uuid, 'cli', CASE WHEN i % 2 "
        "= 0 "
        "THEN 'member_added' ELSE 'member_removed' END FROM generate_series(0, $4::integer - 1) i",
        {postgres::value(last), postgres::value(tenant),
         organization.empty() ? postgres::Value() : postgres::value(organization), postgres::value(count)});
  }
  /// An export to its end, with the stream that the server would write.
  std::vector<Json> read_export(const std::string& target, const std::string& token) {
    auto response = areas.get(target, token);
    REQUIRE(response.status == 200);
    REQUIRE(response.stream);
    std::mutex mutex;
    std::condition_variable woken;
    bool ready = true;
    const auto queue = std::make_shared<http_server::StreamQueue>(256 * 1024, [&] {
      const std::lock_guard lock(mutex);
      ready = true;
      woken.notify_all();
    });
    response.stream(http_server::EventStream(queue));
    response.stream = nullptr;
    std::string text;
    for (;;) {
      {
        std::unique_lock lock(mutex);
        REQUIRE(woken.wait_for(lock, std::chrono::seconds{60}, [&] { return ready; }));
        ready = false;
      }
      for (;;) {
        const auto taken = queue->take();
        most = std::max(most, taken.bytes.size());
        text += taken.bytes;
        if (!taken.bytes.empty()) queue->written();
        REQUIRE_FALSE(taken.over);
        if (taken.end) {
          queue->over();
          std::vector<Json> lines;
          std::size_t at = 0;
          for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
            lines.push_back(Json::parse(text.substr(at, end - at)));
            at = end + 1;
          }
          CHECK(at == text.size());
          return lines;
        }
        if (taken.bytes.empty()) break;
      }
    }
  }
  std::size_t most = 0;  ///< bytes that waited at once
};

const std::string year = "2026-01-01T00:00:00Z";  // the world's clock

}  // namespace

TEST_CASE("The trail is read newest first to its end, over hours, months and gaps") {
  Trail trail;
  CHECK(trail.areas.walk("/api/v1/audit", operator_token()).empty());
  trail.add(trail.ours.to_string(), 5, year);
  trail.add(trail.ours.to_string(), 5, "2025-12-31T20:00:00Z");
  trail.add(trail.ours.to_string(), 5, "2025-06-01T00:00:02Z");  // across the end of a month
  trail.add("", 3, "2025-12-31T21:00:00Z");                      // of no organization
  trail.add(trail.theirs.to_string(), 5, year, "another-tenant");
  for (const int limit : {1, 4, 5, 15, 200}) {
    INFO(limit);
    const auto events = trail.areas.walk("/api/v1/audit?limit=" + std::to_string(limit), token_of(admin));
    REQUIRE(events.size() == 15);
    std::set<Json> ids;
    for (std::size_t i = 0; i < events.size(); ++i) {
      ids.insert(events[i]["event_id"]);
      CHECK(events[i]["organization_id"] == trail.ours.to_string());
      if (i > 0) CHECK(events[i - 1]["occurred_at"] >= events[i]["occurred_at"]);
    }
    CHECK(ids.size() == 15);
  }
  CHECK(trail.areas.walk("/api/v1/audit", operator_token()).size() == 18);
  CHECK(trail.areas.walk("/api/v1/audit", token_of(member)).empty());
  CHECK(trail.areas.walk("/api/v1/audit", token_of(stranger)).empty());
}

TEST_CASE("The trail is filtered; bad filters are named") {
  Trail trail;
  trail.add(trail.ours.to_string(), 10, year);
  const auto count = [&](const std::string& filter) {
    return trail.areas.walk("/api/v1/audit?limit=3&" + filter, token_of(admin)).size();
  };
  CHECK(count("action=member_added") == 5);
  CHECK(count("actor=cli") == 10);
  CHECK(count("actor=someone") == 0);
  CHECK(count("organization=" + trail.ours.to_string()) == 10);
  CHECK(count("organization=" + trail.theirs.to_string()) == 0);
  CHECK(count("since=2025-12-31T23:59:58Z") == 3);
  CHECK(count("until=2025-12-31T23:59:58Z") == 7);
  CHECK(count("run=00000000-0000-4000-8000-000000000001") == 0);
  for (const std::string name : {"organization", "run", "member", "since", "until"}) {
    const auto wrong = trail.areas.get("/api/v1/audit?" + name + "=x", token_of(admin));
    CHECK(wrong.status == 400);
    CHECK(pointer_of(wrong) == name);
  }
  CHECK(trail.areas.get("/api/v1/audit?action=%ff", token_of(admin)).status == 400);
}

TEST_CASE("An export brings every event once, oldest first, in blocks, and says that it is whole") {
  Trail trail;
  CHECK(trail.read_export("/api/v1/audit/export", operator_token()) ==
        std::vector<Json>{{{"complete", true}, {"events", 0}}});
  trail.add(trail.ours.to_string(), 1'500, year);
  trail.add(trail.ours.to_string(), 7, "2025-03-01T00:00:02Z");
  trail.add(trail.theirs.to_string(), 5, year, "another-tenant");
  const auto lines = trail.read_export("/api/v1/audit/export", token_of(admin));
  REQUIRE(lines.size() == 1'508);
  CHECK(lines.back() == Json({{"complete", true}, {"events", 1'507}}));
  std::set<Json> ids;
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    ids.insert(lines[i]["event_id"]);
    CHECK(lines[i]["organization_id"] == trail.ours.to_string());
    if (i > 0) CHECK(lines[i - 1]["occurred_at"] <= lines[i]["occurred_at"]);
  }
  CHECK(ids.size() == 1'507);
  CHECK(trail.most < 150'000);  // never more than a block
  CHECK(trail.read_export("/api/v1/audit/export?since=2025-12-31T23:59:58Z", token_of(admin)).size() == 4);
  CHECK(trail.read_export("/api/v1/audit/export", token_of(stranger)).size() == 1);
}
