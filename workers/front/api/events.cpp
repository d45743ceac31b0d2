#include "workers/front/adapters/news_feed.h"
#include "workers/front/api/job_calls.h"
#include "workers/front/core/event_text.h"

#include <charconv>

/// What happens, as it happens: server-sent events.
namespace rollcall::front {
namespace {

const char* const event_stream = "text/event-stream";

Response stream_answer(std::function<void(http_server::EventStream)> begin) {
  Response response;
  response.headers = {{"Content-Type", event_stream},
                      {"Cache-Control", "no-cache, no-store, no-transform"},
                      {"X-Accel-Buffering", "no"}};  // nginx would hold events back otherwise
  response.stream = std::move(begin);
  return response;
}

/// The seq in Last-Event-ID; 0, the beginning, where it is none of ours.
long last_seq(const Call& call) {
  const auto text = call.request.header("Last-Event-ID");
  long seq = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seq);
  return error == std::errc{} && end == text.data() + text.size() && seq > 0 ? seq : 0;
}

/// What it had to tell has been told: 204 keeps a browser's EventSource from coming again.
bool has_nothing_more(const Job& job, const Call& call) {
  return is_final(job.state) && job.events.empty() && last_seq(call) > 0;
}

Response list_answer(postgres::Database& database, const Call& call) {
  const std::string name = "events of " + call.path.at("job");
  const auto position = page_position(call, name);
  const long limit = call.query.integer("limit", 50);
  auto events =
      list_job_events(database, job_of(call), position.empty() ? 0 : std::stol(position), limit + 1);
  const bool more = events.size() > static_cast<std::size_t>(limit);
  if (more) events.pop_back();
  Json items = Json::array();
  for (const auto& event : events)
    items.push_back(Json::parse(job_event_body(event)));
  return page_answer(call, name, std::move(items), more ? std::to_string(events.back().seq) : "");
}

/// Once it is known that the caller may see the job.
Response events_answer(Parts& parts, const Call& call, const Job& job) {
  if (prefers_json(call.request.header("Accept"))) return list_answer(parts.database, call);
  if (has_nothing_more(job, call)) return no_content();
  JobStreams::Subscription of{job.id, viewer_of(call), last_seq(call), call.public_root};
  return stream_answer([news = parts.news, of = std::move(of)](http_server::EventStream stream) {
    news->jobs().follow(of, std::move(stream));
  });
}

Route job_events(Parts& parts) {
  Route route;
  route.operation = {
      .method = "GET",
      .path = "/api/v1/jobs/{job}/events",
      .id = "follow_job",
      .summary =
          "What happens to a job, as it happens: 'event' for each entry of its history, with its seq as "
          "id, and 'job' with the job whenever it has changed. Ends behind a final state. With Accept: "
          "application/json, the history as a list.",
      .query = {{.name = "limit",
                 .type = ParameterType::integer,
                 .help = "Of the list: entries on a page; 50 if not given.",
                 .min = 1,
                 .max = 200},
                {.name = "cursor",
                 .help = "Of the list: where the page begins, from nextLink.",
                 .text_max = 512}},
      .answers = {{200, "", "Events; Last-Event-ID goes on behind that one.", event_stream},
                  {200, "JobEventPage", "The history, with Accept: application/json."},
                  {204, "", "The job is over, and Last-Event-ID is its last event: nothing will come."}},
      .tag = "events"};
  route.begin = [gatherer = job_gatherer(parts), &parts](Call call, Respond respond) {
    const JobQuestion question{job_of(call), viewer_of(call), last_seq(call)};
    gatherer->ask(question, [&parts, call = std::move(call), respond = std::move(respond)](
                                std::optional<Job> job, const std::exception_ptr& failed) {
      try {
        if (failed) std::rethrow_exception(failed);
        if (!job) throw Refused(job_not_found());
        respond(events_answer(parts, call, *job));
      } catch (...) {
        respond(problem_answer(refusal_for(std::current_exception(), call.request_id, "follow_job"),
                               call.request_id));
      }
    });
  };
  return route;
}

Route all_events(Parts& parts) {
  Route route;
  route.operation = {
      .method = "GET",
      .path = "/api/v1/events",
      .id = "follow_events",
      .summary =
          "All news of jobs that the caller may see, as it happens: 'job' for each. 'ready' comes first; "
          "'reset' in its place where Last-Event-ID is too old to go on from.",
      .answers = {{200, "", "Events; Last-Event-ID goes on behind that one.", event_stream}},
      .tag = "events"};
  route.begin = [news = parts.news](const Call& call, const Respond& respond) {
    respond(stream_answer(
        [news, viewer = viewer_of(call), last = std::string(call.request.header("Last-Event-ID"))](
            http_server::EventStream stream) { news->all().follow(viewer, last, std::move(stream)); }));
  };
  return route;
}

}  // namespace

Routes events_routes(Parts& parts) {
  return {job_events(parts), all_events(parts)};
}

}  // namespace rollcall::front
