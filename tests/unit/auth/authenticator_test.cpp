#include "tests/support/catch.h"
#include "tests/unit/auth/authority.h"

#include <atomic>
#include <sstream>
#include <thread>

using namespace rollcall;
using namespace rollcall::auth_test;
using namespace std::chrono_literals;

namespace {

struct Front {
  Authority microsoft;
  fakes::ManualClock clock;
  metrics::Registry registry{"test"};
  auth::Authenticator authenticator{settings(), microsoft.transport, clock, registry};

  Result<auth::Caller> ask(const std::string& header) {
    std::optional<Result<auth::Caller>> answer;
    authenticator.authenticate(std::string_view(header),
                               [&](Result<auth::Caller> got) { answer = std::move(got); });
    REQUIRE(answer);
    return *answer;
  }
  std::string code(const std::string& header) {
    const auto answer = ask(header);
    return answer ? "accepted" : answer.error().code;
  }
  /// How many tokens came to that result, by the metric.
  [[nodiscard]] bool counted(const std::string& result, int count) const {
    std::istringstream lines(registry.render());
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("rollcall_tokens_total") && line.find('"' + result + '"') != std::string::npos)
        return line.ends_with(" " + std::to_string(count));
    return false;
  }
};

}  // namespace

TEST_CASE("a good token says who calls; the second time it is not verified again") {
  Front front;
  CHECK(front.authenticator.ready());
  const std::string header = "Bearer " + token();
  const auto first = front.ask(header);
  REQUIRE(first);
  CHECK(first->identity() == tenant + "/" + person);
  CHECK(front.counted("verified", 1));
  const auto again = front.ask(header);
  REQUIRE(again);
  CHECK(*again == *first);
  CHECK(front.counted("verified", 1));
  CHECK(front.counted("cached", 1));
}

TEST_CASE("what is remembered ends with the token, with its key, and where the clock was set back") {
  Front front;
  const std::string header = "Bearer " + token();
  REQUIRE(front.ask(header));
  SECTION("the token") {
    front.clock.advance(1h + 119s);
    CHECK(front.code(header) == "accepted");
    front.clock.advance(1s);
    CHECK(front.code(header) == "token_invalid");
  }
  SECTION("the key's numbers") {
    front.microsoft.keys = key_set({Signer::rsa("key-1")});
    front.clock.advance(5min);
    CHECK(front.code("Bearer " + token(claims(), Signer::rsa("stray"))) == "token_invalid");
    CHECK(front.code(header) == "token_invalid");
  }
  SECTION("the key") {
    front.microsoft.keys = key_set({Signer::rsa("key-2")});
    const std::string long_lived =
        "Bearer " + token(claims_but({{"exp", seconds(front.clock.wall()) + 200'000}}));
    REQUIRE(front.ask(long_lived));
    front.clock.advance(24h);
    CHECK(front.code(long_lived) == "token_invalid");
  }
  SECTION("the clock") {
    front.clock.set_wall(front.clock.wall() - 121s);
    CHECK(front.code(header) == "token_invalid");
  }
}

TEST_CASE("a token that differs in one character is another token") {
  Front front;
  std::string text = token();
  REQUIRE(front.ask("Bearer " + text));
  text[text.size() - 9] = text[text.size() - 9] == 'A' ? 'B' : 'A';
  CHECK(front.code("Bearer " + text) == "token_invalid");
}

TEST_CASE("no token, another scheme and two headers are refused, each by its name") {
  Front front;
  CHECK(front.code("") == "token_missing");
  CHECK(front.code("Basic YTpi") == "token_missing");
  CHECK(front.code("Bearer x") == "token_invalid");
  CHECK(front.code("Bearer " + token() + " " + token()) == "token_invalid");
  const auto by_headers = [&](const http_client::Headers& headers) {
    std::string code;
    front.authenticator.authenticate(headers,
                                     [&](const auto& got) { code = got ? "accepted" : got.error().code; });
    return code;
  };
  CHECK(by_headers({}) == "token_missing");
  CHECK(by_headers({{"Host", "x"}, {"AUTHORIZATION", "Bearer " + token()}}) == "accepted");
  CHECK(by_headers({{"authorization", "Bearer " + token()}, {"Authorization", "Bearer " + token()}}) ==
        "token_invalid");
}

TEST_CASE("without keys nobody is let in, and a probe reads why") {
  Front front;
  Authority down;
  down.keys_answer = fakes::FakeTransport::answer(503);
  auth::Authenticator authenticator(settings(), down.transport, front.clock, front.registry);
  CHECK_FALSE(authenticator.ready());
  CHECK_THAT(authenticator.why_not_ready(), Catch::Contains("HTTP 503"));
  std::string code;
  authenticator.authenticate("Bearer " + token(),
                             [&](const auto& got) { code = got ? "accepted" : got.error().code; });
  CHECK(code == "keys_not_available");
}

TEST_CASE("the hourly refresh needs no caller") {
  Front front;
  front.clock.advance(1h);
  while (front.microsoft.asked() < 2)  // the test's own time limit ends it
    std::this_thread::yield();
  SUCCEED();
}

TEST_CASE("many threads may ask at once") {
  Front front;
  const std::string good = "Bearer " + token();
  const std::string bad = "Bearer " + token(claims_but({{"aud", "other"}}));
  std::atomic<int> accepted{0};
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int j = 0; j < 200; ++j)
          front.authenticator.authenticate(std::string_view(j % 2 == 0 ? good : bad),
                                           [&](const auto& got) { ++(got ? accepted : refused); });
      });
  }
  CHECK(accepted == 400);
  CHECK(refused == 400);
}
