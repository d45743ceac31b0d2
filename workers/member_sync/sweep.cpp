#include "workers/member_sync/sweep.h"

#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/graph/reads.h"
#include "common/log/log.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace rollcall::member_sync {
namespace {

constexpr std::size_t packs_per_batch = 20;  // json-batching

/// Graph is away, or refuses our credentials: so long until a sweep asks again.
constexpr std::chrono::milliseconds away_pause{10'000};
constexpr std::chrono::milliseconds refused_pause{60'000};

using Indices = std::vector<std::size_t>;

/// One pack on its way through a sweep. A round that was not asked for is not there.
struct PackJob {
  const Pack& pack;
  std::optional<DeltaRound> fresh;  ///< a new link, asked for before the old one is read for the last time
  std::optional<DeltaRound> old;

  [[nodiscard]] bool failed() const {
    return (fresh && fresh->state == DeltaRound::State::failed) ||
           (old && old->state == DeltaRound::State::failed);
  }
  [[nodiscard]] bool lost() const { return old && old->state == DeltaRound::State::refused; }
};

std::string fresh_url(const Pack& pack) {
  std::vector<Uuid> groups;
  for (const PackedGroup& group : pack.groups)
    groups.push_back(group.group);
  return watch_path(groups);
}

/// Asks `url` of each job that `wanted` picks, in one batch.
template <class Wanted, class Url>
void ask(graph::Client& client, const graph::CallContext& call, std::vector<PackJob>& jobs,
         std::optional<DeltaRound> PackJob::*answer, Wanted wanted, Url url) {
  std::vector<PackJob*> asked;
  std::vector<std::string> urls;
  for (PackJob& job : jobs) {
    if (!wanted(job)) continue;
    asked.push_back(&job);
    urls.push_back(url(job.pack));
  }
  if (urls.empty()) return;
  auto rounds = read_rounds(client, urls, call);
  for (std::size_t i = 0; i < asked.size(); ++i)
    asked[i]->*answer = std::move(rounds[i]);
}

SweptPack result(const PackJob& job) {
  SweptPack swept;
  swept.relinked = job.fresh.has_value();
  swept.gap = !job.old || job.lost();
  swept.delta_link = (job.fresh ? *job.fresh : *job.old).delta_link;
  if (job.old && !job.lost()) swept.changes = &job.old->groups;
  return swept;
}

std::optional<Uuid> only_organization(const Json& parameters) {
  const auto id = parameters.find("organization_id");
  if (id == parameters.end()) return std::nullopt;
  const auto only = id->is_string() ? Uuid::parse(id->get<std::string>()) : std::nullopt;
  if (!only) throw Error(Fault::invalid, "schema_violation", "the schedule's organization_id is not a UUID");
  return only;
}

bool asks_for(const Json& parameters, const char* flag) {
  const auto found = parameters.find(flag);
  return found != parameters.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace

Sweep::Sweep(postgres::Database& database, graph::Client& client, SweepOptions options)
    : options_(std::move(options)), client_(client), store_(database), packs_(database) {}

std::vector<Json> Sweep::commands(const Json& tick, const std::stop_token& stop) {
  const std::string schedule = tick.at("schedule_id").get<std::string>();
  const std::string due_at = tick.at("due_at").get<std::string>();
  const std::string name = tick.at("schedule_name").get<std::string>();
  const Json parameters = tick.value("parameters", Json::object());
  std::vector<Json> commands;
  for (const Uuid& id : chosen(tick, parameters, stop)) {
    const std::string organization = id.to_string();
    Json command = {{"run_id", crypto::derived_uuid({schedule, due_at, organization}).to_string()},
                    {"operation", "sync-members"},
                    {"organization_id", organization},
                    {"requested_by", "schedule:" + name}};
    for (const char* flag : {"dry_run", "full_read"})
      if (asks_for(parameters, flag)) command[flag] = true;
    commands.push_back(std::move(command));
  }
  return commands;
}

std::vector<Uuid> Sweep::chosen(const Json& tick, const Json& parameters, const std::stop_token& stop) {
  const auto only = only_organization(parameters);
  // One organization costs no more to read than to ask about; with full reads, all are read anyway.
  if (only || asks_for(parameters, "full_read")) return store_.linked_organizations(options_.tenant_id, only);
  packs_.rearrange(options_.tenant_id);
  const auto id = Uuid::parse(tick.at("tick_id").get<std::string>());
  try {
    read_packs(id.value_or(Uuid{}), stop);
  } catch (const Error& error) {
    // Credentials are mended without anybody sending the tick again: it waits for that.
    if (error.fault() != Fault::denied && error.fault() != Fault::config) throw;
    throw Error(Fault::transient, error.code(), error.what(), refused_pause);
  }
  const auto candidates = packs_.candidates(options_.tenant_id, options_.full_read_interval);
  auto starting = to_start(candidates, options_.maybe_max);
  log::info("swept", {{"tick_id", tick.at("tick_id")},
                      {"starting", starting.size()},
                      {"next_time", candidates.size() - starting.size()}});
  return starting;
}

/// A pack that Graph fails to answer for is left to the next sweep, so that it does not hold up the others;
/// only where it answers for none does the tick wait.
void Sweep::read_packs(const Uuid& tick, const std::stop_token& stop) {
  graph::Usage usage;
  graph::CallContext call;
  call.priority = graph::Priority::bulk;
  call.patience = options_.patience;
  call.stop = stop;
  call.usage = &usage;
  const auto packs = packs_.unswept(options_.tenant_id, tick);
  std::size_t failed = 0;
  for (std::size_t first = 0; first < packs.size(); first += packs_per_batch) {
    const std::size_t asked = std::min(packs_per_batch, packs.size() - first);
    const std::size_t failed_here = read_block(packs, first, tick, call);
    failed += failed_here;
    if (stop.stop_requested()) throw Error(Fault::transient, "graph_unavailable", "the worker stops");
    const bool away = failed_here == asked && (asked > 1 || failed == packs.size());
    if (away)
      throw Error(Fault::transient, "graph_unavailable",
                  "Microsoft Graph does not say which groups changed; the sweep goes on when it does",
                  away_pause);
  }
  if (failed > 0) log::warn("packs_left_out", {{"packs", failed}});
  log::info("packs_read", {{"packs", packs.size() - failed},
                           {"http", usage.http.load()},
                           {"reads", usage.reads.load()},
                           {"throttled", usage.throttled.load()}});
}

/// Returns how many packs Graph failed to answer for.
std::size_t Sweep::read_block(const std::vector<Pack>& packs, std::size_t first, const Uuid& tick,
                              const graph::CallContext& call) {
  std::vector<PackJob> jobs;
  for (std::size_t i = first; i < std::min(packs.size(), first + packs_per_batch); ++i)
    jobs.push_back({packs[i], {}, {}});
  const auto old_url = [](const Pack& pack) { return pack.delta_link; };
  // The new link first: what changes between the two answers is then told twice rather than never.
  ask(
      client_, call, jobs, &PackJob::fresh, [](const PackJob& job) { return job.pack.wants_link(); },
      fresh_url);
  ask(
      client_, call, jobs, &PackJob::old,
      [](const PackJob& job) { return !job.failed() && !job.pack.delta_link.empty(); }, old_url);
  ask(
      client_, call, jobs, &PackJob::fresh, [](const PackJob& job) { return job.lost() && !job.fresh; },
      fresh_url);
  std::size_t failed = 0;
  for (const PackJob& job : jobs) {
    if (job.failed()) {
      ++failed;
      continue;
    }
    if (job.lost())
      log::info("pack_link_refused", {{"pack", job.pack.id}, {"groups", job.pack.groups.size()}});
    packs_.save(job.pack, result(job), tick);
  }
  return failed;
}

}  // namespace rollcall::member_sync
