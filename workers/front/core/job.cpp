#include "workers/front/core/job.h"

#include "common/core/reasons.h"

#include <algorithm>
#include <array>

namespace rollcall::front {
namespace {

struct State {
  std::string_view name, status;
  bool final;
  std::vector<std::string_view> actions;
};
const auto states = std::to_array<State>({
    {"pending", "Running", false, {}},
    {"queued", "NotStarted", false, {"cancel"}},
    {"running", "Running", false, {"cancel"}},
    {"waiting", "Running", false, {"cancel"}},
    {"needs_approval", "Running", false, {"approve", "reject", "cancel"}},
    {"succeeded", "Succeeded", true, {}},
    {"failed", "Failed", true, {"retry"}},
    {"cancelled", "Canceled", true, {"retry"}},
});

const State* find_state(std::string_view name) {
  const auto found = std::ranges::find(states, name, &State::name);
  return found == states.end() ? nullptr : &*found;
}

/// JSON put together as text: what PostgreSQL gives as JSON is not read and written again.
class Object {
 public:
  explicit Object(std::size_t expected) { text_.reserve(expected); }

  void raw(std::string_view name, std::string_view json) {
    text_.append(text_.empty() ? "{\"" : ",\"").append(name).append("\":").append(json);
  }
  void text(std::string_view name, std::string_view value) { raw(name, quoted(value)); }
  template <class T>
  void text_or_null(std::string_view name, const std::optional<T>& value, std::string (*to_text)(const T&)) {
    value ? text(name, to_text(*value)) : raw(name, "null");
  }
  void number(std::string_view name, long value) { raw(name, std::to_string(value)); }
  std::string take() {
    text_ += '}';
    return std::move(text_);
  }

 private:
  static std::string quoted(std::string_view value) {
    const bool plain =
        std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; });
    if (!plain) return dump(Json(value));
    std::string text;
    text.reserve(value.size() + 2);
    return text.append("\"").append(value).append("\"");
  }
  std::string text_;
};

std::string uuid_text(const Uuid& id) {
  return id.to_string();
}
std::string time_text(const WallTime& time) {
  return to_rfc3339(time);
}

std::string error_body(std::string_view code, std::string_view message) {
  Object error(256);
  error.text("code", code);
  error.text("message", message);
  error.text("cure", cure_for(code));
  return error.take();
}

std::string links_of(const Job& job, std::string_view root) {
  const std::string self = job_link(job.id, root);
  Object links(512);
  links.text("self", self);
  links.text("events", self + "/events");
  for (const auto action : job.kind == "job" ? actions_in(job.state) : std::vector<std::string_view>())
    links.text(action, self + "/" + std::string(action));
  return links.take();
}

}  // namespace

bool is_final(std::string_view state) {
  const auto* found = find_state(state);
  return found && found->final;
}

std::vector<std::string_view> actions_in(std::string_view state) {
  const auto* found = find_state(state);
  return found ? found->actions : std::vector<std::string_view>{};
}

std::string_view monitor_status(std::string_view state) {
  const auto* found = find_state(state);
  return found ? found->status : "Running";
}

std::optional<std::chrono::seconds> ask_again_in(const Job& job, WallTime now) {
  using std::chrono::seconds;
  if (is_final(job.state)) return std::nullopt;
  if (job.state == "needs_approval") return seconds(30);  // a person has to come
  if (job.state != "waiting" || !job.resume_at) return seconds(1);
  return std::clamp(std::chrono::ceil<seconds>(*job.resume_at - now), seconds(1), seconds(60));
}

std::string job_link(const Uuid& job, std::string_view root) {
  return std::string(root) + "/api/v1/jobs/" + job.to_string();
}

std::string job_body(const Job& job, std::string_view root) {
  Object body(1024 + job.progress.size() + job.result.size());
  const std::string id = job.id.to_string();
  body.text("id", id);
  body.text("job_id", id);
  body.text("kind", job.kind);
  body.text("state", job.state);
  body.text("status", monitor_status(job.state));
  body.text("worker", job.worker);
  body.text("operation", job.operation);
  body.text_or_null("organization_id", job.organization, uuid_text);
  body.text("requested_by", job.requested_by);
  body.text_or_null("created_at", job.created_at, time_text);
  body.text_or_null("started_at", job.started_at, time_text);
  body.text_or_null("finished_at", job.finished_at, time_text);
  body.text_or_null("resume_at", job.resume_at, time_text);
  body.raw("duration_ms", job.duration_ms ? std::to_string(*job.duration_ms) : "null");
  body.number("attempt", job.attempt);
  body.raw("cancel_requested", job.cancel_requested ? "true" : "false");
  body.raw("progress", job.progress.empty() ? "null" : job.progress);
  body.raw("result", job.result.empty() ? "null" : job.result);
  job.plan_digest.empty() ? body.raw("plan_digest", "null") : body.text("plan_digest", job.plan_digest);
  body.raw("error", job.error_code.empty() ? "null" : error_body(job.error_code, job.error_message));
  body.text_or_null("joined_to", job.joined_to, uuid_text);
  body.raw("links", links_of(job, root));
  return body.take();
}

std::string job_event_body(const JobEvent& event) {
  Object body(256 + event.detail.size());
  body.text("seq", std::to_string(event.seq));
  body.text("at", to_rfc3339(event.at));
  body.text("event", event.event);
  body.raw("detail", event.detail.empty() ? "{}" : event.detail);
  return body.take();
}

std::optional<News> read_news(std::string_view message, std::string_view event_id) {
  auto json = parse_json(message);
  if (!json || !json->is_object()) return std::nullopt;
  const auto run = json->find("run_id");
  if (run == json->end() || !run->is_string()) return std::nullopt;
  const auto id = Uuid::parse(run->get_ref<const std::string&>());
  if (!id) return std::nullopt;
  json->erase(run);
  (*json)["job_id"] = id->to_string();
  (*json)["event_id"] = event_id;
  if (const auto error = json->find("error"); error != json->end() && error->is_object())
    if (const auto code = error->find("code"); code != error->end() && code->is_string())
      (*error)["cure"] = cure_for(code->get_ref<const std::string&>());
  return News{*id, dump(*json)};
}

}  // namespace rollcall::front
