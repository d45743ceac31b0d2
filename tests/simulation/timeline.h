#pragma once
#include "common/core/ids.h"
#include "tests/fakes/manual_clock.h"

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

/// One thread, one virtual clock, one seeded generator: whatever happens in a simulation follows from its
/// seed alone.
namespace rollcall::simulation {

using std::chrono::milliseconds;

/// splitmix64. The library's distributions differ between implementations; these do not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  int below(int n) { return static_cast<int>(next() % static_cast<std::uint64_t>(n)); }
  int between(int low, int high) { return low + below(high - low + 1); }
  milliseconds between(milliseconds low, milliseconds high) {
    return low + milliseconds{below(static_cast<int>((high - low).count()) + 1)};
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return unit() < probability; }
  Uuid uuid() {
    Uuid id;
    const std::uint64_t high = next(), low = next();
    std::memcpy(id.bytes.data(), &high, 8);
    std::memcpy(id.bytes.data() + 8, &low, 8);
    return id;
  }
  template <class Container>
  auto& pick(Container& from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }

 private:
  std::uint64_t state_;
};

/// What must hold does not.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What can be killed, stopped and cut off: its events are dropped after its death and put off while it is
/// stopped; cut off, it reaches Graph, but neither Kafka nor PostgreSQL.
struct Host {
  std::string name;
  bool alive = true, cut_off = false;
  SteadyTime stopped_until{};
  SteadyTime well_since{};  ///< neither stopped nor cut off
  [[nodiscard]] bool responds(SteadyTime now) const { return alive && !cut_off && now >= stopped_until; }
};
using HostPtr = std::shared_ptr<Host>;

/// Of a host that was stopped, the events of one thread go on in their order, the threads in any.
enum class Thread { loop, callers, ticker, heart };

class Timeline {
 public:
  explicit Timeline(bool traced) : traced_(traced) {}

  /// Without a host: the world's own.
  void after(milliseconds delay, HostPtr host, std::function<void()> work, Thread thread = Thread::loop);
  /// Runs the next event; false where there is none before `end`: then the clock stands at `end`.
  bool step(SteadyTime end);
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] SteadyTime now() const { return clock_.steady(); }
  [[nodiscard]] WallTime wall() const { return clock_.wall(); }
  [[nodiscard]] long steps() const { return steps_; }

  /// For the trace of a failure; costs nothing in the first, untraced run.
  template <class... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) {
    if (traced_) remember(fmt::format(format, std::forward<Args>(args)...));
  }
  [[nodiscard]] std::string trace() const;

 private:
  struct Event {
    Thread thread = Thread::loop;
    HostPtr host;
    std::function<void()> work;
  };
  struct Due {  // small, for a heap moves its entries often
    SteadyTime at;
    std::uint64_t sequence;
    std::size_t event;
    bool operator<(const Due& other) const {  // a heap's top is its largest
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };
  void push(Due due);
  void remember(std::string line);

  static constexpr std::size_t trace_max = 150;
  const bool traced_;
  fakes::ManualClock clock_;
  std::vector<Due> due_;
  std::vector<Event> events_;
  std::vector<std::size_t> free_;  // of events_
  std::uint64_t sequence_ = 0;
  long steps_ = 0;
  std::deque<std::string> trace_;
};

/// The first characters of an id: enough to tell ids of one simulation apart.
inline std::string brief(const Uuid& id) {
  return id.to_string().substr(0, 8);
}

}  // namespace rollcall::simulation
