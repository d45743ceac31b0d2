#include "workers/front/adapters/job_store.h"

#include "common/core/error.h"

#include <algorithm>

namespace rollcall::front {
namespace {

using postgres::value;

std::string milliseconds_of(const std::string& column) {
  return "(extract(epoch FROM " + column + ") * 1000)::bigint";
}

/// What read_job() reads.
const std::string job_columns =
    "r.id, r.state, r.worker, r.operation, r.organization_id, r.joined_to, r.caller_identity, r.attempt, "
    "r.cancel_requested, " +
    milliseconds_of("r.created_at") + ", " + milliseconds_of("r.started_at") + ", " +
    milliseconds_of("r.finished_at") + ", " + milliseconds_of("r.resume_at") +
    ", r.duration_ms, r.progress, r.result, "
    "CASE WHEN r.state = 'needs_approval' THEN r.result ->> 'plan_digest' END, r.error_code, "
    "r.error_message, r.kind";
constexpr std::size_t job_columns_count = 20;

std::optional<Uuid> uuid_at(const postgres::Row& row, std::size_t i) {
  return row.is_null(i) ? std::nullopt : std::optional{row.uuid(i)};
}

std::optional<WallTime> time_at(const postgres::Row& row, std::size_t i) {
  if (row.is_null(i)) return std::nullopt;
  return WallTime{std::chrono::milliseconds{row.number(i)}};
}

Job read_job(const postgres::Row& row) {
  Job job;
  job.id = row.uuid(0);
  job.state = row.text(1);
  job.worker = row.text(2);
  job.operation = row.text(3);
  job.organization = uuid_at(row, 4);
  job.joined_to = uuid_at(row, 5);
  job.requested_by = row.text(6);
  job.attempt = static_cast<int>(row.number(7));
  job.cancel_requested = row.flag(8);
  job.created_at = time_at(row, 9);
  job.started_at = time_at(row, 10);
  job.finished_at = time_at(row, 11);
  job.resume_at = time_at(row, 12);
  if (!row.is_null(13)) job.duration_ms = row.number(13);
  job.progress = row.text(14);
  job.result = row.text(15);
  job.plan_digest = row.text(16);
  job.error_code = row.text(17);
  job.error_message = row.text(18);
  job.kind = row.text(19);
  return job;
}

/// `first`: the column of seq.
JobEvent read_event(const postgres::Row& row, std::size_t first) {
  return {row.number(first), time_at(row, first + 1).value_or(WallTime{}), row.text(first + 2),
          row.text(first + 3)};
}

/// Whose operators may see `r`: a command may come without a tenant, and then its organization says. What has
/// neither belongs to the installation, and so to any operator.
std::string tenant_of_run(const std::string& otherwise) {
  return "coalesce(nullif(r.tenant_id, ''), (SELECT o.tenant_id FROM directory.organizations o WHERE o.id = "
         "r.organization_id), " +
         otherwise + ")";
}

/// Whether the viewer in these columns operates the tenant of `r`, or administers its organization.
const std::string administers = "(u.operates AND " + tenant_of_run("u.tenant") + R"( = u.tenant) OR EXISTS (
    SELECT FROM directory.known_members k WHERE k.organization_id = r.organization_id
       AND k.object_id = u.person AND k.tenant_id = u.tenant AND k.administers))";

/// Answers many questions, each by what its own viewer may see. The lateral parts are looked up by key, and
/// the events only for those who want them.
const std::string find_sql = "SELECT u.n, a.administered, " + job_columns + ", e.seq, " +
                             milliseconds_of("e.at") + R"(, e.event, e.detail
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::boolean[], $6::bigint[]) WITH ORDINALITY
     AS u(job, person, tenant, identity, operates, after, n)
JOIN ops.runs r ON r.id = u.job
CROSS JOIN LATERAL (SELECT )" +
                             administers +
                             R"( AS administered) a
LEFT JOIN LATERAL (SELECT seq, at, event, detail FROM ops.run_events
     WHERE run_id = r.id AND seq > u.after ORDER BY seq LIMIT )" +
                             std::to_string(job_events_max) + R"() e ON true
WHERE a.administered OR r.caller_identity = u.identity
ORDER BY u.n, e.seq)";

std::vector<postgres::Value> columns_of(const std::vector<JobQuestion>& questions) {
  std::vector<Uuid> jobs;
  std::vector<postgres::Value> persons, operates, after;
  std::vector<std::string> tenants, identities;
  for (const auto& question : questions) {
    jobs.push_back(question.job);
    persons.push_back(value(question.viewer.person));
    tenants.push_back(question.viewer.tenant_id);
    identities.push_back(question.viewer.identity);
    operates.push_back(value(question.viewer.operates));
    after.push_back(question.events_after ? value(*question.events_after) : std::nullopt);
  }
  return {postgres::array(jobs),       postgres::array(persons),  postgres::array(tenants),
          postgres::array(identities), postgres::array(operates), postgres::array(after)};
}

std::vector<std::optional<Job>> answers_of(const postgres::Rows& rows, std::size_t count) {
  std::vector<std::optional<Job>> answers(count);
  constexpr std::size_t job_at = 2, event_at = job_at + job_columns_count;
  for (const auto& row : rows) {
    auto& answer = answers.at(static_cast<std::size_t>(row.number(0)) - 1);
    if (!answer) {
      const auto begin = row.columns.begin() + job_at;
      answer = read_job({{begin, begin + job_columns_count}});
      answer->administered = row.flag(1);
    }
    if (!row.is_null(event_at)) answer->events.push_back(read_event(row, event_at));
  }
  return answers;
}

/// The same question is asked often at once: a job and the one who follows it. It is answered once.
struct Distinct {
  std::vector<JobQuestion> questions;
  std::vector<std::size_t> places;  ///< of each question given
};

Distinct distinct_of(const std::vector<JobQuestion>& questions) {
  Distinct distinct;
  std::map<std::tuple<Uuid, std::string, bool, std::optional<long>>, std::size_t> known;
  for (const auto& question : questions) {
    const auto [found, is_new] = known.try_emplace(
        {question.job, question.viewer.identity, question.viewer.operates, question.events_after},
        distinct.questions.size());
    if (is_new) distinct.questions.push_back(question);
    distinct.places.push_back(found->second);
  }
  return distinct;
}

}  // namespace

std::vector<std::optional<Job>> find_jobs(postgres::Database& database,
                                          const std::vector<JobQuestion>& questions) {
  const auto distinct = distinct_of(questions);
  const auto found =
      answers_of(database.ask(find_sql, columns_of(distinct.questions)), distinct.questions.size());
  std::vector<std::optional<Job>> answers;
  answers.reserve(questions.size());
  for (const auto place : distinct.places)
    answers.push_back(found[place]);
  return answers;
}

std::optional<Job> find_job(postgres::Transaction& transaction, const JobQuestion& question) {
  return answers_of(transaction.query(find_sql, columns_of({question})), 1)[0];
}

std::vector<JobEvent> list_job_events(postgres::Database& database, const Uuid& job, long after, long limit) {
  std::vector<JobEvent> events;
  for (const auto& row :
       database.ask("SELECT seq, " + milliseconds_of("at") +
                        ", event, detail FROM ops.run_events WHERE run_id = $1::uuid AND seq > $2::bigint "
                        "ORDER BY seq LIMIT $3::bigint",
                    {value(job), value(after), value(limit)}))
    events.push_back(read_event(row, 0));
  return events;
}

namespace {

/// Newest first, the id telling apart those of one moment.
constexpr const char* newest_first = " ORDER BY r.created_at DESC, r.id DESC LIMIT $7::bigint";

/// What every branch of the list asks of a run.
constexpr const char* filtered = R"(
    ($1 = '' OR r.state = $1) AND ($2 = '' OR r.worker = $2) AND ($3 = '' OR r.operation = $3)
    AND ($4::uuid IS NULL OR r.organization_id = $4::uuid)
    AND ($5::timestamptz IS NULL OR r.created_at >= $5::timestamptz)
    AND ($6::timestamptz IS NULL OR (r.created_at, r.id) < ($6::timestamptz, $8::uuid)))";

/// Written out, because jobs and calls each have indexes of their own.
std::string kind_is(const std::string& kind) {
  return " r.kind = '" + kind + "' AND";
}

/// By the index on created_at.
std::string operator_sql(const std::string& kind) {
  return "SELECT r.id, r.created_at FROM ops.runs r WHERE" + kind_is(kind) + filtered + " AND " +
         tenant_of_run("$9") + " = $9" + newest_first;
}

/// The newest of each organization that the viewer administers, and of what it asked for: each by its index,
/// so that what others have costs nothing.
std::string person_sql(const std::string& kind) {
  return std::string(R"(
SELECT r.id, r.created_at FROM (
  SELECT r.id, r.created_at FROM (
      SELECT DISTINCT organization_id FROM directory.known_members
       WHERE object_id = $10::uuid AND tenant_id = $9 AND administers
         AND ($4::uuid IS NULL OR organization_id = $4::uuid)) mine
  CROSS JOIN LATERAL (SELECT r.id, r.created_at FROM ops.runs r
       WHERE r.organization_id = mine.organization_id AND)") +
         kind_is(kind) + filtered + newest_first + R"() r
  UNION
  (SELECT r.id, r.created_at FROM ops.runs r
    WHERE r.caller_identity = $11 AND r.caller_identity LIKE '%/%' AND)" +
         kind_is(kind) + filtered + newest_first + ")) r" + newest_first;
}

std::string position_after(const postgres::Row& row) {
  return row.text(0) + " " + row.text(1);
}

}  // namespace

JobPage list_jobs(postgres::Database& database, const Viewer& viewer, const JobFilter& filter,
                  const std::string& position, long limit) {
  postgres::Value created, id = value(Uuid{});
  if (!position.empty()) {
    const auto gap = position.find(' ');
    const auto last = Uuid::parse(position.substr(0, gap));
    if (!last || gap == std::string::npos)
      throw Error(Fault::invalid, "cursor_invalid", "The cursor is not one that this list gave.");
    id = value(*last);
    created = position.substr(gap + 1);
  }
  std::vector<postgres::Value> parameters = {
      value(filter.state),
      value(filter.worker),
      value(filter.operation),
      value(filter.organization),
      filter.since ? value(*filter.since) : std::nullopt,
      created,
      value(limit + 1),  // one more than is shown says whether there is a next page
      id,
      value(viewer.tenant_id)};
  if (!viewer.operates) {
    parameters.push_back(value(viewer.person));
    parameters.push_back(value(viewer.identity));
  }
  const std::string kind = filter.calls ? "call" : "job";
  const std::string page_sql = viewer.operates ? operator_sql(kind) : person_sql(kind);
  const auto rows = database.query(
      "SELECT r.id, to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), " +
          job_columns + " FROM (" + page_sql +
          ") page JOIN ops.runs r ON r.id = page.id ORDER BY page.created_at DESC, page.id DESC",
      parameters);
  JobPage page;
  for (const auto& row : rows) {
    if (page.jobs.size() == static_cast<std::size_t>(limit)) {
      page.next = position_after(rows[page.jobs.size() - 1]);
      break;
    }
    page.jobs.push_back(read_job({{row.columns.begin() + 2, row.columns.end()}}));
  }
  return page;
}

std::map<Uuid, Audience> find_audiences(postgres::Database& database, const std::vector<Uuid>& runs) {
  std::map<Uuid, Audience> audiences;
  for (const auto& row :
       database.ask("SELECT r.id, " + tenant_of_run("''") + R"(, r.caller_identity, k.tenant_id, k.object_id
FROM ops.runs r LEFT JOIN directory.known_members k ON k.organization_id = r.organization_id
     AND k.administers
WHERE r.id = ANY($1::uuid[]))",
                    {postgres::array(runs)})) {
    auto& audience = audiences[row.uuid(0)];
    audience.tenant_id = row.text(1);
    audience.asked_by = row.text(2);
    if (!row.is_null(4)) audience.administrators.push_back(row.text(3) + "/" + row.uuid(4).to_string());
  }
  return audiences;
}

}  // namespace rollcall::front
