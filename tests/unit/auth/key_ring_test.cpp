#include "common/auth/key_ring.h"

#include "tests/support/catch.h"
#include "tests/unit/auth/authority.h"

#include <deque>

using namespace rollcall;
using namespace rollcall::auth_test;
using namespace std::chrono_literals;

namespace {

/// Keeps requests until the test answers them.
class SlowTransport final : public http_client::Transport {
 public:
  void start(http_client::Request request, OnDone done) override {
    waiting.emplace_back(std::move(request), std::move(done));
    ++started;
  }
  void answer(http_client::Response response) {
    auto [request, done] = std::move(waiting.front());
    waiting.pop_front();
    done(std::move(response));
  }
  void answer_both(const Json& keys) {
    answer(fakes::FakeTransport::answer(200, discovery().dump()));
    answer(fakes::FakeTransport::answer(200, keys.dump()));
  }
  std::deque<std::pair<http_client::Request, OnDone>> waiting;
  int started = 0;
};

const Signer& second() {
  static const Signer made = Signer::rsa("key-2");
  return made;
}

struct Ring {
  Authority microsoft;
  fakes::ManualClock clock;
  metrics::Registry registry{"test"};
  auth::KeyRing keys{
      microsoft.transport, clock, {authority, tenant, authority + "/" + tenant + "/v2.0"}, registry};

  /// "found", the problem's code, or "waits".
  std::string find(const std::string& kid) {
    std::string answer = "waits";
    keys.find(kid, [&](const auto& found) { answer = found ? "found" : found.error().code; });
    return answer;
  }
};

}  // namespace

TEST_CASE("keys are loaded at the start and again every hour") {
  Ring ring;
  CHECK_FALSE(ring.keys.ready());
  CHECK_THAT(ring.keys.why_not_ready(), Catch::Contains(authority));
  ring.keys.refresh_if_due();
  CHECK(ring.keys.ready());
  CHECK(ring.keys.why_not_ready().empty());
  CHECK(ring.find("key-1") == "found");
  CHECK(ring.microsoft.asked() == 1);
  ring.clock.advance(59min);
  ring.keys.refresh_if_due();
  CHECK(ring.microsoft.asked() == 1);
  ring.clock.advance(1min);
  ring.keys.refresh_if_due();
  ring.keys.refresh_if_due();
  CHECK(ring.microsoft.asked() == 2);
}

TEST_CASE(
    "a key the authority rolled to is known after one request, the old one until a day after it was named") {
  Ring ring;
  ring.keys.refresh_if_due();
  const auto first = ring.keys.in_memory("key-1");
  ring.microsoft.keys = key_set({second()});
  ring.clock.advance(5min);
  CHECK(ring.find("key-2") == "found");
  CHECK(ring.microsoft.asked() == 2);
  CHECK(ring.keys.in_memory("key-1") == first);
  ring.clock.advance(24h - 5min - 1ms);
  CHECK(ring.keys.in_memory("key-1"));
  ring.clock.advance(1ms);
  CHECK_FALSE(ring.keys.in_memory("key-1"));
  CHECK(ring.find("key-1") == "token_invalid");
  CHECK(ring.keys.in_memory("key-2"));
}

TEST_CASE("a key of the same name with other numbers takes the place of the first") {
  Ring ring;
  ring.keys.refresh_if_due();
  const auto first = ring.keys.in_memory("key-1");
  ring.clock.advance(1h);
  ring.keys.refresh_if_due();
  CHECK(ring.keys.in_memory("key-1") == first);
  ring.microsoft.keys = key_set({Signer::rsa("key-1")});
  ring.clock.advance(1h);
  ring.keys.refresh_if_due();
  REQUIRE(ring.keys.in_memory("key-1"));
  CHECK(ring.keys.in_memory("key-1") != first);
}

TEST_CASE("a flood of unknown kids makes one request in five minutes at the most") {
  Ring ring;
  ring.keys.refresh_if_due();
  REQUIRE(ring.microsoft.asked() == 1);
  for (int i = 0; i < 5'000; ++i)
    CHECK(ring.find("flood-" + std::to_string(i)) == "token_invalid");
  CHECK(ring.microsoft.asked() == 1);  // the first load counts
  ring.clock.advance(5min - 1ms);
  CHECK(ring.find("more") == "token_invalid");
  CHECK(ring.microsoft.asked() == 1);
  ring.clock.advance(1ms);
  for (int i = 0; i < 5'000; ++i)
    CHECK(ring.find("flood-" + std::to_string(i)) == "token_invalid");
  CHECK(ring.microsoft.asked() == 2);
  CHECK(ring.microsoft.asked(discovery_url) == 2);
}

TEST_CASE("a kid the authority lately did not have makes no request at all, until a while has gone by") {
  Ring ring;
  ring.keys.refresh_if_due();
  ring.clock.advance(5min);
  CHECK(ring.find("stray") == "token_invalid");
  REQUIRE(ring.microsoft.asked() == 2);
  ring.clock.advance(14min);
  CHECK(ring.find("stray") == "token_invalid");
  CHECK(ring.microsoft.asked() == 2);
  ring.clock.advance(1min);
  ring.microsoft.keys = key_set({signer(), Signer::rsa("stray")});
  CHECK(ring.find("stray") == "found");
  CHECK(ring.microsoft.asked() == 3);
}

TEST_CASE(
    "whatever the authority does instead of answering, there is nothing to verify by, and then there is") {
  using fakes::FakeTransport;
  struct Case {
    std::string name;
    std::optional<http_client::Response> discovery_answer, keys_answer;
    Json discovery_changes = Json::object();
  };
  const std::string good_keys = key_set({signer()}).dump();
  const http_client::Headers away{{"Location", "https://attacker.example/keys"}};
  for (const auto& one : std::vector<Case>{
           {"down", FakeTransport::lost(false), {}},
           {"keys down", {}, FakeTransport::lost(true)},
           {"too slow", {}, FakeTransport::lost(true, "Operation timed out")},
           {"500", FakeTransport::answer(500), {}},
           {"404", {}, FakeTransport::answer(404, good_keys)},
           {"discovery redirected", FakeTransport::answer(302, discovery().dump(), away), {}},
           {"keys redirected", {}, FakeTransport::answer(307, good_keys, away)},
           {"huge", {}, FakeTransport::answer(200, good_keys + std::string(1024 * 1024, ' '))},
           {"invalid", {}, FakeTransport::answer(200, "<html>")},
           {"empty", {}, FakeTransport::answer(200, "")},
           {"no keys", {}, FakeTransport::answer(200, R"({"keys":[]})")},
           {"discovery invalid", FakeTransport::answer(200, "{"), {}},
           {"discovery of another issuer", {}, {}, {{"issuer", "https://login.example/common/v2.0"}}},
           {"keys elsewhere", {}, {}, {{"jwks_uri", "https://attacker.example/keys"}}},
       }) {
    INFO(one.name);
    Ring ring;
    ring.microsoft.discovery_answer = one.discovery_answer;
    ring.microsoft.keys_answer = one.keys_answer;
    ring.microsoft.discovery_document.merge_patch(one.discovery_changes);
    ring.keys.refresh_if_due();
    CHECK_FALSE(ring.keys.ready());
    CHECK(ring.find("key-1") == "keys_not_available");
    const auto asked = ring.microsoft.transport.requests().size();
    CHECK(ring.find("key-1") == "keys_not_available");  // callers do not hurry the next try
    CHECK(ring.microsoft.transport.requests().size() == asked);
    for (const auto& request : ring.microsoft.transport.requests())
      CHECK(request.url.starts_with(authority + "/"));
    ring.microsoft.discovery_answer.reset();
    ring.microsoft.keys_answer.reset();
    ring.microsoft.discovery_document = discovery();
    ring.clock.advance(2s);
    CHECK(ring.find("key-1") == "found");
    CHECK(ring.keys.ready());
  }
}

TEST_CASE(
    "what was loaded stays good while the authority is away, for a day; an unknown key is then not known to "
    "be bad") {
  Ring ring;
  ring.keys.refresh_if_due();
  ring.microsoft.keys_answer = fakes::FakeTransport::answer(503);
  ring.clock.advance(1h);
  ring.keys.refresh_if_due();
  CHECK(ring.microsoft.asked() == 2);
  CHECK(ring.find("key-1") == "found");
  CHECK(ring.find("key-2") == "keys_not_available");
  ring.clock.advance(23h - 1ms);
  CHECK(ring.find("key-1") == "found");
  ring.clock.advance(1ms);
  CHECK_FALSE(ring.keys.ready());
  CHECK(ring.find("key-1") == "keys_not_available");
}

TEST_CASE("one request serves all who wait, and nobody waits without bound") {
  SlowTransport transport;
  fakes::ManualClock clock;
  metrics::Registry registry{"test"};
  auth::KeyRing keys(transport, clock, {authority, tenant, authority + "/" + tenant + "/v2.0"}, registry);
  int found = 0;
  int unavailable = 0;
  int unknown = 0;
  const auto count = [&](const Result<auth::KeyRing::Found>& answer) {
    ++(answer ? found : answer.error().code == "token_invalid" ? unknown : unavailable);
  };
  for (int i = 0; i < 1'000; ++i)
    keys.find("key-1", count);
  for (int i = 0; i < 24; ++i)
    keys.find("stray", count);
  CHECK(found + unavailable + unknown == 0);
  for (int i = 0; i < 500; ++i)
    keys.find("key-1", count);
  CHECK(unavailable == 500);
  CHECK(transport.started == 1);
  keys.refresh_if_due();
  CHECK(transport.started == 1);
  REQUIRE(transport.waiting.front().first.timeout == 10s);
  REQUIRE(transport.waiting.front().first.response_bytes_max == 1024 * 1024);
  transport.answer_both(key_set({signer()}));
  CHECK(transport.started == 2);
  CHECK(found == 1'000);
  CHECK(unknown == 24);
}

TEST_CASE("who waits when the end comes is dropped, and an answer after the end harms nobody") {
  SlowTransport transport;
  fakes::ManualClock clock;
  auto registry = std::make_unique<metrics::Registry>("test");
  auto keys = std::make_unique<auth::KeyRing>(
      transport, clock, auth::KeyRing::Options{authority, tenant, authority + "/" + tenant + "/v2.0"},
      *registry);
  const auto held = std::make_shared<int>(0);
  keys->find("key-1", [held](const auto&) { ++*held; });
  CHECK(held.use_count() == 2);
  keys.reset();
  registry.reset();
  CHECK(held.use_count() == 1);
  transport.answer_both(key_set({signer()}));
  CHECK(*held == 0);
}
