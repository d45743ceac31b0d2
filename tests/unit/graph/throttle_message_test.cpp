#include "common/graph/throttle_message.h"

#include "common/schema/validator.h"
#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::graph;
using namespace std::chrono_literals;

namespace {

const QuotaKey key{"tenant", "app"};
const std::string member = "0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11";

}  // namespace

TEST_CASE("a share comes back as it was said, and its schema knows it") {
  const schema::Validator schemas;
  const auto state = GENERATE(ShareNews::State::holding, ShareNews::State::left, ShareNews::State::released);
  const ShareNews said{member, "worker-0", 7, state, {0.5, 0.25}, {0.4, 0.2}, {0.75, 0}, {1, 0.3}, {true, false}};
  const Json value = to_json(key, said);
  CHECK_FALSE(schemas.check(throttle_type, value));
  const auto read = from_json(key, parse_json(dump(value)).value());
  REQUIRE(read);
  const auto& news = std::get<ShareNews>(*read);
  CHECK(news.member == said.member);
  CHECK(news.instance == said.instance);
  CHECK(news.sequence == said.sequence);
  CHECK(news.state == said.state);
  CHECK(news.hold == said.hold);
  CHECK(news.reach == said.reach);
  CHECK(news.ask == said.ask);
  CHECK(news.want == said.want);
  CHECK(news.is_short == said.is_short);
}

TEST_CASE("a pause comes back as it was said; another quota's is not ours") {
  const schema::Validator schemas;
  const Json value = to_json(key, PauseNews{member, 17s});
  CHECK_FALSE(schemas.check(throttle_type, value));
  CHECK(std::get<PauseNews>(from_json(key, value).value()).pause == 17s);
  CHECK_FALSE(from_json({"tenant", "another"}, value));
  CHECK_FALSE(from_json({"another", "app"}, value));
}

TEST_CASE("compaction keeps every member's last word beside the last pause") {
  CHECK(message_key(key) == "tenant|app");
  CHECK(message_key(key, "m") == "tenant|app|m");
}
