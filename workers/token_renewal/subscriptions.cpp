#include "workers/token_renewal/subscriptions.h"

#include "common/core/error.h"
#include "common/core/reasons.h"
#include "common/core/schedule.h"
#include "common/crypto/crypto.h"
#include "common/graph/reads.h"
#include "common/log/log.h"
#include "common/runs/runs.h"
#include "workers/token_renewal/adapters/graph_subscriptions.h"

#include <utility>

namespace rollcall::token_renewal {
namespace {

using namespace std::chrono_literals;

/// Of a run: some requests of a minute each.
constexpr std::chrono::seconds turn{600};
constexpr std::chrono::milliseconds request_deadline{60'000};
constexpr std::chrono::milliseconds wait_for_turn{15'000};
/// A service that is away for so many attempts is worth somebody's attention.
constexpr int attempts_unnoticed = 3;

Refusal meaning_of(const graph::Response& response) {
  return refusal_of(response.status, response.error_code, graph::describe(response));
}

std::optional<Wanted> wanted_by(const SubscriptionOptions& options) {
  if (options.hook_url.empty() || options.client_state.empty()) return std::nullopt;
  return Wanted{options.hook_url,
                crypto::sha256_hex(options.tenant_id + "\n" + options.client_state.reveal())};
}

/// A tick of member-sync's, beside those of its schedules: it asks Graph which of the linked groups changed.
kafka::Message sweep_message(const Uuid& run, WallTime now) {
  schedules::Schedule schedule;
  schedule.id = crypto::derived_uuid({"token-renewal", "sweep"}).to_string();
  schedule.name = "token-renewal";
  schedule.worker = "member-sync";
  schedule.operation = "sync-members";
  // Of the run: asking for it once more is the same tick.
  const std::string id = crypto::derived_uuid({run.to_string(), "sweep"}).to_string();
  return runs::make_message(runs::ticks_topic(schedule.worker), schedule.id, "rollcall.tick.v1", id,
                            schedules::tick_value(schedule, now, id), now);
}

}  // namespace

struct Subscriptions::Done {
  bool created = false, adopted = false, renewed = false;
  long removed = 0;
};

Subscriptions::Subscriptions(postgres::Database& database, graph::Client& client, const Clock& clock,
                             metrics::Registry& metrics, SubscriptionOptions options)
    : database_(database),
      client_(client),
      clock_(clock),
      metrics_(metrics),
      options_(std::move(options)),
      wanted_(wanted_by(options_)) {}

bool Subscriptions::anything_to_do() {
  return wanted_ || anything_known(database_, options_.tenant_id);
}

worker::Outcome Subscriptions::renew(Job& job) {
  if (!take_turn(database_, options_.tenant_id, job.run.id, turn))
    return worker::WaitUntil{"run_ahead", "another run sees to the subscription",
                             clock_.wall() + wait_for_turn};
  job.call.deadline = request_deadline;
  job.call.before_sending = [&job] { job.account.confirm(); };
  try {
    return carry_out(job);
  } catch (const Error& error) {
    const bool lasting = error.fault() == Fault::denied || error.fault() == Fault::config ||
                         (error.code() == "graph_unavailable" && job.run.attempt >= attempts_unnoticed);
    if (lasting) failing(job, {error.code(), error.what(), std::string(cure_for(error.code()))});
    throw;
  }
}

worker::Outcome Subscriptions::carry_out(Job& job) {
  const Known known = load(database_, options_.tenant_id);
  graph::Response refused;
  std::vector<Listed> listed;
  if (wanted_ || !known.kept.empty()) {
    auto all = list_subscriptions(client_, job.call, refused);
    if (!all) return failing(job, meaning_of(refused));
    listed = std::move(*all);
  }
  Plan plan = decide(wanted_, known.kept, listed, known.notices, clock_.wall(), options_.lifetime);
  Done done;
  if (auto refusal = remove(job, plan.remove_first, done)) return failing(job, *refusal);
  if (plan.adopt) store_made(job, plan, *plan.keep, done, "adopted");
  if (plan.renew)
    if (auto refusal = renew_kept(job, plan, done)) return failing(job, *refusal);
  if (plan.create)
    if (auto refusal = create(job, plan, done)) return failing(job, *refusal);
  if (auto refusal = remove(job, plan.remove_after, done)) return failing(job, *refusal);
  std::vector<kafka::Message> sweep;
  if (plan.sweep) sweep.push_back(sweep_message(job.run.id, clock_.wall()));
  job.account.checkpoint(
      [&](postgres::Transaction& transaction) {
        forget(transaction, plan.forget);
        store_settled(transaction, options_.tenant_id, job.run.id, known.notices);
      },
      std::move(sweep));
  show_expiry(plan.keep ? std::optional(plan.keep->expires_at) : std::nullopt);
  Json result = {{"wanted", wanted_.has_value()},
                 {"created", done.created},
                 {"adopted", done.adopted},
                 {"renewed", done.renewed},
                 {"removed", done.removed},
                 {"notices", known.notices.size()},
                 {"sweep_asked_for", plan.sweep},
                 {"requests", accounting::requests_of(job.account.usage)},
                 {"duration_ms", job.account.duration().count()}};
  if (plan.keep) {
    result["subscription_id"] = plan.keep->id.to_string();
    result["expires_at"] = to_rfc3339(plan.keep->expires_at);
  }
  return worker::Done{std::move(result)};
}

std::optional<Refusal> Subscriptions::remove(Job& job, const std::vector<Uuid>& ids, Done& done) {
  for (const Uuid& id : ids) {
    const auto response = delete_subscription(client_, job.call, id);
    if (!response.ok() && response.status != 404) return meaning_of(response);
    job.account.checkpoint([&](postgres::Transaction& transaction) { forget(transaction, {id}); });
    ++done.removed;
    count("removed");
    log::info("subscription_removed", {{"subscription", id.to_string()}});
  }
  return std::nullopt;
}

std::optional<Refusal> Subscriptions::renew_kept(Job& job, Plan& plan, Done& done) {
  const Uuid id = plan.keep->id;
  const WallTime until = clock_.wall() + options_.lifetime;
  const auto response = renew_subscription(client_, job.call, id, until);
  if (response.status == 404) {
    plan.keep.reset();
    plan.create = plan.sweep = true;
    plan.forget.push_back(id);
    return std::nullopt;
  }
  if (!response.ok()) return meaning_of(response);
  const auto renewed = read_subscription(response.body);
  plan.keep->expires_at = renewed ? renewed->expires_at : until;
  job.account.checkpoint(
      [&](postgres::Transaction& transaction) { store_renewed(transaction, id, plan.keep->expires_at); });
  done.renewed = true;
  count("renewed");
  log::info("subscription_renewed",
            {{"subscription", id.to_string()}, {"expires_at", to_rfc3339(plan.keep->expires_at)}});
  return std::nullopt;
}

std::optional<Refusal> Subscriptions::create(Job& job, Plan& plan, Done& done) {
  for (bool again = false;; again = true) {
    // First, so that what Graph makes and we do not live to hear of is known for ours.
    job.account.checkpoint([&](postgres::Transaction& transaction) {
      store_creation(transaction, options_.tenant_id, *wanted_);
    });
    const auto response = create_subscription(client_, job.call, wanted_->url, options_.client_state.reveal(),
                                              clock_.wall() + options_.lifetime);
    if (response.status == 409 && !again) {
      if (auto refusal = after_conflict(job, plan, done, response)) return refusal;
      if (plan.keep) return std::nullopt;
      continue;
    }
    if (!response.ok()) return meaning_of(response);
    const auto made = read_subscription(response.body);
    if (!made)
      throw Error(Fault::transient, "graph_unavailable", "Microsoft Graph answers a creation unreadably");
    store_made(job, plan, *made, done, "created");
    return std::nullopt;
  }
}

/// Ours that the first listing did not show is taken; ours that stands elsewhere makes room.
std::optional<Refusal> Subscriptions::after_conflict(Job& job, Plan& plan, Done& done,
                                                     const graph::Response& conflict) {
  graph::Response refused;
  const auto listed = list_subscriptions(client_, job.call, refused);
  if (!listed) return meaning_of(refused);
  const Known known = load(database_, options_.tenant_id);
  const Plan now = decide(wanted_, known.kept, *listed, {}, clock_.wall(), options_.lifetime);
  if (now.keep) {
    store_made(job, plan, *now.keep, done, "adopted");
    return std::nullopt;
  }
  plan.remove_after.clear();
  std::vector<Uuid> in_the_way = now.remove_first;
  in_the_way.insert(in_the_way.end(), now.remove_after.begin(), now.remove_after.end());
  if (in_the_way.empty()) return meaning_of(conflict);
  return remove(job, in_the_way, done);
}

void Subscriptions::store_made(Job& job, Plan& plan, const Listed& made, Done& done, const char* how) {
  job.account.checkpoint(
      [&](postgres::Transaction& transaction) { store_created(transaction, options_.tenant_id, made); });
  plan.keep = made;
  (how == std::string_view("adopted") ? done.adopted : done.created) = true;
  count(how);
  log::info(
      "subscription_made",
      {{"subscription", made.id.to_string()}, {"how", how}, {"expires_at", to_rfc3339(made.expires_at)}});
}

worker::Outcome Subscriptions::failing(Job& job, const Refusal& refusal) {
  count("failed");
  log::warn("subscription_failing", {{"code", refusal.code}, {"why", refusal.why}});
  database_.transact([&](postgres::Transaction& transaction) {
    store_failing(transaction, options_.tenant_id, job.run.id, refusal);
  });
  return worker::Failed{refusal.code, refusal.why, {}};
}

void Subscriptions::count(const char* change) {
  metrics_
      .counter("rollcall_subscription_changes_total",
               "What was done about the subscription at Microsoft Graph.", {{"change", change}})
      .add();
}

void Subscriptions::show_expiry(const std::optional<WallTime>& expires_at) {
  const auto seconds = expires_at ? std::chrono::floor<std::chrono::seconds>(expires_at->time_since_epoch())
                                  : std::chrono::seconds{0};
  metrics_
      .gauge("rollcall_subscription_expiry_timestamp_seconds",
             "When the subscription at Microsoft Graph ends, in Unix time; 0: there is none.")
      .set(static_cast<double>(seconds.count()));
}

}  // namespace rollcall::token_renewal
