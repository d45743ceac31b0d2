#include "common/runs/audit.h"
#include "common/runs/by_hand.h"
#include "workers/front/adapters/news_feed.h"
#include "workers/front/api/job_calls.h"
#include "workers/front/api/routes.h"
#include "workers/front/core/access.h"
#include "workers/front/core/job.h"

#include <functional>

/// Jobs: what became of what someone asked for.
namespace rollcall::front {
namespace {

const std::vector<AnswerShape> one_job = {{200, "Job", "The job as it is now."}};

Response text_answer(int status, std::string json) {
  return {status, {{"Content-Type", "application/json"}}, std::move(json)};
}

Response job_answer(const Job& job, const Call& call) {
  auto response = text_answer(200, job_body(job, call.public_root));
  if (const auto wait = ask_again_in(job, call.now))
    response.headers.emplace_back("Retry-After", std::to_string(wait->count()));
  return response;
}

// ---- One job: asked for most of all.

Route get_job(const std::shared_ptr<JobGatherer>& gatherer) {
  return job_route(gatherer,
                   {.operation = {.method = "GET",
                                  .path = "/api/v1/jobs/{job}",
                                  .id = "get_job",
                                  .summary = "A job as it is now; Retry-After says when to ask again.",
                                  .answers = one_job,
                                  .tag = "jobs"},
                    .answer = job_answer});
}

// ---- The list.

std::string filter_name(const Call& call) {
  std::string name = "jobs " + call.caller.identity();
  for (const char* one : {"kind", "state", "worker", "operation", "organization", "since"})
    name += std::string(" ") + one + "=" + call.query.text(one);
  return name;
}

Response list(postgres::Database& database, const Call& call) {
  const auto name = filter_name(call);
  const auto page = list_jobs(
      database, viewer_of(call),
      {call.query.text("state"), call.query.text("worker"), call.query.text("operation"),
       call.query.uuid("organization"), call.query.time("since"), call.query.text("kind") == "call"},
      page_position(call, name), call.query.integer("limit", 50));
  Json items = Json::array();
  for (const auto& job : page.jobs)
    items.push_back(Json::parse(job_body(job, call.public_root)));
  return page_answer(call, name, std::move(items), page.next);
}

Route list_route(Parts& parts) {
  Route route;
  route.operation = {
      .method = "GET",
      .path = "/api/v1/jobs",
      .id = "list_jobs",
      .summary = "The jobs that the caller may see, newest first.",
      .query = {{.name = "kind",
                 .type = ParameterType::one_of,
                 .help = "call: the calls of agents, which are on record like jobs; job if not given.",
                 .choices = {"job", "call"}},
                {.name = "state",
                 .type = ParameterType::one_of,
                 .help = "Only jobs in this state; a call that is under way is pending.",
                 .choices = {"queued", "running", "waiting", "needs_approval", "succeeded", "failed",
                             "cancelled", "pending"}},
                {.name = "worker", .help = "Only jobs of this worker, such as member-sync.", .text_max = 64},
                {.name = "operation",
                 .help = "Only jobs of this operation, such as sync-members.",
                 .text_max = 64},
                {.name = "organization", .type = ParameterType::uuid, .help = "Only jobs of this one."},
                {.name = "since", .type = ParameterType::time, .help = "Only jobs asked for then or later."},
                {.name = "limit",
                 .type = ParameterType::integer,
                 .help = "Jobs on a page; 50 if not given.",
                 .min = 1,
                 .max = 200},
                {.name = "cursor", .help = "Where the page begins: from nextLink.", .text_max = 512}},
      .answers = {{200, "JobPage", "A page of jobs."}},
      .tag = "jobs"};
  route.handle = [&database = parts.database](const Call& call) { return list(database, call); };
  return route;
}

// ---- What people do to a job.

struct Deed {
  const char* name;
  const char* summary;
  const char* audited;
  std::string_view repeated_in;  ///< the state in which it has been done already, and is not done again
  bool administering;            ///< it makes a job change a group, or keeps it from doing so as planned
  std::string body;
  int status;  ///< of what was done
  std::function<runs::Stored(postgres::Transaction&, const Job&, const Call&)> change;
};

void require_digest(const Job& job, const Call& call) {
  const auto& digest = call.body.at("digest").get_ref<const std::string&>();
  if (job.state != "needs_approval" || digest == job.plan_digest) return;  // the state is refused elsewhere
  throw Refused({409,
                 "plan_changed",
                 "The job waits for the approval of another plan: its digest is " + job.plan_digest + ".",
                 {{"/digest", "is not that of the plan which waits for approval"}}});
}

std::vector<Deed> deeds() {
  return {
      {"cancel", "Cancels a job: at once where it has not begun, else at its next checkpoint.",
       "job_cancelled", "cancelled", false, "", 200,
       [](postgres::Transaction& transaction, const Job& job, const Call& call) {
         return runs::cancel(transaction, job.id, call.caller.identity(), call.now).stored;
       }},
      {"retry", "Tries a failed or cancelled job again, from its beginning.", "job_retried", "", true, "",
       202,
       [](postgres::Transaction& transaction, const Job& job, const Call& call) {
         return runs::retry(transaction, job.id, call.caller.identity(), call.now);
       }},
      {"approve", "Approves the plan that the job waits with; it goes on.", "job_approved", "", true,
       "JobApproval", 202,
       [](postgres::Transaction& transaction, const Job& job, const Call& call) {
         require_digest(job, call);
         return runs::approve(transaction, job.id, call.caller.identity(), call.now);
       }},
      {"reject", "Rejects the plan that the job waits with; the job ends, and nothing is changed.",
       "job_rejected", "", true, "", 200,
       [](postgres::Transaction& transaction, const Job& job, const Call& call) {
         return runs::reject(transaction, job.id, call.caller.identity(), call.now);
       }},
  };
}

struct Done {
  Job job;
  std::vector<runs::Stored> stored;
};

Done carry_out(postgres::Transaction& transaction, const Deed& deed, const Call& call,
               const std::string& tenant) {
  const JobQuestion question{job_of(call), viewer_of(call)};
  // Nobody changes it between the look and the deed.
  transaction.execute("SELECT FROM ops.runs WHERE id = $1::uuid FOR UPDATE", {postgres::value(question.job)});
  const auto job = find_job(transaction, question);
  if (!job) throw Refused(job_not_found());
  if (deed.administering && !job->administered)
    throw Refused({403, "role_missing",
                   "This takes an administrator of the job's organization, or the app role " +
                       std::string(operator_role) + "."});
  if (job->state == deed.repeated_in) return {*job, {}};
  Done done;
  done.stored.push_back(deed.change(transaction, *job, call));
  Json detail = {{"job_id", job->id.to_string()}, {"operation", job->operation}, {"state", job->state}};
  if (!job->plan_digest.empty()) detail["plan_digest"] = job->plan_digest;
  done.stored.push_back(runs::store_audit(transaction,
                                          {.tenant_id = tenant,
                                           .actor = call.caller.identity(),
                                           .action = deed.audited,
                                           .organization_id = job->organization,
                                           .detail = std::move(detail)},
                                          call.now));
  done.job = find_job(transaction, question).value_or(*job);
  return done;
}

Response carry_out(Parts& parts, const Deed& deed, const Call& call) {
  auto done = parts.database.transact([&](postgres::Transaction& transaction) {
    return carry_out(transaction, deed, call, call.caller.tenant_id);
  });
  for (auto& stored : done.stored)
    publish(parts, std::move(stored));
  // Who follows it here need not wait for Kafka, nor for news that there is none of (a worker asked to stop).
  if (parts.news) parts.news->jobs().changed({done.job.id});
  auto response = job_answer(done.job, call);
  response.status = done.job.cancel_requested && !is_final(done.job.state) ? 202 : deed.status;
  if (response.status == 202) {
    const auto link = job_link(done.job.id, call.public_root);
    response.headers.emplace_back("Operation-Location", link);
    response.headers.emplace_back("Location", link);
  }
  return response;
}

Route deed_route(Parts& parts, const Deed& deed) {
  Route route;
  route.operation = {.method = "POST",
                     .path = std::string("/api/v1/jobs/{job}/") + deed.name,
                     .id = std::string(deed.name) + "_job",
                     .summary = deed.summary,
                     .body = deed.body,
                     .answers = {{deed.status, "Job", "The job as it is after that."}},
                     .tag = "jobs"};
  if (std::string_view(deed.name) == "cancel")
    route.operation.answers.push_back({202, "Job", "Its worker was asked to stop, and will soon."});
  route.handle = [&parts, deed](const Call& call) { return carry_out(parts, deed, call); };
  return route;
}

}  // namespace

Routes jobs_routes(Parts& parts) {
  Routes routes{list_route(parts), get_job(job_gatherer(parts))};
  for (const auto& deed : deeds())
    routes.push_back(deed_route(parts, deed));
  return routes;
}

}  // namespace rollcall::front
