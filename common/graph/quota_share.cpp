#include "common/graph/quota_share.h"

#include <algorithm>
#include <cmath>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;
using State = ShareNews::State;

constexpr std::size_t quotas = 2;

// Beyond what it uses, a member keeps so much in hand, divided by the number of members. While nobody is
// short it spares round trips; what a member killed had in hand is lost for a window, so it is not all.
constexpr double in_hand = 0.4;
// While somebody is short it is what idle members waste: half of the one per cent allowed.
constexpr double in_hand_short = 0.004;
// A member that is short asks for so much beyond what it knows it needs.
constexpr double surge = 0.2;
// What is held and not used is lost for a window when its holder is killed, unless the log says how much it
// can have used: no more than this beyond what it told of. Told anew when half of it is used up.
constexpr double ahead = 0.2;
// Where calls of a moment leave the window together, others take their place within this: no reason to tell
// of.
constexpr milliseconds calm{1'000};
// Changes smaller than these are not worth a message.
constexpr double hold_step = 0.002, want_step = 0.01, ask_step = 0.001, reach_step = 0.02;

// What is said to the log and does not come back is said anew.
constexpr milliseconds answered{1'000};
// Charges may come a little later than what was heard of them.
constexpr milliseconds grace{2'000};
// Times on the log that are senders' clocks are believed where they say that long ago it was.
constexpr milliseconds clocks_differ{600'000};
// The database counts as saying "lives" for 10 s; we rely on it only where our own sign was young enough for
// that to hold until `registered`.
constexpr milliseconds dead_after{10'000}, young{5'000}, registered{4'000};
constexpr milliseconds unheard{3'000};

/// What a member wanted is forgotten within half a window: a share given up for a moment's calm comes back
/// only when others' calls have left the window.
double forgotten(milliseconds window) {
  return std::min(1.0,
                  2.0 * static_cast<double>(QuotaShare::turn.count()) / static_cast<double>(window.count()));
}

}  // namespace

QuotaShare::QuotaShare(QuotaShareOptions options, Governor& governor, SteadyTime now)
    : options_(std::move(options)), governor_(governor) {
  said_ = now - beat;
  confirmed_ = now - fence;
  registered_until_ = living_asked_ = confirmed_;
  last_.member = options_.member;
  last_.instance = options_.instance;
  governor_.set_lease(now);
  hold({0, 0}, now);
}

/// What a member may still use, or has used within the window.
PerQuota QuotaShare::held_by(const Other& other, SteadyTime now) const {
  PerQuota held{};
  for (std::size_t i = 0; i < quotas; ++i) {
    const bool counts = !other.ended() || now < other.read + options_.windows[i] + grace;
    if (counts) held[i] = std::max(other.news.hold[i], other.news.ask[i]);
  }
  return held;
}

PerQuota QuotaShare::held_by_others(SteadyTime now) const {
  PerQuota sum{0, 0};
  for (const auto& [member, other] : others_) {
    const PerQuota held = held_by(other, now);
    for (std::size_t i = 0; i < quotas; ++i)
      sum[i] += held[i];
  }
  return sum;
}

double QuotaShare::held_by_ended(std::size_t quota, SteadyTime now) const {
  double sum = 0;
  for (const auto& [member, other] : others_)
    if (other.ended()) sum += held_by(other, now)[quota];
  return sum;
}

std::size_t QuotaShare::others() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(others_, [](const auto& entry) { return !entry.second.ended(); }));
}

double QuotaShare::headroom(std::size_t quota) const {
  const bool somebody_short = std::ranges::any_of(
      others_, [&](const auto& entry) { return !entry.second.ended() && entry.second.news.is_short[quota]; });
  return (somebody_short ? in_hand_short : in_hand) / static_cast<double>(others() + 1);
}

/// Max-min fairness: who wants less than an equal part gets it whole, the others divide the rest equally.
/// `gone`: what members hold that ended.
double QuotaShare::fair(std::size_t quota, double want, double gone) const {
  std::vector<double> wants{want};
  for (const auto& [member, other] : others_)
    if (!other.ended()) wants.push_back(other.news.want[quota]);
  std::ranges::sort(wants);
  double left = std::max(0.0, 1 - gone);
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const double equal = left / static_cast<double>(wants.size() - i);
    if (wants[i] >= equal) return std::min(want, equal);
    left -= wants[i];
    if (wants[i] >= want) return want;
  }
  return want;
}

void QuotaShare::hold(const PerQuota& limit, SteadyTime now) {
  limit_ = limit;
  share_ = governor_.set_share(limit, held_by_others(now), reach_);
  for (std::size_t i = 0; i < quotas; ++i)
    granted_[i] = std::min(granted_[i], share_[i]);  // told to others from here on
}

/// Others may count on our holding nothing. What counts already is still told, but not to be used again.
void QuotaShare::lose(SteadyTime now) {
  granted_ = reach_ = {0, 0};
  asking_ = false;
  hold({0, 0}, now);
}

/// Without it the governor stops by itself: a process that was stopped for a while holds nothing when it goes
/// on, whichever of its threads wakes first.
void QuotaShare::keep_lease(SteadyTime now) {
  const SteadyTime until = std::max(confirmed_ + fence, registered_until_);
  governor_.set_lease(until);
  if (now >= until) lose(now);
}

std::vector<ShareNews> QuotaShare::tick(SteadyTime now) {
  keep_lease(now);
  std::erase_if(others_, [&](const auto& entry) {
    const auto& windows = options_.windows;
    return entry.second.ended() && now > entry.second.read + *std::ranges::max_element(windows) + 2 * grace;
  });
  std::vector<ShareNews> news = releases(now);
  if (asking_ && now - said_ < answered) return news;
  asking_ = false;

  const ShareNews own = wish(governor_.demand(), now);
  if (worth_saying(own, now)) news.push_back(say(own, now));
  return news;
}

/// How much may count of us, to be told: a raise holds when it has been read, a cut at once.
PerQuota QuotaShare::reach_for(const Governor::Demand& demand, SteadyTime now) {
  PerQuota told = reach_;
  for (std::size_t i = 0; i < quotas; ++i) {
    // Where the quota is so small that a batch is a good part of it, half of it must still hold one.
    const double beyond = std::max(ahead, 2 * demand.batch[i]);
    const double counting = demand.used[i] + demand.waiting[i], enough = std::min(1.0, counting + beyond);
    if (reach_[i] <= enough + beyond) reach_needed_[i] = now;
    if (now - reach_needed_[i] >= calm) told[i] = reach_[i] = enough;
    if (reach_[i] < std::min(1.0, counting + beyond / 2)) told[i] = enough;
  }
  return told;
}

/// What we want is told to all; what we have beyond a fair part of it is given up at once; what we lack is
/// asked for as far as there is some.
ShareNews QuotaShare::wish(const Governor::Demand& demand, SteadyTime now) {
  ShareNews own = last_;
  own.state = State::holding;
  own.is_short = demand.is_short;
  own.reach = reach_for(demand, now);
  PerQuota limit = limit_, fairly{};
  for (std::size_t i = 0; i < quotas; ++i) {
    const double spare = headroom(i), needed = demand.used[i] + demand.waiting[i];
    wanted_[i] *= 1 - forgotten(options_.windows[i]);
    wanted_[i] = std::max(wanted_[i], demand.is_short[i] ? std::max(limit_[i], needed) + surge : needed);
    own.want[i] = std::min(1.0, wanted_[i] + spare);
    fairly[i] = fair(i, own.want[i], held_by_ended(i, now));
    // A little beyond is left alone, or the limit would follow every single call. What is still held because
    // it has been used may be used again without asking.
    if (limit_[i] > fairly[i] + spare / 4 || limit_[i] < granted_[i])
      limit[i] = std::min(fairly[i], granted_[i]);
  }
  hold(limit, now);
  own.hold = share_;
  // Others may have called between the look and the cut.
  const PerQuota used = governor_.demand().used;
  for (std::size_t i = 0; i < quotas; ++i)
    own.reach[i] = std::min(1.0, std::max(own.reach[i], used[i]));
  own.ask = {0, 0};
  const PerQuota held = held_by_others(now);
  for (std::size_t i = 0; joined_ && i < quotas; ++i) {
    const double enough = std::min(fairly[i], 1 - held[i]);
    const double step = demand.is_short[i] ? ask_step : headroom(i) / 2;
    if (enough > granted_[i] + step) own.ask[i] = enough;
  }
  return own;
}

bool QuotaShare::worth_saying(const ShareNews& news, SteadyTime now) const {
  if (last_.sequence == 0 || now - said_ >= beat || news.is_short != last_.is_short) return true;
  for (std::size_t i = 0; i < quotas; ++i) {
    // What was asked for and not granted in full is given back by saying so.
    if (news.ask[i] > 0 || std::abs(news.hold[i] - std::max(last_.hold[i], last_.ask[i])) >= hold_step ||
        std::abs(news.want[i] - last_.want[i]) >= want_step ||
        std::abs(news.reach[i] - last_.reach[i]) >= reach_step)
      return true;
  }
  return false;
}

ShareNews QuotaShare::say(ShareNews news, SteadyTime now) {
  news.sequence = last_.sequence + 1;
  last_ = news;
  said_ = now;
  asking_ = news.ask != PerQuota{0, 0};
  sent_.push_back({news.sequence, now, news.reach});
  return news;
}

/// Not a word of it for long, though we have heard ourselves since.
bool QuotaShare::is_silent(const Other& other) const {
  return confirmed_ >= other.read + silence;
}

bool QuotaShare::is_gone(const Other& other) const {
  // It was us, before a restart. Should a word of that life arrive late, the database cannot tell whether
  // it lives: the instance there is this process.
  if (other.news.instance == options_.instance) return other.before_us || is_silent(other);
  if (!is_silent(other) || living_asked_ < other.read + silence) return false;
  const auto found = living_.find(other.news.instance);
  return found == living_.end() || found->second >= dead_after;
}

std::vector<ShareNews> QuotaShare::releases(SteadyTime now) {
  std::vector<ShareNews> news;
  if (!joined_ || !in_touch(now)) return news;
  for (auto& [member, other] : others_) {
    if (other.ended() || !is_gone(other)) continue;
    if (other.released_at && now - *other.released_at < answered) continue;
    other.released_at = now;
    news.push_back(other.news);
    news.back().hold = held_by(other, now);
    for (std::size_t i = 0; i < quotas; ++i)
      news.back().hold[i] = std::min(news.back().hold[i], other.news.reach[i]);
    news.back().ask = {0, 0};
    news.back().state = State::released;
  }
  return news;
}

void QuotaShare::read(const ShareNews& news, AppendedAt at, SteadyTime now) {
  if (news.member == options_.member) return read_own(news, at, now);
  const auto found = others_.find(news.member);
  if (found != others_.end()) {
    const ShareNews& known = found->second.news;
    const bool end = news.state == State::released && known.state == State::holding;
    // What a member sent before it was released arrives after: it thinks it lives, until it reads that.
    if (news.sequence < known.sequence || (news.sequence == known.sequence && !end)) return;
  }
  others_[news.member] = {news, at, now, !joined_, std::nullopt};
}

void QuotaShare::read_own(const ShareNews& news, AppendedAt at, SteadyTime now) {
  if (news.state == State::released) {
    // Others count on what we held from here on, however alive we are. From nothing we may ask again.
    return lose(now);
  }
  while (!sent_.empty() && sent_.front().sequence <= news.sequence) {
    confirmed_ = std::max(confirmed_, sent_.front().at);
    sent_.pop_front();
  }
  confirmed_appended_ = at.milliseconds;
  // Whoever finds us gone goes by the last word that came through, and that may yet be any of those under
  // way.
  reach_ = news.reach;
  for (const Sent& sent : sent_)
    for (std::size_t i = 0; i < quotas; ++i)
      reach_[i] = std::min(reach_[i], sent.reach[i]);
  hold(limit_, now);
  if (!joined_) join(at, now);
  const bool answer = asking_ && news.sequence == last_.sequence;
  if (answer) asking_ = false;
  keep_lease(now);
  if (!answer || now - confirmed_ >= fence) return;
  // Every raise is judged at its place in the log: whoever asked before us is counted with all it asked for,
  // whoever asks after us counts us so. The sum of what is held never exceeds the quota.
  const PerQuota held = held_by_others(now);
  PerQuota limit = limit_;
  for (std::size_t i = 0; i < quotas; ++i)
    granted_[i] = limit[i] = std::max(limit[i], std::min(news.ask[i], 1 - held[i]));
  hold(limit, now);
}

/// Everything said before us is known. What was said long ago is told apart by the log's times.
void QuotaShare::join(AppendedAt at, SteadyTime now) {
  joined_ = true;
  std::erase_if(others_, [&](const auto& entry) {
    return at.milliseconds - entry.second.at.milliseconds > clocks_differ.count();
  });
  for (auto& [member, other] : others_)
    if (at.exact && other.at.exact)
      other.read = std::min(
          other.read, now - milliseconds{std::max<std::int64_t>(0, at.milliseconds - other.at.milliseconds)});
}

void QuotaShare::hear_living(const std::map<std::string, milliseconds>& ages, SteadyTime asked) {
  keep_lease(asked);  // what has lapsed by then does not come back by being alive again
  living_ = ages;
  living_asked_ = asked;
  const auto own = ages.find(options_.instance);
  if (own != ages.end() && own->second < young) registered_until_ = asked + registered;
}

bool QuotaShare::wants_living(SteadyTime now) const {
  if (now - confirmed_ > unheard) return joined_;
  return std::ranges::any_of(
      others_, [&](const auto& entry) { return !entry.second.ended() && is_silent(entry.second); });
}

ShareNews QuotaShare::leave(SteadyTime now) {
  hold({0, 0}, now);
  ShareNews news = last_;
  news.state = State::left;
  news.hold = news.reach = share_;
  news.ask = news.want = {0, 0};
  news.is_short = {};
  return say(news, now);
}

std::int64_t QuotaShare::log_time(SteadyTime now) const {
  return confirmed_appended_ + std::chrono::duration_cast<milliseconds>(now - confirmed_).count();
}

}  // namespace rollcall::graph
