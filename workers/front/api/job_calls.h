#pragma once
#include "workers/front/adapters/gatherer.h"
#include "workers/front/adapters/job_store.h"
#include "workers/front/api/routes.h"

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

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

/// An operation on the job that its path names, as far as the caller may see it. All who ask at once are
/// answered by one statement. `events_after`, where set: those behind that seq come with the job. `answer`
/// may throw.
struct JobRoute {
  Operation operation;
  std::function<Response(const Job& job, const Call& call)> answer;
  std::function<long(const Call& call)> events_after = {};
};

inline Route job_route(const std::shared_ptr<JobGatherer>& gatherer, JobRoute of) {
  Route route;
  route.operation = std::move(of.operation);
  route.begin = [gatherer, id = route.operation.id, answer = std::move(of.answer),
                 events_after = std::move(of.events_after)](Call call, Respond respond) {
    JobQuestion question{job_of(call), viewer_of(call)};
    if (events_after) question.events_after = events_after(call);
    gatherer->ask(question, [id, answer, call = std::move(call), respond = std::move(respond)](
                                const std::optional<Job>& job, const std::exception_ptr& failed) {
      try {
        if (failed) std::rethrow_exception(failed);
        if (!job) throw Refused(job_not_found());
        respond(answer(*job, call));
      } catch (...) {
        respond(problem_answer(refusal_for(std::current_exception(), call.request_id, id), call.request_id));
      }
    });
  };
  return route;
}

}  // namespace rollcall::front
