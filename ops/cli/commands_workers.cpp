#include "common/runs/workers.h"
#include "ops/cli/commands.h"

/// Who works, and which kinds are paused.
namespace rollcall::cli {
namespace {

void add_rows(const Output& output, const std::string& name, const runs::WorkerKind& kind,
              std::vector<std::vector<std::string>>& table) {
  const std::string note = kind.pause ? printable(kind.pause->note) : "";
  const auto state = [&](const std::string& otherwise) {
    return output.coloured_state(kind.pause ? "paused" : otherwise);
  };
  if (kind.processes.empty())
    table.push_back({printable(name), state("not running"), "-", "-", "-", "-", "-", "-", note});
  for (const auto& process : kind.processes)
    table.push_back({printable(name), process.living() ? state("running") : output.coloured_state("lost"),
                     printable(process.instance), printable(process.version), std::to_string(process.lanes),
                     std::to_string(process.busy), std::to_string(process.in_flight),
                     duration_text(process.seen_ms) + " ago", note});
}

}  // namespace

int workers_list(Context& context, const Arguments&) {
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& [name, kind] : context.database().transact(runs::read_worker_kinds)) {
    list.push_back(runs::to_json(name, kind));
    add_rows(context.output, name, kind, table);
  }
  context.output.document(list);
  context.output.table(
      {"WORKER", "STATE", "INSTANCE", "VERSION", "LANES", "BUSY", "IN FLIGHT", "SEEN", "NOTE"}, table,
      "There are no workers.");
  return done;
}

int workers_pause(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.worker;
  auto stored = context.database().transact([&](postgres::Transaction& transaction) {
    return runs::pause_worker(transaction, name, arguments.note, {context.tenant(), actor, context.now()});
  });
  const bool changed = !stored.empty();
  context.publish(std::move(stored));
  context.output.document(
      {{"worker", name}, {"paused", true}, {"note", arguments.note}, {"changed", changed}});
  context.output.line(changed
                          ? "paused " + name +
                                ": its processes claim no more runs, and finish what they hold; go on with: "
                                "rollcall workers resume " +
                                name
                          : "nothing changed: " + name + " is paused already, with this note");
  return done;
}

int workers_resume(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.worker;
  auto stored = context.database().transact([&](postgres::Transaction& transaction) {
    return runs::resume_worker(transaction, name, {context.tenant(), actor, context.now()});
  });
  const bool changed = !stored.empty();
  context.publish(std::move(stored));
  context.output.document({{"worker", name}, {"paused", false}, {"changed", changed}});
  context.output.line(changed ? "resumed " + name + ": its processes claim runs again within seconds"
                              : "nothing changed: " + name + " is not paused");
  return done;
}

}  // namespace rollcall::cli
