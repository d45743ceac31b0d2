#include "common/worker/tick_server.h"

#include "common/core/error.h"
#include "common/log/log.h"
#include "common/runs/blocks.h"
#include "common/worker/persist.h"

#include <utility>
#include <vector>

namespace rollcall::worker {
namespace {
constexpr std::size_t block_max = 1'000;

std::string name_of(const Json& tick) {
  return "tick " + tick.value("schedule_name", tick.at("schedule_id").get<std::string>());
}

}  // namespace

void TickServer::serve(const Tick& tick, const std::stop_token& stop) {
  try {
    const bool done = persist("tick_waits", stop, [&] { try_once(tick, stop); });
    if (done) tick.ticket.finish();
  } catch (const Error& error) {
    bury(tick, {error.code(), error.what()});
  } catch (const std::exception& error) {
    bury(tick, {"internal", error.what()});
  }
  parts_.health.clear(name_of(tick.value));
}

void TickServer::try_once(const Tick& tick, const std::stop_token& stop) try {
  queue_commands(parts_.handler.expand(tick.value, stop),
                 Uuid::parse(tick.value.at("tick_id").get<std::string>()));
  mark_served(tick.value);
} catch (const Error& error) {
  parts_.health.note(name_of(tick.value), std::string("waits and is tried again: ") + error.what());
  throw;
}

void TickServer::mark_served(const Json& tick) {
  runs::tick_served(parts_.database, tick.at("schedule_id").get<std::string>(),
                    tick.at("due_at").get<std::string>());
}

void TickServer::bury(const Tick& tick, const Problem& problem) {
  try {
    mark_served(tick.value);  // or the scheduler would send it again
  } catch (const std::exception& error) {
    log::warn("tick_not_marked", log::describe(error));
  }
  parts_.graveyard.bury(tick.ticket, problem, parts_.group);
}

void TickServer::queue_commands(const std::vector<Json>& commands, const std::optional<Uuid>& tick) {
  const std::string type = "rollcall." + parts_.worker + ".command.v1";
  std::vector<runs::NewRun> block;
  const auto flush = [&] {
    auto stored = parts_.database.transact([&](postgres::Transaction& transaction) {
      return runs::enqueue_block(transaction, block, parts_.clock.wall(), true, parts_.topic);
    });
    parts_.outbox.publish(std::move(stored.ids), std::move(stored.messages));
    block.clear();
  };
  for (const auto& value : commands) {
    if (const auto problem = parts_.schemas.check(type, value))
      throw Error(Fault::invalid, problem->code, problem->message);
    auto command = command_of(value);
    block.push_back({command.run_id, command.tenant_id, parts_.worker, command.operation,
                     command.caller_identity, command.organization_id, std::move(command.parameters), true,
                     tick});
    if (block.size() == block_max) flush();
  }
  if (!block.empty()) flush();
}

}  // namespace rollcall::worker
