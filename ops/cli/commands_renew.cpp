#include "common/crypto/crypto.h"
#include "ops/cli/commands.h"

/// Asks token-renewal for what its schedules ask for otherwise.
namespace rollcall::cli {

int renew(Context& context, const Arguments& arguments) {
  auto enqueued = context.database().transact([&](postgres::Transaction& transaction) {
    return runs::enqueue(transaction,
                         {{crypto::new_uuid(), context.tenant(), "token-renewal", "renew-" + arguments.name,
                           actor, std::nullopt, Json::object()}},
                         context.now());
  });
  context.publish({std::move(enqueued.stored)});
  const auto& asked = enqueued.asked.at(0);
  if (arguments.wait)
    return report_run(context, wait_for_runs(context, {asked.run}, arguments.timeout_seconds)[0], true);
  const std::string id = asked.run.to_string();
  context.output.document({{"job_id", id}, {"state", "queued"}, {"joined", asked.joined}});
  context.output.line((asked.joined ? "joined " : "queued ") + id + "  (follow it: rollcall runs watch " +
                      id + ")");
  return done;
}

}  // namespace rollcall::cli
