#include "workers/front/adapters/news_feed.h"
#include "workers/front/api/job_calls.h"
#include "workers/front/core/event_text.h"
#include "workers/front/core/stream_slots.h"

#include <charconv>

/// What happens, as it happens: server-sent events.
namespace rollcall::front {
namespace {

const char* const event_stream = "text/event-stream";

constexpr std::chrono::seconds slot_awaited{10};

/// Takes one of the caller's slots for as long as the stream lasts, or is about to begin. Throws Refused
/// (429).
Response stream_answer(StreamSlots& slots, const Call& call,
                       std::function<void(http_server::EventStream)> begin) {
  auto slot = slots.take(call.caller.identity());
  if (!slot)
    throw Refused({429,
                   "too_many_streams",
                   "This caller has as many event streams open as one may.",
                   {},
                   slot_awaited});
  Response response;
  response.headers = {{"Content-Type", event_stream},
                      {"Cache-Control", "no-cache, no-store, no-transform"},
                      {"X-Accel-Buffering", "no"}};  // nginx would hold events back otherwise
  response.stream = [slot = std::move(slot),
                     begin = std::move(begin)](const http_server::EventStream& stream) {
    stream.on_close([slot] {});
    begin(stream);
  };
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
Response events_answer(Parts& parts, StreamSlots& slots, const Call& call, const Job& job) {
  if (prefers_json(call.request.header("Accept"))) return list_answer(parts.database, call);
  if (has_nothing_more(job, call)) return no_content();
  JobStreams::Subscription of{job.id, viewer_of(call), last_seq(call), call.public_root};
  return stream_answer(slots, call, [news = parts.news, of = std::move(of)](http_server::EventStream stream) {
    news->jobs().follow(of, std::move(stream));
  });
}

Route job_events(Parts& parts, const std::shared_ptr<StreamSlots>& slots) {
  Operation operation{
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
  return job_route(job_gatherer(parts), {.operation = std::move(operation),
                                         .answer =
                                             [&parts, slots](const Job& job, const Call& call) {
                                               return events_answer(parts, *slots, call, job);
                                             },
                                         .events_after = last_seq});
}

Route all_events(Parts& parts, const std::shared_ptr<StreamSlots>& slots) {
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
  route.begin = [news = parts.news, slots](const Call& call, const Respond& respond) {
    respond(stream_answer(
        *slots, call,
        [news, viewer = viewer_of(call), last = std::string(call.request.header("Last-Event-ID"))](
            http_server::EventStream stream) { news->all().follow(viewer, last, std::move(stream)); }));
  };
  return route;
}

}  // namespace

Routes events_routes(Parts& parts) {
  const auto slots = std::make_shared<StreamSlots>(parts.streams_max);
  return {job_events(parts, slots), all_events(parts, slots)};
}

}  // namespace rollcall::front
