#include "common/worker/in_flight.h"

#include "common/runs/blocks.h"

#include <utility>

namespace rollcall::worker {
namespace {

/// What may speak for others: a first attempt of something that has done nothing yet. One that resumes an
/// older plan, or carries out an approved one, would not see what has changed since.
bool may_lead(const Claimed& claimed) {
  return claimed.run.attempt == 1 && !claimed.run.resumed && claimed.run.approved_digest.empty() &&
         !claimed.run.organization_id.is_nil() && !claimed.cancel_requested;
}

}  // namespace

void InFlight::forget_leader(Entry& entry) {
  if (entry.leads) leaders_.erase(*std::exchange(entry.leads, std::nullopt));
}

bool InFlight::add(const Uuid& run) {
  const std::lock_guard lock(mutex_);
  return runs_.try_emplace(run).second;
}

void InFlight::claimed(const std::shared_ptr<const Claimed>& run) {
  const std::lock_guard lock(mutex_);
  auto& entry = runs_[run->run.id];
  entry.claimed = run;
  entry.beaten_at = clock_.steady();
  entry.followed = run->followed;
  if (run->block) blocks_.try_emplace(*run->block, run->block);
  if (!may_lead(*run)) return;
  const auto [leader, leads] = leaders_.try_emplace(
      Equal{run->run.organization_id, run->run.operation, run->parameters_hash}, run->run.id);
  if (leads) entry.leads = leader;
}

bool InFlight::begin(const Uuid& run) {
  std::unique_lock lock(mutex_);
  auto& entry = runs_.at(run);
  forget_leader(entry);
  unpinned_.wait(lock, [&] { return entry.pins == 0; });
  entry.begun = true;
  entry.begun_at = clock_.steady();
  return !entry.cancelled && !entry.lost;
}

void InFlight::remove(const Uuid& run) {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(run);
  if (found == runs_.end()) return;
  forget_leader(found->second);
  runs_.erase(found);
}

void InFlight::leave(const Uuid& run) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = runs_.find(run);
    if (found != runs_.end() && found->second.claimed && found->second.claimed->block)
      left_.push_back(found->second.claimed->block);
  }
  remove(run);
}

std::size_t InFlight::size() const {
  const std::lock_guard lock(mutex_);
  return runs_.size();
}

std::optional<InFlight::Leader> InFlight::pin_leader(const Command& command) {
  if (!command.organization_id) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto leader =
      leaders_.find(Equal{*command.organization_id, command.operation, command.parameters_hash});
  if (leader == leaders_.end()) return std::nullopt;
  auto& entry = runs_.at(leader->second);
  ++entry.pins;
  return Leader{leader->second, entry.claimed->claim};
}

void InFlight::unpin(const Uuid& leader, bool joined) {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(leader);
  if (found == runs_.end()) return;
  --found->second.pins;
  if (joined) found->second.followed = true;
  unpinned_.notify_all();
}

bool InFlight::followed(const Uuid& run) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(run);
  return found != runs_.end() && found->second.followed;
}

std::stop_token InFlight::stop_of(const Uuid& run) const {
  const std::lock_guard lock(mutex_);
  return runs_.at(run).stop.get_token();
}

bool InFlight::cancelled(const Uuid& run) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(run);
  return found != runs_.end() && found->second.cancelled;
}

void InFlight::stop_all() {
  std::vector<std::stop_source> sources;  // what a stop wakes may ask us something
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : runs_)
      sources.push_back(entry.stop);
  }
  for (auto& source : sources)
    source.request_stop();
}

bool InFlight::confirmed(const Uuid& run) const {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(run);
  return found != runs_.end() && !found->second.lost &&
         clock_.steady() - found->second.confirmed_at < runs::stale_after / 2;
}

void InFlight::confirm(const Uuid& run, SteadyTime asked_at) {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(run);
  if (found != runs_.end()) found->second.confirmed_at = asked_at;
}

void InFlight::progress(const Uuid& run, Json progress) {
  const std::lock_guard lock(mutex_);
  const auto found = runs_.find(run);
  if (found != runs_.end()) found->second.progress = std::move(progress);
}

void InFlight::store_progress(postgres::Database& database) {
  std::vector<Uuid> ids, claims;
  std::vector<postgres::Value> progress;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, entry] : runs_) {
      if (!entry.progress) continue;
      ids.push_back(id);
      claims.push_back(entry.claimed->claim);
      progress.push_back(postgres::value(*entry.progress));
      entry.progress.reset();
    }
  }
  if (ids.empty()) return;
  database.execute(
      "UPDATE ops.runs r SET progress = l.progress FROM (SELECT x.id, u.progress FROM ops.runs x JOIN "
      "unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS u(id, claim, progress) ON x.id = u.id AND "
      "x.claim = u.claim WHERE x.state = 'running' ORDER BY x.id FOR UPDATE OF x SKIP LOCKED) l "
      "WHERE r.id = l.id",
      {postgres::array(ids), postgres::array(claims), postgres::array(progress)});
}

void InFlight::forget_blocks(postgres::Database& database) {
  std::vector<long> spent;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, block] : blocks_)
      if (block.expired()) spent.push_back(id);
  }
  if (spent.empty()) return;
  database.execute("DELETE FROM ops.claim_blocks WHERE id = ANY($1::bigint[])", {postgres::array(spent)});
  const std::lock_guard lock(mutex_);
  for (const long id : spent)
    blocks_.erase(id);
}

// Whoever holds a row's lock is settling it, claiming it or at a checkpoint: it needs no heartbeat, and
// waiting for it could be waiting for one another. But then nothing is renewed, hence nothing confirmed.
constexpr const char* heartbeat_sql = R"(
WITH held AS (SELECT x.id FROM ops.runs x JOIN unnest($1::uuid[], $2::uuid[]) AS u(id, claim)
                  ON x.id = u.id AND x.claim = u.claim
              WHERE x.state = 'running' ORDER BY x.id FOR UPDATE OF x SKIP LOCKED),
     beaten AS (UPDATE ops.runs r SET heartbeat_at = now() FROM held WHERE r.id = held.id RETURNING r.id)
SELECT r.id, r.cancel_requested, r.claim IS DISTINCT FROM u.claim OR r.state <> 'running',
    b.id IS NOT NULL
FROM unnest($1::uuid[], $2::uuid[]) AS u(id, claim) JOIN ops.runs r ON r.id = u.id
    LEFT JOIN beaten b ON b.id = u.id)";

void InFlight::heartbeat(postgres::Database& database) {
  const auto asked_at = clock_.steady();
  const auto held = due_heartbeats();
  if (held.empty()) return;
  std::vector<Uuid> ids, claims;
  for (const auto& one : held) {
    ids.push_back(one.run);
    claims.push_back(one.claim);
  }
  std::map<Uuid, Heard> answers;
  for (const auto& row : database.query(heartbeat_sql, {postgres::array(ids), postgres::array(claims)}))
    answers.emplace(row.uuid(0), Heard{row.flag(1), row.flag(2), row.flag(3)});
  heard(held, answers, asked_at);
}

std::vector<InFlight::Held> InFlight::due_heartbeats() {
  const auto now = clock_.steady();
  std::vector<Held> held;
  const std::lock_guard lock(mutex_);
  for (auto& [id, entry] : runs_) {
    // Claimed or beaten just now: a flood of short runs needs no heartbeats at all.
    if (!entry.claimed || now - entry.beaten_at < runs::heartbeat_every) continue;
    entry.beaten_at = now;
    held.push_back({id, entry.claimed->claim});
  }
  return held;
}

void InFlight::heard(const std::vector<Held>& asked, const std::map<Uuid, Heard>& answers,
                     SteadyTime asked_at) {
  std::vector<std::stop_source> stops;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [run, claim] : asked) {
      const auto entry = runs_.find(run);
      // Gone, or claimed anew: settled meanwhile.
      if (entry == runs_.end() || !entry->second.claimed || entry->second.claimed->claim != claim) continue;
      const auto answer = answers.find(run);
      entry->second.lost = answer == answers.end() || answer->second.lost;
      entry->second.cancelled = !entry->second.lost && answer->second.cancel_requested;
      if (!entry->second.lost && answer->second.renewed) entry->second.confirmed_at = asked_at;
      if (entry->second.lost || entry->second.cancelled) stops.push_back(entry->second.stop);
    }
  }
  for (auto& stop : stops)
    stop.request_stop();
}

std::vector<std::shared_ptr<const Claimed>> InFlight::long_running(std::chrono::milliseconds age) {
  const auto before = clock_.steady() - age;
  std::vector<std::shared_ptr<const Claimed>> found;
  const std::lock_guard lock(mutex_);
  for (auto& [id, entry] : runs_) {
    if (!entry.begun || entry.told || entry.begun_at > before) continue;
    entry.told = true;
    found.push_back(entry.claimed);
  }
  return found;
}

}  // namespace rollcall::worker
