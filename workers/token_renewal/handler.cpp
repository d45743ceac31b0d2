#include "workers/token_renewal/handler.h"

#include "common/core/error.h"
#include "common/crypto/crypto.h"

#include <utility>

namespace rollcall::token_renewal {
namespace {

constexpr const char* grants_operation = "renew-grants";
constexpr const char* subscriptions_operation = "renew-subscriptions";

}  // namespace

Handler::Handler(postgres::Database& database, graph::Client& client, vault::Renewer* renewer,
                 const Clock& clock, metrics::Registry& metrics, HandlerOptions options)
    : clock_(clock),
      options_(std::move(options)),
      subscriptions_(database, client, clock, metrics, options_.subscriptions) {
  if (renewer != nullptr) grants_.emplace(database, *renewer, clock, metrics, options_.grants);
}

worker::Outcome Handler::handle(const worker::Run& run, worker::RunContext& context) {
  if (!options_.enabled)
    return worker::Failed{"setting_invalid", "MS_AUTH_ENABLED is false: nothing is renewed", {}};
  try {
    return run.operation == grants_operation ? renew_grants(run, context) : renew_subscriptions(run, context);
  } catch (const Error& error) {
    // A read or a wait cut short by the process ending is no failure of the run.
    if (!context.stop().stop_requested() || error.fault() == Fault::conflict) throw;
    return worker::WaitUntil{"throttled", "the worker stops; the run goes on elsewhere", clock_.wall()};
  }
}

worker::Outcome Handler::renew_grants(const worker::Run& run, worker::RunContext& context) {
  if (!grants_)
    return worker::Failed{"vault_not_configured",
                          "ROLLCALL_VAULT_KEYS is not set here: what people granted cannot be read",
                          {}};
  return grants_->renew(run, context);
}

worker::Outcome Handler::renew_subscriptions(const worker::Run& run, worker::RunContext& context) {
  accounting::Accounting account(context, run, clock_);
  Job job{run, account, accounting::call_for(run, account, options_.patience)};
  // A permission granted a minute ago is in the next token only.
  job.call.renew_when_denied = true;
  return subscriptions_.renew(job);
}

std::vector<Json> Handler::expand(const Json& tick, const std::stop_token&) {
  const std::string operation = tick.at("operation").get<std::string>();
  const bool of_grants = operation == grants_operation;
  if (!of_grants && operation != subscriptions_operation)
    throw Error(Fault::invalid, "schema_violation",
                "token-renewal has no operation '" + operation +
                    "': its schedules are for renew-grants or renew-subscriptions");
  if (!options_.enabled || (of_grants ? !grants_ : !subscriptions_.anything_to_do())) return {};
  const auto id = crypto::derived_uuid(
      {tick.at("schedule_id").get<std::string>(), tick.at("due_at").get<std::string>(), operation});
  Json command = {{"run_id", id.to_string()},
                  {"operation", operation},
                  {"tenant_id", options_.subscriptions.tenant_id},
                  {"requested_by", "schedule:" + tick.at("schedule_name").get<std::string>()}};
  return {std::move(command)};
}

}  // namespace rollcall::token_renewal
