#include "workers/front/core/event_text.h"

#include "tests/support/catch.h"

using namespace rollcall::front;

TEST_CASE("An event has its id, its kind and its data, and an empty line behind it") {
  CHECK(event_text("7", "job", "{}") == "id: 7\nevent: job\ndata: {}\n\n");
  CHECK(event_text("", "bye", "") == "event: bye\ndata: \n\n");
}

TEST_CASE("A line break in the data neither ends the event nor begins a field") {
  CHECK(event_text("", "job", "a\n\nid: 9\r\nb\rc") ==
        "event: job\ndata: a\ndata: \ndata: id: 9\ndata: b\ndata: c\n\n");
}

TEST_CASE("How long to wait is given in milliseconds") {
  CHECK(retry_text(std::chrono::seconds(2)) == "retry: 2000\n\n");
}

TEST_CASE("JSON is for those who ask for it and not for events") {
  CHECK(prefers_json("application/json"));
  CHECK(prefers_json("application/json;q=0.9, text/html"));
  for (const auto* accept : {"", "*/*", "text/event-stream", "text/event-stream, application/json"})
    CHECK_FALSE(prefers_json(accept));
}
