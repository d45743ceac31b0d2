#include "common/worker/presence.h"

#include "common/core/waiting.h"
#include "common/log/log.h"
#include "common/runs/blocks.h"

#include <utility>

namespace rollcall::worker {

using postgres::value;

void show_presence(postgres::Database& database, const Presence& presence) {
  database.execute(
      "INSERT INTO ops.workers AS w (worker, instance, version, lanes, busy, in_flight) VALUES ($1, $2, $3, "
      "$4, $5, $6) ON CONFLICT (worker, instance) DO UPDATE SET version = excluded.version, lanes = "
      "excluded.lanes, busy = excluded.busy, in_flight = excluded.in_flight, seen_at = now()",
      {value(presence.worker), value(presence.instance), value(ROLLCALL_VERSION), value(presence.lanes),
       value(presence.busy), value(presence.in_flight)});
}

void end_presence(postgres::Database& database, const Presence& presence) {
  database.execute("DELETE FROM ops.workers WHERE worker = $1 AND instance = $2",
                   {value(presence.worker), value(presence.instance)});
}

Heartbeat::Heartbeat(postgres::Database& database, std::function<Presence()> look)
    : database_(database),
      look_(std::move(look)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Heartbeat::~Heartbeat() = default;

void Heartbeat::run(const std::stop_token& stop) {
  do {
    try {
      show_presence(database_, look_());
    } catch (const std::exception& error) {
      log::warn("heartbeat_failed", log::describe(error));
    }
  } while (pause(runs::heartbeat_every, stop));
  try {
    end_presence(database_, look_());
  } catch (const std::exception& error) {
    log::warn("heartbeat_failed", log::describe(error));
  }
}

}  // namespace rollcall::worker
