#include "workers/front/adapters/gatherer.h"

#include "tests/support/catch.h"

#include <future>
#include <thread>

using namespace rollcall;
using namespace rollcall::front;

namespace {

/// A block that stands still until it is let go.
struct Gate {
  std::promise<void> opened;
  std::shared_future<void> open{opened.get_future()};
};

}  // namespace

TEST_CASE("What comes while a block is asked is asked together after it") {
  Gate gate;
  std::promise<void> begun;
  std::vector<std::vector<int>> blocks;
  std::promise<void> all;
  std::vector<int> answers(21);
  std::atomic<int> answered = 0;
  Pool pool(2, 100);  // last: its threads use what is above
  Gatherer<int, int> gatherer(pool, [&](const std::vector<int>& questions) {
    blocks.push_back(questions);
    if (blocks.size() == 1) begun.set_value(), gate.open.wait();
    std::vector<int> doubled;
    for (const int question : questions)
      doubled.push_back(question * 2);
    return doubled;
  });
  const auto ask = [&](int question) {
    gatherer.ask(question, [&, question](int answer, const std::exception_ptr&) {
      answers[static_cast<std::size_t>(question)] = answer;
      if (++answered == 21) all.set_value();
    });
  };
  ask(0);
  begun.get_future().wait();  // alone, it waits for nobody
  for (int i = 1; i <= 20; ++i)
    ask(i);
  gate.opened.set_value();
  all.get_future().wait();
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[1].size() == 20);
  for (int i = 0; i <= 20; ++i)
    CHECK(answers[static_cast<std::size_t>(i)] == i * 2);
}

TEST_CASE("A block that fails is told to all who asked in it, and the next one is asked") {
  Pool pool(2, 100);
  bool fail = true;
  Gatherer<int, int> gatherer(pool, [&](const std::vector<int>& questions) {
    if (std::exchange(fail, false)) throw Error(Fault::transient, "database_unavailable", "away");
    return questions;
  });
  const auto ask = [&] {
    const auto answer = std::make_shared<std::promise<int>>();
    gatherer.ask(7, [answer](int given, const std::exception_ptr& failed) {
      failed ? answer->set_exception(failed) : answer->set_value(given);
    });
    return answer->get_future().get();
  };
  CHECK_THROWS_WITH(ask(), "away");
  CHECK(ask() == 7);
}

TEST_CASE("No more wait than can be served soon") {
  Gate gate;
  std::promise<void> begun;
  Pool pool(1, 100);
  Gatherer<int, int> gatherer(
      pool,
      [&](const std::vector<int>& questions) {
        if (questions == std::vector{0}) begun.set_value(), gate.open.wait();
        return questions;
      },
      10, 3);
  std::atomic<int> answered = 0;
  const auto ask = [&](int question) {
    gatherer.ask(question, [&](int, const std::exception_ptr&) { ++answered; });
  };
  ask(0);
  begun.get_future().wait();
  for (int i = 1; i <= 3; ++i)
    ask(i);
  CHECK_THROWS_WITH(ask(4), Catch::Contains("More requests are waiting"));
  gate.opened.set_value();
  while (answered < 4)
    std::this_thread::yield();
}
