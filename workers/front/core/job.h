#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/core/json.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A run as callers of the interface see it: a job.
namespace rollcall::front {

struct JobEvent {
  long seq = 0;  ///< grows with each event of a job
  WallTime at;
  std::string event;
  std::string detail;  ///< JSON text, as PostgreSQL has it
};

struct Job {
  Uuid id;
  std::string state, worker, operation;
  std::optional<Uuid> organization, joined_to;
  std::string requested_by;
  int attempt = 0;
  bool cancel_requested = false;
  std::optional<WallTime> created_at, started_at, finished_at, resume_at;
  std::optional<long> duration_ms;
  std::string progress, result;  ///< JSON text; empty: none
  std::string plan_digest;       ///< of what waits for approval
  std::string error_code, error_message;
  std::string kind = "job";        ///< or "call": an agent's, on record here
  bool administered = false;       ///< by the one who asks: may change what the job does to a group
  std::vector<JobEvent> events{};  ///< those that were asked for
};

/// succeeded, failed or cancelled.
bool is_final(std::string_view state);
/// Which of cancel, retry, approve and reject this state allows.
std::vector<std::string_view> actions_in(std::string_view state);
/// The state in the words of Azure's long-running operations.
std::string_view monitor_status(std::string_view state);
/// How soon it is worth asking again; nothing where the job is over.
std::optional<std::chrono::seconds> ask_again_in(const Job& job, WallTime now);

/// The component Job. `root`: absolute links begin with it.
std::string job_body(const Job& job, std::string_view root);
/// The component JobEvent.
std::string job_event_body(const JobEvent& event);
/// ".../api/v1/jobs/<id>"
std::string job_link(const Uuid& job, std::string_view root);

/// What a reader of all news is told: a message of rollcall.runs with names as in Job. Nothing where the
/// message is none. `event_id`: the same news told twice has it twice.
struct News {
  Uuid run;
  std::string body;
};
std::optional<News> read_news(std::string_view message, std::string_view event_id);

}  // namespace rollcall::front
