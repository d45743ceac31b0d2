#include "common/runs/workers.h"

#include "common/core/error.h"
#include "common/postgres/columns.h"
#include "common/runs/blocks.h"

namespace rollcall::runs {
namespace {

void require_kind(postgres::Transaction& transaction, const std::string& name) {
  const auto kinds = read_worker_kinds(transaction);
  if (kinds.contains(name)) return;
  std::string known;
  for (const auto& [kind, unused] : kinds)
    known += (known.empty() ? "" : ", ") + kind;
  throw Error(Fault::not_found, "worker_unknown",
              "there is no kind of worker '" + name + "'; there are: " + known);
}

Stored audit(postgres::Transaction& transaction, const std::string& action, const std::string& name,
             const std::string& note, const Asker& asker) {
  return store_audit(transaction,
                     {.tenant_id = asker.tenant_id,
                      .actor = asker.actor,
                      .action = action,
                      .detail = {{"worker", name}, {"note", note}},
                      .subject = name},
                     asker.now);
}

}  // namespace

bool WorkerProcess::living() const {
  return seen_ms < stale_after.count();
}

std::map<std::string, WorkerKind> read_worker_kinds(postgres::Transaction& transaction) {
  std::map<std::string, WorkerKind> kinds;
  for (const char* name : worker_kinds)
    kinds.try_emplace(name);
  for (const auto& row :
       transaction.query("SELECT worker, instance, version, lanes, busy, in_flight, " + postgres::time_of("started_at") +
                      ", " + postgres::time_of("seen_at") +
                      ", greatest(0, extract(epoch FROM now() - seen_at) * 1000)::bigint FROM ops.workers "
                      "ORDER BY worker, instance"))
    kinds[row.text(0)].processes.push_back({row.text(1), row.text(2), row.text(6), row.text(7), row.number(3),
                                            row.number(4), row.number(5), row.number(8)});
  for (const auto& row : transaction.query("SELECT worker, note, paused_by, " + postgres::time_of("paused_at") +
                                        " FROM ops.worker_pauses ORDER BY worker"))
    kinds[row.text(0)].pause = WorkerKind::Pause{row.text(1), row.text(2), row.text(3)};
  return kinds;
}

Json to_json(const std::string& name, const WorkerKind& kind) {
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

std::vector<Stored> pause_worker(postgres::Transaction& transaction, const std::string& name,
                                 const std::string& note, const Asker& asker) {
  require_kind(transaction, name);
  const long changed = transaction.execute(
      "INSERT INTO ops.worker_pauses AS p (worker, note, paused_by) VALUES ($1, $2, $3) ON CONFLICT "
      "(worker) DO UPDATE SET note = excluded.note, paused_by = excluded.paused_by WHERE p.note <> "
      "excluded.note",
      {postgres::value(name), postgres::value(note), postgres::value(asker.actor)});
  if (changed == 0) return {};
  return {audit(transaction, "worker_paused", name, note, asker)};
}

std::vector<Stored> resume_worker(postgres::Transaction& transaction, const std::string& name,
                                  const Asker& asker) {
  require_kind(transaction, name);
  const auto gone = transaction.query("DELETE FROM ops.worker_pauses WHERE worker = $1 RETURNING note",
                                      {postgres::value(name)});
  if (gone.empty()) return {};
  return {audit(transaction, "worker_resumed", name, gone[0].text(0), asker)};
}

}  // namespace rollcall::runs
