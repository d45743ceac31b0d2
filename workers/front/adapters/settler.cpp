#include "workers/front/adapters/settler.h"

#include "common/core/waiting.h"
#include "common/log/log.h"

#include <utility>

namespace rollcall::front {

using namespace std::chrono_literals;

namespace {

constexpr auto looked_for_every = 30s;

}  // namespace

Settler::Settler(postgres::Database& database, runs::OutboxPublisher& outbox, const Clock& clock,
                 std::vector<Sweep> sweeps)
    : thread_([&, sweeps = std::move(sweeps)](const std::stop_token& stop) {
        do {
          for (const auto sweep : sweeps) {
            try {
              auto settled = database.transact(
                  [&](postgres::Transaction& transaction) { return sweep(transaction, clock.wall()); });
              for (auto& one : settled)
                outbox.publish(one.ids, one.messages);
            } catch (const std::exception& error) {
              log::warn("left_behind_not_settled", log::describe(error));
            }
          }
        } while (pause(looked_for_every, stop));
      }) {}

}  // namespace rollcall::front
