#pragma once
#include "workers/front/adapters/gatherer.h"
#include "workers/front/adapters/job_store.h"
#include "workers/front/api/routes.h"

#include <memory>

/// What the operations on one job have in common.
namespace rollcall::front {

using JobGatherer = Gatherer<JobQuestion, std::optional<Job>>;

inline std::shared_ptr<JobGatherer> job_gatherer(Parts& parts) {
  return std::make_shared<JobGatherer>(
      parts.looks ? *parts.looks : parts.pool,
      [&database = parts.database](const std::vector<JobQuestion>& questions) {
        return find_jobs(database, questions);
      });
}

/// The job that the path names. Throws Refused (400, path_invalid).
inline Uuid job_of(const Call& call) {
  if (const auto id = Uuid::parse(call.path.at("job"))) return *id;
  throw Refused({400, "path_invalid", "The job in the path is no UUID.", {{"job", "is no UUID"}}});
}

/// There is none, or it is not the caller's to see: the two look the same.
inline Refusal job_not_found() {
  return {404, "job_not_found", "There is no job with this id that you may see."};
}

}  // namespace rollcall::front
