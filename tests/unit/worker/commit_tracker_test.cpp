#include "common/worker/commit_tracker.h"

#include "tests/support/catch.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <rapidcheck.h>

using rollcall::kafka::TopicPartition;
using rollcall::worker::CommitTracker;

namespace {

const TopicPartition p0{"t", 0};

/// rapidcheck draws from small ranges in its first cases; here no case may be a small one.
int number(int from, int to) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to + 1));
}

/// All of one partition, never thrown away: offset, and whether it is finished.
class Seen {
 public:
  void start(std::int64_t offset) { offsets_.emplace(offset, false); }
  void finish(std::int64_t offset) {
    if (const auto found = offsets_.find(offset); found != offsets_.end()) found->second = true;
  }
  [[nodiscard]] std::int64_t last() const { return offsets_.empty() ? 10 : offsets_.rbegin()->first; }
  [[nodiscard]] std::vector<std::int64_t> started() const {
    std::vector<std::int64_t> all;
    for (const auto& [offset, finished] : offsets_)
      all.push_back(offset);
    return all;
  }
  [[nodiscard]] std::size_t open() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(offsets_, [](const auto& entry) { return !entry.second; }));
  }
  /// What to read next, were all before the first unfinished one committed.
  [[nodiscard]] std::optional<std::int64_t> next() const {
    std::optional<std::int64_t> result;
    for (const auto& [offset, finished] : offsets_) {
      if (!finished) break;
      result = offset + 1;
    }
    return result;
  }

 private:
  std::map<std::int64_t, bool> offsets_;
};

}  // namespace

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

TEST_CASE("what is read again after a rewind is not committed twice, nor held open") {
  CommitTracker tracker;
  tracker.started(p0, 5);
  tracker.finished(p0, 5);
  tracker.started(p0, 5);
  CHECK(tracker.open() == 0);
  CHECK(tracker.take_committable().at(p0) == 6);
  CHECK(tracker.take_committable().empty());
}

TEST_CASE("whatever comes in whatever order, what is committed is the finished prefix of each partition") {
  CHECK(rc::check("the tracker agrees with one that looks at all it ever saw", [] {
    const std::vector<TopicPartition> partitions{{"t", 0}, {"t", 1}, {"u", 0}};
    std::map<TopicPartition, Seen> seen;
    std::map<TopicPartition, std::int64_t> committed;
    CommitTracker tracker;
    const auto check_commits = [&] {
      auto expected = std::map<TopicPartition, std::int64_t>{};
      for (const auto& [partition, one] : seen) {
        if (const auto next = one.next(); next && committed[partition] != *next)
          expected[partition] = committed[partition] = *next;
      }
      RC_ASSERT(tracker.take_committable() == expected);
    };
    for (int step = 0; step < 150; ++step) {
      const auto& partition = *rc::gen::elementOf(partitions);
      Seen& one = seen[partition];
      switch (number(0, 19)) {
        case 0:  // taken away, and perhaps given back: reading begins at what was committed, or before
          tracker.forget(partition);
          seen.erase(partition);
          committed.erase(partition);
          break;
        case 1:  // a rewind: read again what was read before
          for (const auto offset : one.started())
            tracker.started(partition, offset);
          break;
        case 2:
        case 3:
          check_commits();
          break;
        default:
          if (number(0, 2) == 0) {
            const auto offset = one.last() + number(1, 3);  // compaction and transactions leave gaps
            tracker.started(partition, offset);
            one.start(offset);
          } else {
            const auto offset = one.last() - number(0, 6);  // finished twice, or never begun: no matter
            tracker.finished(partition, offset);
            one.finish(offset);
          }
      }
      std::size_t open = 0;
      for (const auto& [_, all] : seen)
        open += all.open();
      RC_ASSERT(tracker.open() == open);
    }
    for (auto& [partition, one] : seen) {
      for (const auto offset : one.started()) {
        tracker.finished(partition, offset);
        one.finish(offset);
      }
    }
    check_commits();
    RC_ASSERT(tracker.open() == 0U);
    for (const auto& [partition, one] : seen) {
      if (!one.started().empty()) RC_ASSERT(committed[partition] == one.last() + 1);
    }
  }));
}
