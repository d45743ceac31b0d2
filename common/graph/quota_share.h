#pragma once
#include "common/core/clock.h"
#include "common/graph/governor.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// How processes of one app in one tenant divide its quota; the reasons stand in ops/docs/adr/0009. Pure:
/// time and messages are arguments; the one thing it acts on is its governor.
namespace rollcall::graph {

/// What a member says of itself, or another one of a member that is gone. All numbers are parts of the quota.
struct ShareNews {
  enum class State {
    holding,   ///< lives
    left,      ///< ended in order: what it holds is what it has used
    released,  ///< gone without a word: found out by another
  };
  std::string member;    ///< one life of one process
  std::string instance;  ///< which process: CommonSettings::instance
  std::uint64_t sequence = 0;
  State state = State::holding;
  PerQuota hold{0, 0};             ///< it will not use more, until it says otherwise
  PerQuota reach{0, 0};            ///< nor will more count of it at any moment, until it says otherwise
  PerQuota ask{0, 0};              ///< it will hold so much where the log has room; 0: it asks for nothing
  PerQuota want{0, 0};             ///< it could use so much
  std::array<bool, 2> is_short{};  ///< its calls are waiting for quota
};

/// When a message was appended, by the broker's clock; not exact where it is the sender's.
struct AppendedAt {
  std::int64_t milliseconds = 0;
  bool exact = false;
};

struct QuotaShareOptions {
  std::string member, instance;
  std::array<std::chrono::milliseconds, 2> windows{std::chrono::seconds{10}, std::chrono::seconds{150}};
};

/// One member's view of the shares. Not safe from several threads.
class QuotaShare {
 public:
  static constexpr std::chrono::milliseconds turn{50};      ///< between two calls of tick()
  static constexpr std::chrono::milliseconds beat{500};     ///< a member says at least so often that it lives
  static constexpr std::chrono::milliseconds fence{8'000};  ///< unheard so long, it may hold nothing
  static constexpr std::chrono::milliseconds silence{12'000};  ///< unheard so long, others may release it

  /// Takes all of the share away from the governor until the log has granted one.
  QuotaShare(QuotaShareOptions options, Governor& governor, SteadyTime now);

  /// What is to be appended to the log now, in this order.
  std::vector<ShareNews> tick(SteadyTime now);
  /// The log, message by message in its order, our own included.
  void read(const ShareNews& news, AppendedAt at, SteadyTime now);
  /// Instances with the age of their last sign of life in the database, as asked for at `asked`.
  void hear_living(const std::map<std::string, std::chrono::milliseconds>& ages, SteadyTime asked);
  /// Somebody, maybe this process, is not heard on the log: hear_living() is wanted.
  [[nodiscard]] bool wants_living(SteadyTime now) const;
  /// The last word, once no call is under way any more.
  ShareNews leave(SteadyTime now);

  /// Everything before our first message has been read.
  [[nodiscard]] bool joined() const { return joined_; }
  /// Our messages come back in time: what is read now was said just now.
  [[nodiscard]] bool in_touch(SteadyTime now) const { return joined_ && now - confirmed_ < 2 * beat; }
  /// The broker's time now, as our own last message tells it.
  [[nodiscard]] std::int64_t log_time(SteadyTime now) const;
  [[nodiscard]] PerQuota share() const { return share_; }
  [[nodiscard]] std::size_t others() const;

 private:
  struct Other {
    ShareNews news;
    AppendedAt at;
    SteadyTime read;
    bool before_us = false;                 // said before we joined
    std::optional<SteadyTime> released_at;  // by us, and not read yet
    [[nodiscard]] bool ended() const { return news.state != ShareNews::State::holding; }
  };
  [[nodiscard]] PerQuota held_by(const Other& other, SteadyTime now) const;
  [[nodiscard]] PerQuota held_by_others(SteadyTime now) const;
  [[nodiscard]] double held_by_ended(std::size_t quota, SteadyTime now) const;
  [[nodiscard]] double fair(std::size_t quota, double want, double gone) const;
  [[nodiscard]] double headroom(std::size_t quota) const;
  [[nodiscard]] bool is_silent(const Other& other) const;
  [[nodiscard]] bool is_gone(const Other& other) const;
  void hold(const PerQuota& limit, SteadyTime now);
  ShareNews wish(const Governor::Demand& demand, SteadyTime now);
  PerQuota reach_for(const Governor::Demand& demand, SteadyTime now);
  void lose(SteadyTime now);
  void keep_lease(SteadyTime now);
  void read_own(const ShareNews& news, AppendedAt at, SteadyTime now);
  void join(AppendedAt at, SteadyTime now);
  ShareNews say(ShareNews news, SteadyTime now);
  [[nodiscard]] bool worth_saying(const ShareNews& news, SteadyTime now) const;
  std::vector<ShareNews> releases(SteadyTime now);

  const QuotaShareOptions options_;
  Governor& governor_;
  std::map<std::string, Other> others_;
  PerQuota limit_{0, 0};    // no call beyond it
  PerQuota granted_{0, 0};  // others count with so much: the limit may go up to it without asking
  PerQuota wanted_{0, 0};   // lately
  PerQuota reach_{0, 0};    // told on the log: so much may count
  std::array<SteadyTime, 2> reach_needed_{};
  PerQuota share_{0, 0};  // what we hold: the limit, or what counts already where that is more
  ShareNews last_;        // said by us
  SteadyTime said_{};
  bool asking_ = false;  // last_ asks and has not been read yet
  bool joined_ = false;
  struct Sent {
    std::uint64_t sequence;
    SteadyTime at;
    PerQuota reach;
  };
  std::deque<Sent> sent_;                // and not read yet
  SteadyTime confirmed_{};               // when our latest message that came back was sent
  std::int64_t confirmed_appended_ = 0;  // its time on the log
  SteadyTime registered_until_{};        // the database says that we live: nobody releases us before
  std::map<std::string, std::chrono::milliseconds> living_;
  SteadyTime living_asked_{};
};

}  // namespace rollcall::graph
