#include "common/runs/by_hand.h"
#include "ops/cli/commands.h"
#include "ops/cli/rows.h"
#include "ops/cli/run_text.h"

namespace rollcall::cli {
namespace {

/// Of a plan; 'runs show' is about the run.
constexpr std::size_t plan_lines_max = 40;

/// One of runs/by_hand.h on the run that was named; what it left in the outbox is published.
template <class Change>
Uuid change_run(Context& context, const Arguments& arguments, Change change) {
  const Uuid id = require_uuid(arguments.run, "run");
  std::vector<runs::Stored> stored;
  stored.push_back(context.database().transact(
      [&](postgres::Transaction& transaction) { return change(transaction, id); }));
  context.publish(std::move(stored));
  return id;
}

std::string watch_hint(const Uuid& id) {
  return "follow it: rollcall runs watch " + id.to_string();
}

void print_run(Context& context, const Json& run) {
  auto& output = context.output;
  const auto text = [&](const char* name) {
    return run[name].is_string() ? run[name].get<std::string>() : std::string("-");
  };
  output.line("run           " + text("job_id"));
  output.line("state         " + output.coloured_state(text("state")));
  if (text("kind") == "call") output.line("kind          a call of an agent");
  output.line("operation     " + text("worker") + " " + text("operation"));
  output.line("organization  " + text("organization_id") + "  " + printable(text("organization")));
  output.line("asked by      " + printable(text("requested_by")) + "  parameters " + dump(run["parameters"]));
  output.line("created       " + text("created_at"));
  output.line("started       " + text("started_at"));
  output.line("finished      " + text("finished_at"));
  if (run["duration_ms"].is_number())
    output.line("took          " + duration_text(run["duration_ms"].get<long>()));
  output.line("attempts      " + dump(run["attempt"]));
  if (run["resume_at"].is_string()) output.line("goes on       " + text("resume_at"));
  print_result(output, run["result"]);
  if (run.contains("error")) {
    output.line("why           " + printable(run["error"]["message"].get<std::string>()) + " (" +
                run["error"]["code"].get<std::string>() + ")");
    output.line("what to do    " + run["error"]["cure"].get<std::string>());
  }
  output.line("events");
  for (const auto& event : run["events"])
    output.line("  " + event["at"].get<std::string>() + "  " + event["event"].get<std::string>() +
                (event["detail"].empty() ? "" : "  " + printable(dump(event["detail"]))));
  if (!run["plan"].is_null()) {
    output.line("plan          " + run["digest"].get<std::string>());
    if (const auto organization = Uuid::parse(text("organization_id")))
      print_plan(context, *organization, run["plan"], plan_lines_max,
                 "rollcall runs show " + text("job_id") + " --json");
  }
  if (run["state"] == "needs_approval") {
    output.line("approve it:   rollcall runs approve " + text("job_id"));
    output.line("or reject it: rollcall runs reject " + text("job_id"));
  }
}

}  // namespace

int runs_list(Context& context, const Arguments& arguments) {
  std::optional<Uuid> organization;
  if (!arguments.organization.empty()) organization = context.organization(arguments.organization).id;
  const auto rows = context.database().query(
      "SELECT r.id, r.state, r.worker, r.operation, r.organization_id, o.name, " + time_of("r.created_at") +
          ", r.duration_ms, r.error_code, r.attempt FROM ops.runs r LEFT JOIN directory.organizations o ON "
          "o.id = r.organization_id"
          " WHERE r.kind = '" +
          std::string(arguments.calls ? "call" : "job") +
          "' AND ($1::uuid IS NULL OR r.organization_id = $1::uuid) AND ($2 = '' OR r.state = $2)"
          " ORDER BY r.created_at DESC, r.id DESC LIMIT $3::bigint",
      {postgres::value(organization), postgres::value(arguments.state), postgres::value(arguments.limit)});
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& row : rows) {
    list.push_back({{"job_id", row.text(0)},
                    {"state", row.text(1)},
                    {"worker", row.text(2)},
                    {"operation", row.text(3)},
                    {"organization_id", or_null(row, 4)},
                    {"organization", or_null(row, 5)},
                    {"created_at", row.text(6)},
                    {"duration_ms", row.is_null(7) ? Json(nullptr) : Json(row.number(7))},
                    {"error_code", or_null(row, 8)},
                    {"attempt", row.number(9)}});
    table.push_back({row.text(0), context.output.coloured_state(row.text(1)), row.text(3),
                     printable(row.is_null(5) ? "-" : row.text(5)), row.text(6),
                     row.is_null(7) ? "-" : duration_text(row.number(7)), row.text(8)});
  }
  const bool filtered = organization || !arguments.state.empty() || arguments.calls;
  context.output.document(list);
  context.output.table({"RUN", "STATE", "OPERATION", "ORGANIZATION", "CREATED", "TOOK", "WHY"}, table,
                       filtered ? "No such runs. All of them: rollcall runs list"
                                : "There are no runs yet. Start one: rollcall sync ORG --wait");
  return done;
}

int runs_show(Context& context, const Arguments& arguments) {
  const Uuid id = require_uuid(arguments.run, "run");
  const auto rows = context.database().query(
      "SELECT r.id, r.state, r.worker, r.operation, r.organization_id, o.name, r.caller_identity, "
      "r.parameters, r.attempt, " +
          time_of("r.created_at") + ", " + time_of("r.started_at") + ", " + time_of("r.finished_at") + ", " +
          time_of("r.resume_at") +
          ", r.duration_ms, r.progress, r.result, r.error_code, r.error_message, p.document, p.digest, r.kind"
          " FROM ops.runs r LEFT JOIN directory.organizations o ON o.id = r.organization_id"
          " LEFT JOIN sync.plans p ON p.run_id = r.id WHERE r.id = $1::uuid",
      {postgres::value(id)});
  if (rows.empty()) throw Failure(not_found, "run_not_found", "there is no run " + id.to_string());
  const auto& row = rows[0];
  Json run = {{"job_id", row.text(0)},
              {"kind", row.text(20)},
              {"state", row.text(1)},
              {"worker", row.text(2)},
              {"operation", row.text(3)},
              {"organization_id", or_null(row, 4)},
              {"organization", or_null(row, 5)},
              {"requested_by", row.text(6)},
              {"parameters", row.json(7)},
              {"attempt", row.number(8)},
              {"created_at", row.text(9)},
              {"started_at", or_null(row, 10)},
              {"finished_at", or_null(row, 11)},
              {"resume_at", or_null(row, 12)},
              {"duration_ms", row.is_null(13) ? Json(nullptr) : Json(row.number(13))},
              {"progress", row.json(14)},
              {"result", row.json(15)},
              {"plan", row.json(18)},
              {"digest", or_null(row, 19)},
              {"events", Json::array()}};
  if (!row.text(16).empty()) run["error"] = error_json(row.text(16), row.text(17));
  for (const auto& event : context.database().query("SELECT " + time_of("at") +
                                                        ", event, detail FROM ops.run_events"
                                                        " WHERE run_id = $1::uuid ORDER BY seq",
                                                    {postgres::value(id)}))
    run["events"].push_back({{"at", event.text(0)}, {"event", event.text(1)}, {"detail", event.json(2)}});
  context.output.document(run);
  if (!context.output.json()) print_run(context, run);
  return done;
}

int runs_watch(Context& context, const Arguments& arguments) {
  const Uuid id = require_uuid(arguments.run, "run");
  return report_run(context, wait_for_runs(context, {id}, arguments.timeout_seconds)[0], true);
}

int runs_approve(Context& context, const Arguments& arguments) {
  const Uuid id = change_run(context, arguments, [&](postgres::Transaction& transaction, const Uuid& run) {
    return runs::approve(transaction, run, actor, context.now());
  });
  context.output.document({{"job_id", id.to_string()}, {"state", "queued"}});
  context.output.line("approved; " + watch_hint(id));
  return done;
}

int runs_reject(Context& context, const Arguments& arguments) {
  const Uuid id = change_run(context, arguments, [&](postgres::Transaction& transaction, const Uuid& run) {
    return runs::reject(transaction, run, actor, context.now());
  });
  context.output.document({{"job_id", id.to_string()}, {"state", "cancelled"}});
  context.output.line("rejected; nothing was changed");
  return done;
}

int runs_cancel(Context& context, const Arguments& arguments) {
  bool at_once = false;
  const Uuid id = change_run(context, arguments, [&](postgres::Transaction& transaction, const Uuid& run) {
    auto cancelled = runs::cancel(transaction, run, actor, context.now());
    at_once = cancelled.at_once;
    return std::move(cancelled.stored);
  });
  context.output.document({{"job_id", id.to_string()},
                           {"state", at_once ? "cancelled" : "running"},
                           {"cancel_requested", !at_once}});
  context.output.line(at_once
                          ? "cancelled " + id.to_string()
                          : "its worker was asked to stop, and ends it at its next checkpoint; what is done "
                            "by then stays done; " +
                                watch_hint(id));
  return done;
}

int runs_retry(Context& context, const Arguments& arguments) {
  const Uuid id = change_run(context, arguments, [&](postgres::Transaction& transaction, const Uuid& run) {
    return runs::retry(transaction, run, actor, context.now());
  });
  context.output.document({{"job_id", id.to_string()}, {"state", "queued"}});
  context.output.line("queued again, from its beginning; " + watch_hint(id));
  return done;
}

}  // namespace rollcall::cli
