#pragma once
#include "common/postgres/postgres.h"

#include <chrono>
#include <map>
#include <string>

namespace rollcall::worker {

/// The processes in ops.workers as "worker/instance", with how long ago the last heartbeat of each was, by
/// the database's clock.
std::map<std::string, std::chrono::milliseconds> living_instances(postgres::Database& database);

}  // namespace rollcall::worker
