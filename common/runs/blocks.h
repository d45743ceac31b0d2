#pragma once
#include "common/runs/runs.h"

#include <vector>

/// The block forms of runs.h, for the worker loop: one statement for many rows.
namespace rollcall::runs {

/// enqueue() for many; what exists already is left out. `skip_open`: so is an organization with an open run
/// of the same worker and operation. `topic`: where the commands go; empty: as command_message() says.
Stored enqueue_block(postgres::Transaction& transaction, const std::vector<NewRun>& runs, WallTime now,
                     bool skip_open, const std::string& topic = {});

/// SHA-256 of the canonical dump: nlohmann keeps object keys sorted, so equal parameters have equal text.
std::string parameters_hash(const Json& parameters);

/// The value of a run_news() message, to add to (progress, resume_at) before news_message() wraps it.
Json news_value(const Uuid& run, const std::optional<Uuid>& organization, const std::string& worker,
                const std::string& operation, const std::string& state, int attempt, WallTime now);
kafka::Message news_message(const Json& value, WallTime now, const std::string& traceparent = {});

}  // namespace rollcall::runs
