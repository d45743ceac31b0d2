#include "common/runs/audit.h"
#include "common/runs/blocks.h"
#include "ops/cli/commands.h"
#include "ops/cli/kinds.h"
#include "ops/cli/rows.h"

#include <algorithm>
#include <map>

/// Who works, and which kinds are paused.
namespace rollcall::cli {
namespace {

struct Pause {
  std::string note, by, at;
};

struct Process {
  std::string instance, version, started_at, seen_at;
  long lanes = 0, busy = 0, in_flight = 0, seen_ms = 0;
  /// It renews its row every other second; one that has not for so long is dead or cut off.
  [[nodiscard]] bool living() const { return seen_ms < runs::stale_after.count(); }
};

struct Kind {
  std::vector<Process> processes;
  std::optional<Pause> pause;
};

/// Every kind that Rollcall has, and whatever else has registered itself.
std::map<std::string, Kind> read_kinds(postgres::Database& database) {
  std::map<std::string, Kind> kinds;
  for (const char* name : worker_kinds)
    kinds.try_emplace(name);
  for (const auto& row :
       database.query("SELECT worker, instance, version, lanes, busy, in_flight, " + time_of("started_at") +
                      ", " + time_of("seen_at") +
                      ", greatest(0, extract(epoch FROM now() - seen_at) * 1000)::bigint FROM ops.workers "
                      "ORDER BY worker, instance"))
    kinds[row.text(0)].processes.push_back({row.text(1), row.text(2), row.text(6), row.text(7), row.number(3),
                                            row.number(4), row.number(5), row.number(8)});
  for (const auto& row : database.query("SELECT worker, note, paused_by, " + time_of("paused_at") +
                                        " FROM ops.worker_pauses ORDER BY worker"))
    kinds[row.text(0)].pause = Pause{row.text(1), row.text(2), row.text(3)};
  return kinds;
}

Json to_json(const std::string& name, const Kind& kind) {
  Json processes = Json::array();
  for (const auto& process : kind.processes)
    processes.push_back({{"instance", process.instance},
                         {"version", process.version},
                         {"lanes", process.lanes},
                         {"busy", process.busy},
                         {"in_flight", process.in_flight},
                         {"started_at", process.started_at},
                         {"seen_at", process.seen_at},
                         {"seen_ms_ago", process.seen_ms},
                         {"living", process.living()}});
  Json json = {{"worker", name}, {"paused", kind.pause.has_value()}, {"processes", std::move(processes)}};
  if (kind.pause) {
    json["note"] = kind.pause->note;
    json["paused_by"] = kind.pause->by;
    json["paused_at"] = kind.pause->at;
  }
  return json;
}

void add_rows(const Output& output, const std::string& name, const Kind& kind,
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

void require_kind(Context& context, const std::string& name) {
  const auto kinds = read_kinds(context.database());
  if (kinds.contains(name)) return;
  std::string known;
  for (const auto& [kind, unused] : kinds)
    known += (known.empty() ? "" : ", ") + kind;
  throw Failure(not_found, "worker_unknown", "there is no kind of worker '" + printable(name) + "'",
                "One of: " + printable(known) + ".");
}

}  // namespace

int workers_list(Context& context, const Arguments&) {
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& [name, kind] : read_kinds(context.database())) {
    list.push_back(to_json(name, kind));
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
  require_kind(context, name);
  std::vector<runs::Stored> stored;
  context.database().transact([&](postgres::Transaction& transaction) {
    stored.clear();
    const long changed = transaction.execute(
        "INSERT INTO ops.worker_pauses AS p (worker, note, paused_by) VALUES ($1, $2, $3) ON CONFLICT "
        "(worker) DO UPDATE SET note = excluded.note, paused_by = excluded.paused_by WHERE p.note <> "
        "excluded.note",
        {postgres::value(name), postgres::value(arguments.note), postgres::value(actor)});
    if (changed == 0) return;
    stored.push_back(runs::store_audit(transaction,
                                       {.tenant_id = context.tenant(),
                                        .actor = actor,
                                        .action = "worker_paused",
                                        .detail = {{"worker", name}, {"note", arguments.note}},
                                        .subject = name},
                                       context.now()));
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
  require_kind(context, name);
  std::vector<runs::Stored> stored;
  context.database().transact([&](postgres::Transaction& transaction) {
    stored.clear();
    const auto gone = transaction.query("DELETE FROM ops.worker_pauses WHERE worker = $1 RETURNING note",
                                        {postgres::value(name)});
    if (gone.empty()) return;
    stored.push_back(runs::store_audit(transaction,
                                       {.tenant_id = context.tenant(),
                                        .actor = actor,
                                        .action = "worker_resumed",
                                        .detail = {{"worker", name}, {"note", gone[0].text(0)}},
                                        .subject = name},
                                       context.now()));
  });
  const bool changed = !stored.empty();
  context.publish(std::move(stored));
  context.output.document({{"worker", name}, {"paused", false}, {"changed", changed}});
  context.output.line(changed ? "resumed " + name + ": its processes claim runs again within seconds"
                              : "nothing changed: " + name + " is not paused");
  return done;
}

}  // namespace rollcall::cli
