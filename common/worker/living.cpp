#include "common/worker/living.h"

namespace rollcall::worker {

std::map<std::string, std::chrono::milliseconds> living_instances(postgres::Database& database) {
  std::map<std::string, std::chrono::milliseconds> ages;
  for (const auto& row :
       database.query("SELECT worker || '/' || instance, (extract(epoch FROM clock_timestamp() - "
                      "seen_at) * 1000)::bigint FROM ops.workers",
                      {}))
    ages[row.text(0)] = std::chrono::milliseconds{row.number(1)};
  return ages;
}

}  // namespace rollcall::worker
