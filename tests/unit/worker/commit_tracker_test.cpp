#include "common/worker/commit_tracker.h"

#include "tests/support/catch.h"

#include <algorithm>

#include <rapidcheck.h>

using rollcall::kafka::TopicPartition;
using rollcall::worker::CommitTracker;

namespace {
const TopicPartition p0{"t", 0};
}

TEST_CASE("only the contiguous finished prefix is committed") {
  CommitTracker tracker;
  for (const long offset : {10, 11, 12})
    tracker.started(p0, offset);
  tracker.finished(p0, 11);
  CHECK(tracker.take_committable().empty());
  tracker.finished(p0, 10);
  CHECK(tracker.take_committable().at(p0) == 12);
  CHECK(tracker.take_committable().empty());
  CHECK(tracker.open() == 1);
  tracker.finished(p0, 12);
  CHECK(tracker.take_committable().at(p0) == 13);
}

TEST_CASE("a partition taken away commits nothing more") {
  CommitTracker tracker;
  tracker.started(p0, 1);
  tracker.started(p0, 2);
  tracker.forget(p0);
  tracker.finished(p0, 1);
  CHECK(tracker.open() == 0);
  CHECK(tracker.take_committable().empty());
}

TEST_CASE(
    "whatever the order of finishing, nothing unfinished is ever committed, and in the end everything is") {
  CHECK(rc::check([] {
    const auto gaps = *rc::gen::container<std::vector<int>>(20, rc::gen::inRange(1, 4));
    std::vector<std::int64_t> offsets;
    std::int64_t at = *rc::gen::inRange(0, 100);
    for (const int gap : gaps)
      offsets.push_back(at += gap);
    auto order = offsets;
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(i)))]);
    }
    CommitTracker tracker;
    for (const auto offset : offsets)
      tracker.started(p0, offset);
    std::vector<std::int64_t> finished;
    std::int64_t committed = 0;
    for (const auto offset : order) {
      tracker.finished(p0, offset);
      tracker.finished(p0, offset);  // twice is once
      finished.push_back(offset);
      for (const auto& [partition, next] : tracker.take_committable()) {
        RC_ASSERT(next > committed);
        committed = next;
      }
      for (const auto one : offsets) {
        if (one < committed) RC_ASSERT(std::ranges::find(finished, one) != finished.end());
      }
    }
    RC_ASSERT(committed == offsets.back() + 1);
    RC_ASSERT(tracker.open() == 0U);
  }));
}
