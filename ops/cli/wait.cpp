#include "common/core/error.h"
#include "common/core/reasons.h"
#include "common/core/waiting.h"
#include "ops/cli/commands.h"
#include "ops/cli/run_text.h"

#include <algorithm>

/// Waiting for runs, and saying how they ended.
namespace rollcall::cli {
namespace {

constexpr auto poll_interval = std::chrono::milliseconds(100);
/// A database that restarts is no reason to stop waiting.
constexpr auto database_patience = std::chrono::seconds(15);

struct Look {
  std::vector<RunView> views;
  long finished = 0;
  Json progress;  ///< of the first run that is not over
  std::string state;
};

Look look(Context& context, const std::vector<Uuid>& ids) {
  const auto rows = context.database().query(
      "SELECT r.id, r.state, r.organization_id, r.error_code, r.error_message, r.result, r.progress"
      " FROM unnest($1::uuid[]) WITH ORDINALITY AS asked(id, place) JOIN ops.runs r ON r.id = asked.id ORDER "
      "BY asked.place",
      {postgres::array(ids)});
  if (rows.size() != ids.size()) {
    const auto missing = std::ranges::find_if(ids, [&](const Uuid& id) {
      return std::none_of(rows.begin(), rows.end(), [&](const auto& row) { return row.uuid(0) == id; });
    });
    throw Failure(not_found, "run_not_found", "there is no run " + missing->to_string());
  }
  Look seen;
  for (const auto& row : rows) {
    RunView view{row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.json(5)};
    if (view.over()) {
      ++seen.finished;
    } else if (seen.state.empty()) {
      seen.state = view.state;
      seen.progress = row.json(6);
    }
    seen.views.push_back(std::move(view));
  }
  return seen;
}

void draw(Output& output, const Look& seen) {
  const long total = static_cast<long>(seen.views.size());
  if (total > 1) return output.progress("syncing", seen.finished, total);
  const auto number = [&](const char* name) {
    return seen.progress.is_object() && seen.progress.contains(name) &&
                   seen.progress[name].is_number_integer()
               ? seen.progress[name].get<long>()
               : 0L;
  };
  output.progress(seen.state == "queued" ? "queued, waiting for its worker" : seen.state, number("done"),
                  number("total"));
}

}  // namespace

std::vector<RunView> wait_for_runs(Context& context, const std::vector<Uuid>& ids, long timeout_seconds) {
  const auto started = context.clock().steady();
  auto last_answer = started;
  for (;;) {
    try {
      Look seen = look(context, ids);
      last_answer = context.clock().steady();
      if (seen.finished == static_cast<long>(ids.size())) {
        context.output.clear_progress();
        return std::move(seen.views);
      }
      draw(context.output, seen);
    } catch (const Error& error) {
      if (error.fault() != Fault::transient || context.clock().steady() - last_answer > database_patience)
        throw;
    }
    if (timeout_seconds > 0 && context.clock().steady() - started >= std::chrono::seconds(timeout_seconds)) {
      const std::string id = ids[0].to_string();
      throw Failure(failed, "timeout",
                    "not over after " + std::to_string(timeout_seconds) + " s; it goes on without you",
                    "Follow it with 'rollcall runs watch " + id + "'; does the worker run?",
                    {{"job_id", id}});
    }
    pause(poll_interval, {});
  }
}

Json to_json(const RunView& run) {
  Json json = {{"job_id", run.id}, {"state", run.state}, {"result", run.result}};
  if (!run.error_code.empty()) json["error"] = error_json(run.error_code, run.error_message);
  if (run.state == "needs_approval") json["approve"] = "rollcall runs approve " + run.id;
  return json;
}

int report_run(Context& context, const RunView& run, bool print_json) {
  auto& output = context.output;
  if (print_json) output.document(to_json(run));
  output.line(output.coloured_state(run.state) + "  " + run.id);
  print_result(output, run.result);
  if (!run.error_code.empty()) {
    output.line("why: " + printable(run.error_message) + " (" + run.error_code + ")");
    const auto cure = cure_for(run.error_code);
    if (!cure.empty()) output.line("  what to do: " + std::string(cure));
  }
  if (run.state == "needs_approval") {
    output.line("see the plan:  rollcall runs show " + run.id);
    output.line("approve it:    rollcall runs approve " + run.id);
    output.line("or reject it:  rollcall runs reject " + run.id);
    return refused;
  }
  return run.state == "succeeded" ? done : failed;
}

runs::Asked ask_for(Context& context, const runs::NewRun& run) {
  auto enqueued = context.database().transact(
      [&](postgres::Transaction& transaction) { return runs::enqueue(transaction, {run}, context.now()); });
  context.publish({std::move(enqueued.stored)});
  return enqueued.asked.at(0);
}

int wait_or_tell(Context& context, const Arguments& arguments, const runs::Asked& asked) {
  if (arguments.wait)
    return report_run(context, wait_for_runs(context, {asked.run}, arguments.timeout_seconds).at(0), true);
  const std::string id = asked.run.to_string();
  context.output.document({{"job_id", id}, {"state", "queued"}, {"joined", asked.joined}});
  context.output.line((asked.joined ? "joined " : "queued ") + id + "  (follow it: rollcall runs watch " +
                      id + ")");
  return done;
}

}  // namespace rollcall::cli
