#include "ops/cli/app.h"

#include "common/core/error.h"
#include "ops/cli/commands.h"

#include <map>

namespace rollcall::cli {
namespace {

using Command = int (*)(Context&, const Arguments&);

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> table = {
      {"doctor", doctor},
      {"migrate", migrate},
      {"org add", org_add},
      {"org list", org_list},
      {"org show", org_show},
      {"org link", org_link},
      {"org unlink", org_unlink},
      {"org relink", org_relink},
      {"policy show", policy_show},
      {"policy set", policy_set},
      {"roster import", roster_import},
      {"roster show", roster_show},
      {"sync", sync},
      {"plan", plan},
      {"health", health},
      {"renew", renew},
      {"runs list", runs_list},
      {"runs show", runs_show},
      {"runs watch", runs_watch},
      {"runs approve", runs_approve},
      {"runs reject", runs_reject},
      {"runs cancel", runs_cancel},
      {"runs retry", runs_retry},
      {"schedules list", schedules_list},
      {"schedules show", schedules_show},
      {"schedules add", schedules_add},
      {"schedules pause", schedules_pause},
      {"schedules resume", schedules_resume},
      {"schedules remove", schedules_remove},
      {"schedules trigger", schedules_trigger},
      {"schedules backfill", schedules_backfill},
      {"workers list", workers_list},
      {"workers pause", workers_pause},
      {"workers resume", workers_resume},
      {"topics create", topics_create},
      {"topics list", topics_list},
      {"topics tail", topics_tail},
      {"dead list", dead_list},
      {"dead show", dead_show},
      {"dead replay", dead_replay},
      {"findings list", findings_list},
      {"findings show", findings_show},
      {"findings ack", findings_ack},
      {"findings dismiss", findings_dismiss},
      {"scan", scan},
      {"audit list", audit_list},
      {"audit export", audit_export},
      {"audit verify", audit_verify},
      {"audit erase", audit_erase},
      {"vault keys", vault_keys},
      {"vault rotate", vault_rotate},
      {"manifest build", manifest_build},
      {"manifest check", manifest_check},
      {"sandbox reset", sandbox_reset},
      {"sandbox stats", sandbox_stats},
      {"sandbox token", sandbox_token},
  };
  return table;
}

int perform(Context& context, const Arguments& arguments) {
  try {
    return commands().at(arguments.command)(context, arguments);
  } catch (const Error& error) {
    // A database that is behind this program lacks a table or a column: that is what there is to say.
    if (error.code() == "database_refused") require_migrations(context);
    throw;
  }
}

}  // namespace

int run(std::vector<std::string> words, World world) {
  const bool json = take_json_flag(words);
  Output output(world.out, world.err, json, world.terminal);
  try {
    const auto arguments = parse_arguments(std::move(words), json, world.out);
    if (!arguments) return done;
    Context context(std::move(world.environment), output, world.in);
    return perform(context, *arguments);
  } catch (const std::exception& error) {
    const Failure failure = describe(error);
    output.failure(failure);
    return failure.exit();
  }
}

}  // namespace rollcall::cli
