#pragma once
#include "common/postgres/postgres.h"
#include "workers/front/core/job.h"
#include "workers/front/core/viewer.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// Jobs as PostgreSQL has them now, to those who may see them. Nothing is remembered between two questions.
namespace rollcall::front {

/// So many events come with a job at most; who wants more asks again.
inline constexpr std::size_t job_events_max = 500;

struct JobQuestion {
  Uuid job;
  Viewer viewer;
  std::optional<long> events_after = std::nullopt;  ///< those of a higher seq are wanted too
};
/// In the order of the questions; nothing where there is no such job, or not for this viewer. One statement:
/// a job and its events are of one moment.
std::vector<std::optional<Job>> find_jobs(postgres::Database& database,
                                          const std::vector<JobQuestion>& questions);
/// The same inside a transaction, whose changes it sees.
std::optional<Job> find_job(postgres::Transaction& transaction, const JobQuestion& question);

struct JobFilter {
  std::string state, worker, operation;  ///< empty: any
  std::optional<Uuid> organization;
  std::optional<WallTime> since;  ///< created then or later
  bool calls = false;             ///< agents' calls in place of jobs
};
struct JobPage {
  std::vector<Job> jobs;  ///< newest first
  std::string next;       ///< position of the next page; empty on the last
};
/// `position`: as the page before gave it; empty at the beginning. Throws Error{invalid, "cursor_invalid"}.
JobPage list_jobs(postgres::Database& database, const Viewer& viewer, const JobFilter& filter,
                  const std::string& position, long limit);

/// The events of a job with a higher seq, in order, at most so many.
std::vector<JobEvent> list_job_events(postgres::Database& database, const Uuid& job, long after, long limit);

/// Of those runs that there are.
std::map<Uuid, Audience> find_audiences(postgres::Database& database, const std::vector<Uuid>& runs);

}  // namespace rollcall::front
