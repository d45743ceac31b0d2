#include "workers/front/adapters/pulse.h"

#include "workers/front/core/event_text.h"

#include <map>
#include <mutex>
#include <vector>

namespace rollcall::front {

struct Pulse::State {
  struct Member {
    http_server::EventStream stream;
    WallTime expires_at;
    std::function<void()> look;
  };

  State(const Clock& given, std::chrono::milliseconds every)
      : clock(given), period(every), turned(clock.steady()) {}

  /// Those whose turn it is, by how much of a period has passed.
  std::vector<Member> due() {
    const std::lock_guard lock(mutex);
    const auto now = clock.steady();
    share += static_cast<double>(members.size()) * std::chrono::duration<double>(now - turned).count() /
             std::chrono::duration<double>(period).count();
    turned = now;
    share = std::min(share, static_cast<double>(members.size()));
    std::vector<Member> served;
    for (auto at = members.upper_bound(last); share >= 1 && !members.empty(); ++at, --share) {
      if (at == members.end()) at = members.begin();
      served.push_back(at->second);
      last = at->first;
    }
    return served;
  }

  const Clock& clock;
  const std::chrono::milliseconds period;
  mutable std::mutex mutex;
  std::map<std::uint64_t, Member> members;  // in the order of their coming
  std::uint64_t next = 1, last = 0;
  SteadyTime turned;
  double share = 0;
};

Pulse::Pulse(const Clock& clock, std::chrono::milliseconds period)
    : state_(std::make_shared<State>(clock, period)) {}
Pulse::~Pulse() = default;

void Pulse::add(http_server::EventStream stream, WallTime expires_at, std::function<void()> look) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(state_->mutex);
    number = state_->next++;
    state_->members.emplace(number, State::Member{stream, expires_at, std::move(look)});
  }
  stream.on_close([state = std::weak_ptr(state_), number] {
    const auto alive = state.lock();
    if (!alive) return;
    State::Member gone;  // let go of without the lock: what it holds may come back here
    const std::lock_guard lock(alive->mutex);
    if (const auto found = alive->members.find(number); found != alive->members.end()) {
      gone = std::move(found->second);
      alive->members.erase(found);
    }
  });
}

void Pulse::turn() {
  const auto now = state_->clock.wall();
  for (const auto& member : state_->due()) {
    if (member.expires_at <= now) {
      say_bye(member.stream, "token_expired");
    } else if (member.stream.send(heartbeat_text) && member.look) {
      member.look();
    }
  }
}

std::size_t Pulse::streams() const {
  const std::lock_guard lock(state_->mutex);
  return state_->members.size();
}

void say_bye(const http_server::EventStream& stream, std::string_view reason) {
  // Where it is over already, there is nobody to say it to.
  if (stream.send(event_text("", "bye", R"({"reason":")" + std::string(reason) + R"("})"))) stream.close();
}

}  // namespace rollcall::front
