#include "common/graph/governor.h"

#include "common/core/waiting.h"

#include <algorithm>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;

// Whatever we infer, one full $batch (20 parts of 5 units) must always fit, or nothing would ever be sent
// again.
constexpr double units_floor = 100;
constexpr double writes_floor = 20;

// After a 429 the limits may bite earlier than listed (throttling): 5 % less, regained within a minute
// without one.
constexpr double caution_step = 0.95;
constexpr double caution_min = 0.5;
constexpr double regained_per_second = 0.05 / 60;

// No wait of ours is longer; keeps sums of time points far from overflow.
constexpr milliseconds longest = std::chrono::hours{24};

// Bulk calls get a turn at least this often, however many interactive ones wait.
constexpr milliseconds bulk_aging{5'000};

// A caller who had to wait speaks of demand for a while: between two batches nobody stands in line.
constexpr milliseconds shortage_remembered{2'000};

// Where the share is too small for a call, when it grows is for others to say: look again then.
constexpr milliseconds share_looked_at{1'000};

double seconds(SteadyTime::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Governor::Governor(GovernorLimits limits, const Clock& clock)
    : limits_(limits),
      clock_(clock),
      resource_units_(limits.resource_units, limits.resource_unit_window),
      writes_(limits.writes, limits.write_window),
      line_(bulk_aging),
      units_known_(limits.resource_units) {
  cautious_at_ = clock.steady();
  paused_until_ = cautious_at_;
  foreign_until_ = cautious_at_;
}

void Governor::announce() {
  ++change_;
  changed_.notify_all();
}

/// Brings the limits in force up to date.
void Governor::refresh(SteadyTime now) const {
  if (now > cautious_at_) {
    if (now > paused_until_) {
      const auto from = std::max(cautious_at_, paused_until_);
      caution_ = std::min(1.0, caution_ + seconds(now - from) * regained_per_second);
    }
    cautious_at_ = now;
  }
  const double foreign = now < foreign_until_ ? foreign_ : 0;
  const auto limit = [&](double known, double share, double floor) {
    const double careful = known * std::max(0.0, share * caution_ - foreign);
    // The floor holds against what we infer, never against what is promised to others.
    return std::min(known * share, std::max(std::min(floor, known), careful));
  };
  const bool ours = now < lease_until_;
  share_limit_.resource_units = ours ? limit(units_known_, share_[0], units_floor) : 0;
  share_limit_.writes = ours ? limit(limits_.writes, share_[1], writes_floor) : 0;
  resource_units_.set_limit(std::min(share_limit_.resource_units, units_known_ * reach_[0]));
  writes_.set_limit(std::min(share_limit_.writes, limits_.writes * reach_[1]));
}

/// How long until both quotas have room; nothing: only an answer can make room.
std::optional<milliseconds> Governor::room_for(const Cost& cost, bool next, SteadyTime now) {
  const auto units = resource_units_.wait_for(cost.resource_units, now);
  const auto writes = cost.writes > 0 ? writes_.wait_for(cost.writes, now) : milliseconds{0};
  // The reach grows by itself; only the share is anybody else's business.
  const auto is_short = [&](WindowBudget& budget, double asked, double limit) {
    return next && budget.used(now) + asked > limit;
  };
  if (units != milliseconds{0} && is_short(resource_units_, cost.resource_units, share_limit_.resource_units))
    short_until_[0] = now + shortage_remembered;
  if (writes != milliseconds{0} && is_short(writes_, cost.writes, share_limit_.writes))
    short_until_[1] = now + shortage_remembered;
  if (!units || !writes) return std::nullopt;
  return std::max(*units, *writes);
}

std::uint64_t Governor::join(Cost cost, Priority priority, milliseconds patience,
                             const std::string& organization) {
  const auto now = clock_.steady();
  const std::uint64_t id = ++last_id_;
  line_.join(id, priority, organization, now);
  callers_.emplace(id, Caller{cost, now, now + std::clamp(patience, milliseconds{0}, longest)});
  waiting_ = {waiting_.resource_units + cost.resource_units, waiting_.writes + cost.writes};
  return id;
}

Governor::Look Governor::look_locked(std::uint64_t id, bool stopped) {
  const auto& [cost, begun, deadline] = callers_.at(id);
  const auto now = clock_.steady();
  refresh(now);
  // In turn even where a later, smaller call would fit: else a full batch could starve.
  const bool my_turn = line_.next(now) == id;
  const auto room = room_for(cost, my_turn, now);
  const auto paused =
      std::chrono::ceil<milliseconds>(std::max(SteadyTime::duration::zero(), paused_until_ - now));
  const auto needed = std::max(paused, room.value_or(milliseconds{0}));
  if (my_turn && room && needed == milliseconds{0}) {
    leave_line(id, true, now);
    return {Look::Answer::granted};
  }
  // A wait that is known to be too long is not begun: the caller has better things to do. But with less
  // than all of the quota, nothing is known before the others have had time to give us more.
  const bool too_long = now + needed > deadline;
  const bool part = std::min({share_[0], share_[1], reach_[0], reach_[1]}) < 1;
  const bool may_grow = part && now < begun + share_looked_at && now + paused <= deadline;
  if (stopped || now >= deadline || (too_long && !may_grow)) {
    const auto wait = std::max(needed, room ? milliseconds{1} : share_looked_at);
    if (!stopped) remember_refused(cost, wait, now);
    leave_line(id, false, now);
    return {Look::Answer::refused, wait};
  }
  const auto until = too_long                           ? begun + share_looked_at
                     : room && needed > milliseconds{0} ? now + needed
                                                        : now + line_.aging();
  return {Look::Answer::wait, milliseconds{0}, std::min<SteadyTime>(deadline, until)};
}

void Governor::leave_line(std::uint64_t id, bool granted, SteadyTime now) {
  const auto cost = callers_.extract(id).mapped().cost;
  line_.leave(id, granted, now);
  waiting_ = {waiting_.resource_units - cost.resource_units, waiting_.writes - cost.writes};
  if (granted) {
    resource_units_.reserve(cost.resource_units);
    writes_.reserve(cost.writes);
    units_in_flight_ += cost.resource_units;
    reserved_.emplace(id, cost);
  }
  announce();  // the next in line may go
}

/// Who is sent away comes again when it was told to. If the need were forgotten meanwhile, the share would be
/// as small again by then as it was, and the call be refused again, for ever. What had been used counts in
/// it: the run goes the same way up to that call. The largest need, not the sum: one caller may ask often.
void Governor::remember_refused(const Cost& cost, milliseconds wait, SteadyTime now) {
  if (now >= refused_until_) refused_ = {0, 0};
  refused_.resource_units =
      std::max(refused_.resource_units, resource_units_.used(now) + cost.resource_units);
  if (cost.writes > 0) refused_.writes = std::max(refused_.writes, writes_.used(now) + cost.writes);
  refused_until_ = std::max<SteadyTime>(refused_until_, now + std::min(wait, longest) + shortage_remembered);
}

std::uint64_t Governor::ask(Cost cost, Priority priority, milliseconds patience,
                            const std::string& organization) {
  const std::lock_guard lock(mutex_);
  return join(cost, priority, patience, organization);
}

Governor::Look Governor::look(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  return look_locked(id, false);
}

std::optional<std::uint64_t> Governor::acquire(Cost cost, Priority priority, milliseconds patience,
                                               const std::stop_token& stop, milliseconds& wait,
                                               const std::string& organization) {
  std::unique_lock lock(mutex_);
  const auto id = join(cost, priority, patience, organization);
  for (;;) {
    const auto look = look_locked(id, stop.stop_requested());
    wait = look.wait;
    if (look.answer == Look::Answer::granted) return id;
    if (look.answer == Look::Answer::refused) return std::nullopt;
    const auto seen = change_;
    wait_until(clock_, lock, changed_, stop, look.until, [&] { return change_ != seen; });
  }
}

void Governor::settle(std::uint64_t id, Cost actual) {
  const std::lock_guard lock(mutex_);
  const auto found = reserved_.find(id);
  if (found == reserved_.end()) return;
  const auto now = clock_.steady();
  resource_units_.settle(found->second.resource_units, actual.resource_units, now);
  writes_.settle(found->second.writes, actual.writes, now);
  units_in_flight_ -= found->second.resource_units;
  reserved_.erase(found);
  announce();
}

void Governor::apply_pause(milliseconds pause) {
  {
    const std::lock_guard lock(mutex_);
    if (!pause_locked(pause)) return;
  }
  if (on_pause_) on_pause_(pause);
}

void Governor::obey_pause(milliseconds pause) {
  const std::lock_guard lock(mutex_);
  pause_locked(pause);
}

/// Whether it is news.
bool Governor::pause_locked(milliseconds pause) {
  if (pause <= milliseconds{0}) return false;
  const auto now = clock_.steady();
  refresh(now);
  // Calls under way when the first 429 came get theirs too: one incident, one step.
  if (now >= paused_until_) {
    caution_ = std::max(caution_min, caution_ * caution_step);
    // A quota we had only inferred may have been wrong.
    units_known_ = std::max(limits_.resource_units, units_known_ * 0.9);
    evidence_since_.reset();
  }
  const SteadyTime until = now + std::min(pause, longest);
  // The rest of a burst of 429s names nearly the same time.
  const bool news = until > paused_until_ + milliseconds{50};
  paused_until_ = std::max(paused_until_, until);
  announce();
  return news;
}

/// A tenant larger than assumed (throttling-limits: S 3,500, M 5,000, L 8,000 units): the service says that
/// less of the quota is used than what we alone were charged. Believed only when it has said so for a whole
/// window, since the share of a token bucket is lower than ours for a moment in every burst, and by 5 % less
/// than it seems.
void Governor::learn(double percentage, double write_share, SteadyTime now) {
  const double charged = resource_units_.used(now) - units_in_flight_;
  // What others of ours hold may be used or not: only who has all of it can tell.
  const bool evidence = share_[0] >= 1 && charged >= 0.9 * units_known_ &&
                        percentage + 0.1 <= charged / units_known_ &&
                        percentage > write_share + 0.05;  // else it may be speaking of the writes
  if (!evidence || (evidence_since_ && now - evidence_last_ > limits_.resource_unit_window))
    evidence_since_.reset();
  if (!evidence) return;
  const double seen = 0.95 * charged / percentage;
  if (!evidence_since_) {
    evidence_since_ = now;
    evidence_units_ = seen;
  }
  evidence_units_ = std::min(evidence_units_, seen);
  evidence_last_ = now;
  if (now - *evidence_since_ < limits_.resource_unit_window) return;
  units_known_ =
      std::clamp(evidence_units_, units_known_, std::max(units_known_, limits_.resource_units_max));
  evidence_since_.reset();
}

void Governor::observe_percentage(double percentage) {
  if (!(percentage > 0)) return;
  const std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  percentage = std::min(percentage, 2.0);
  const double units_share = resource_units_.used(now) / units_known_;
  const double write_share = writes_.used(now) / limits_.writes;
  // The header does not say which quota it speaks of. What neither of ours explains, with the part promised
  // to processes beside us, others are using now. It comes with every answer above 0.8, so it is forgotten
  // one window after the last.
  foreign_ = std::max(0.0, percentage - std::max(units_share + of_others_[0], write_share + of_others_[1]));
  foreign_until_ = now + limits_.resource_unit_window;
  learn(percentage, write_share, now);
  refresh(now);
  announce();
}

PerQuota Governor::set_share(PerQuota limit, PerQuota of_others, PerQuota reach) {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  const PerQuota used{resource_units_.used(now) / units_known_, writes_.used(now) / limits_.writes};
  PerQuota held{};
  for (std::size_t i = 0; i < held.size(); ++i) {
    share_[i] = std::clamp(limit[i], 0.0, 1.0);
    held[i] = std::clamp(std::max(limit[i], used[i]), 0.0, 1.0);
  }
  of_others_ = of_others;
  reach_ = reach;
  refresh(now);
  announce();
  return held;
}

void Governor::set_lease(SteadyTime until) {
  const std::lock_guard lock(mutex_);
  lease_until_ = until;
  refresh(clock_.steady());
  announce();
}

Governor::Demand Governor::demand() {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  const double units = resource_units_.used(now), writes = writes_.used(now);
  Cost waiting = waiting_;
  if (now < refused_until_) {
    waiting.resource_units = std::max(waiting.resource_units, refused_.resource_units - units);
    waiting.writes = std::max(waiting.writes, refused_.writes - writes);
  }
  return {{units / units_known_, writes / limits_.writes},
          {waiting.resource_units / units_known_, waiting.writes / limits_.writes},
          {now < short_until_[0], now < short_until_[1]},
          {batch_parts_max / units_known_, batch_parts_max / limits_.writes}};
}

Governor::Status Governor::status() const {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  refresh(now);
  return {resource_units_.used(now),
          resource_units_.limit(),
          writes_.used(now),
          writes_.limit(),
          std::chrono::ceil<milliseconds>(std::max(SteadyTime::duration::zero(), paused_until_ - now)),
          now < lease_until_ ? share_ : PerQuota{0, 0}};
}

}  // namespace rollcall::graph
