#include "common/worker/lanes.h"
#include "tests/support/catch.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <rapidcheck.h>

using namespace rollcall;
using worker::KeyedQueue;

namespace {

void submit(worker::Lanes& lanes, const std::string& key, bool urgent, worker::Lanes::Task task) {
  std::vector<worker::Lanes::Piece> pieces;
  pieces.push_back({key, urgent, std::move(task)});
  lanes.submit(std::move(pieces));
}

}  // namespace

TEST_CASE("urgent work goes before bulk, also of other keys") {
  KeyedQueue<int> queue;
  queue.push("a", false, 1);
  queue.push("b", false, 2);
  queue.push("c", true, 3);
  queue.push("a", true, 4);
  CHECK(queue.take()->item == 3);
  CHECK(queue.take()->item == 4);
  CHECK(queue.take()->item == 2);
  CHECK_FALSE(queue.take());  // a is busy
  queue.done("a");
  CHECK(queue.take()->item == 1);
}

TEST_CASE("keys keep their order, none runs twice at once, nothing is lost or left behind") {
  CHECK(rc::check([] {
    KeyedQueue<int> queue;
    std::map<std::pair<std::string, bool>, std::vector<int>> pushed, taken;
    std::map<std::string, bool> urgent_of;  // one kind per key, so that its order is plain
    std::set<std::string> busy;
    int next = 0;
    std::size_t waiting = 0;
    const auto step = [&](int action) {
      if (action < 5) {
        const std::string key(1, static_cast<char>('a' + *rc::gen::inRange(0, 4)));
        const bool urgent = *rc::gen::arbitrary<bool>();
        queue.push(key, urgent, next);
        pushed[{key, urgent}].push_back(next++);
        ++waiting;
      } else if (action < 8) {
        if (auto one = queue.take()) {
          RC_ASSERT(busy.insert(one->key).second);
          --waiting;
          const auto& urgents = pushed[{one->key, true}];
          const bool urgent = std::ranges::find(urgents, one->item) != urgents.end();
          taken[{one->key, urgent}].push_back(one->item);
        }
      } else if (!busy.empty()) {
        queue.done(*busy.begin());
        busy.erase(busy.begin());
      }
      RC_ASSERT(queue.size() == waiting);
    };
    for (const int action : *rc::gen::container<std::vector<int>>(60, rc::gen::inRange(0, 10)))
      step(action);
    for (int i = 0; i < 400 && (waiting > 0 || !busy.empty()); ++i)
      step(i % 2 == 0 ? 5 : 9);
    RC_ASSERT(waiting == 0U);
    for (const auto& [key, items] : pushed)
      RC_ASSERT(taken[key] == items);
  }));
}

TEST_CASE("lanes run everything, in order per key and in parallel across keys") {
  metrics::Registry registry("test");
  worker::Lanes lanes(4, registry.gauge("rollcall_lanes_busy", ""));
  std::mutex mutex;
  std::map<std::string, std::vector<int>> seen;
  std::atomic<int> running = 0, most = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string key = std::to_string(i % 7);
    submit(lanes, key, i % 2 == 0 && i % 7 == 0, [&, key, i](bool dropped) {
      if (dropped) return;
      most = std::max(most.load(), ++running);
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      --running;
      const std::lock_guard lock(mutex);
      seen[key].push_back(i);
    });
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    std::size_t all = 0;
    for (const auto& [key, items] : seen)
      all += items.size();
    return all;
  };
  while (count() < 200 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  CHECK(count() == 200);
  CHECK(most > 1);
  for (const auto& [key, items] : seen) {
    if (key != "0") CHECK(std::ranges::is_sorted(items));
  }
  CHECK(lanes.stop(std::chrono::steady_clock::now() + std::chrono::seconds{1}));
}

TEST_CASE("stopping lanes give back what has not begun and wait for what has") {
  metrics::Registry registry("test");
  worker::Lanes lanes(1, registry.gauge("rollcall_lanes_busy", ""));
  std::atomic<bool> begun = false, finished = false;
  std::atomic<int> dropped_count = 0;
  submit(lanes, "a", true, [&](bool) {
    begun = true;
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    finished = true;
  });
  for (int i = 0; i < 5; ++i)
    submit(lanes, "b", true, [&](bool dropped) { dropped_count += dropped ? 1 : 0; });
  while (!begun)
    std::this_thread::yield();
  CHECK(lanes.stop(std::chrono::steady_clock::now() + std::chrono::seconds{5}));
  CHECK(finished);
  CHECK(dropped_count == 5);
}
