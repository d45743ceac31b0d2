#pragma once
#include "ops/cli/arguments.h"
#include "ops/cli/context.h"

/// The commands, by noun. Each returns its exit code or throws.
namespace rollcall::cli {

int doctor(Context& context, const Arguments& arguments);
int migrate(Context& context, const Arguments& arguments);
/// Says how many have run; throws Failure where the database is behind this program, or ahead of it.
std::string require_migrations(Context& context);

int org_add(Context& context, const Arguments& arguments);
int org_list(Context& context, const Arguments& arguments);
int org_show(Context& context, const Arguments& arguments);
int org_link(Context& context, const Arguments& arguments);
int org_unlink(Context& context, const Arguments& arguments);
int org_relink(Context& context, const Arguments& arguments);
int policy_show(Context& context, const Arguments& arguments);
int policy_set(Context& context, const Arguments& arguments);

int roster_import(Context& context, const Arguments& arguments);
int roster_show(Context& context, const Arguments& arguments);

int sync(Context& context, const Arguments& arguments);
int plan(Context& context, const Arguments& arguments);
int health(Context& context, const Arguments& arguments);
int renew(Context& context, const Arguments& arguments);

int runs_list(Context& context, const Arguments& arguments);
int runs_show(Context& context, const Arguments& arguments);
int runs_watch(Context& context, const Arguments& arguments);
int runs_approve(Context& context, const Arguments& arguments);
int runs_reject(Context& context, const Arguments& arguments);
int runs_cancel(Context& context, const Arguments& arguments);
int runs_retry(Context& context, const Arguments& arguments);

int schedules_list(Context& context, const Arguments& arguments);
int schedules_show(Context& context, const Arguments& arguments);
int schedules_add(Context& context, const Arguments& arguments);
int schedules_pause(Context& context, const Arguments& arguments);
int schedules_resume(Context& context, const Arguments& arguments);
int schedules_remove(Context& context, const Arguments& arguments);
int schedules_trigger(Context& context, const Arguments& arguments);
int schedules_backfill(Context& context, const Arguments& arguments);

int workers_list(Context& context, const Arguments& arguments);
int workers_pause(Context& context, const Arguments& arguments);
int workers_resume(Context& context, const Arguments& arguments);

int topics_create(Context& context, const Arguments& arguments);
int topics_list(Context& context, const Arguments& arguments);
int topics_tail(Context& context, const Arguments& arguments);

int dead_list(Context& context, const Arguments& arguments);
int dead_show(Context& context, const Arguments& arguments);
int dead_replay(Context& context, const Arguments& arguments);

int findings_list(Context& context, const Arguments& arguments);
int findings_show(Context& context, const Arguments& arguments);
int findings_ack(Context& context, const Arguments& arguments);
int findings_dismiss(Context& context, const Arguments& arguments);
int scan(Context& context, const Arguments& arguments);

int audit_list(Context& context, const Arguments& arguments);
int audit_export(Context& context, const Arguments& arguments);
int audit_verify(Context& context, const Arguments& arguments);
int audit_erase(Context& context, const Arguments& arguments);

int vault_keys(Context& context, const Arguments& arguments);
int vault_rotate(Context& context, const Arguments& arguments);

int manifest_build(Context& context, const Arguments& arguments);
int manifest_check(Context& context, const Arguments& arguments);

int sandbox_reset(Context& context, const Arguments& arguments);
int sandbox_stats(Context& context, const Arguments& arguments);
int sandbox_token(Context& context, const Arguments& arguments);

/// By id or unique name. Throws Failure{refused, "group_not_linked"} where it has no group.
Organization linked_organization(Context& context, const std::string& id_or_name);

/// A run as last seen while waiting for it.
struct RunView {
  std::string id, state, organization, error_code, error_message;
  Json result;
  [[nodiscard]] bool over() const {
    return state == "succeeded" || state == "failed" || state == "cancelled" || state == "needs_approval";
  }
};
/// Waits until each is over (or the timeout; 0: none), with progress on a terminal. In the order of `ids`.
std::vector<RunView> wait_for_runs(Context& context, const std::vector<Uuid>& ids, long timeout_seconds);
/// Stores the run and publishes its command; an equal one that waits is joined.
runs::Asked ask_for(Context& context, const runs::NewRun& run);
/// Waits for what was asked for (--wait), or says how to follow it.
int wait_or_tell(Context& context, const Arguments& arguments, const runs::Asked& asked);
/// {"job_id","state","result"} and, where there is one, "error".
Json to_json(const RunView& run);
/// Prints how a run ended; the exit code that goes with it.
int report_run(Context& context, const RunView& run, bool print_json);

}  // namespace rollcall::cli
