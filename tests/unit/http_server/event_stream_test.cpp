#include "common/http_server/event_stream.h"

#include "tests/support/catch.h"

#include <memory>

using namespace rollcall::http_server;

namespace {

struct Queue {
  int woken = 0;
  std::shared_ptr<StreamQueue> queue = std::make_shared<StreamQueue>(10, [this] { ++woken; });
};

}  // namespace

TEST_CASE("what is sent is taken together, and only a taker who found nothing is woken") {
  Queue q;
  const EventStream stream(q.queue);
  CHECK(stream.send("ab"));
  CHECK(stream.send("cd"));
  CHECK(q.woken == 0);
  CHECK(q.queue->take().bytes == "abcd");
  q.queue->written();
  CHECK(q.queue->take().bytes.empty());
  CHECK(stream.send("e"));
  CHECK(stream.send("f"));
  CHECK(q.woken == 1);
}

TEST_CASE("a stream whose reader is slower than the bound is dropped") {
  Queue q;
  const EventStream stream(q.queue);
  CHECK(stream.send("12345"));
  q.queue->take();  // on its way, but not yet gone
  CHECK(stream.send("67890"));
  CHECK_FALSE(stream.send("x"));
  CHECK(q.woken == 1);  // or a write that hangs would never end
  CHECK_FALSE(stream.open());
  CHECK_FALSE(stream.send(""));
  CHECK(q.queue->dropped());
  CHECK(q.queue->take().over);
}

TEST_CASE("one message larger than the bound is taken where nothing waits") {
  Queue q;
  const EventStream stream(q.queue);
  CHECK(stream.send("more than ten"));
  CHECK_FALSE(stream.send("."));
}

TEST_CASE("the last copy ends the stream after what was sent") {
  Queue q;
  auto stream = std::make_unique<EventStream>(q.queue);
  {
    const EventStream copy = *stream;
    CHECK(copy.send("last"));
  }
  CHECK(stream->open());
  stream.reset();
  const auto taken = q.queue->take();
  CHECK(taken.bytes == "last");
  CHECK(taken.end);
  CHECK_FALSE(taken.over);
}

TEST_CASE("on_close runs once, at once where the stream is over") {
  Queue q;
  const EventStream stream(q.queue);
  int before = 0;
  int after = 0;
  stream.on_close([&] { ++before; });
  stream.close();
  CHECK_FALSE(stream.send("x"));
  CHECK(before == 0);  // not over until the connection says so
  q.queue->over();
  q.queue->over();
  CHECK(before == 1);
  stream.on_close([&] { ++after; });
  CHECK(after == 1);
  EventStream().on_close([&] { ++after; });
  CHECK(after == 2);
  CHECK_FALSE(EventStream().send("x"));
}

TEST_CASE("who waits for what was sent to leave is called once it has, and not before") {
  Queue q;
  const EventStream stream(q.queue);
  int called = 0;
  const auto count = [&] { ++called; };
  stream.after_written(count);
  CHECK(called == 1);  // nothing waited
  CHECK(stream.send("a"));
  stream.after_written(count);
  CHECK(called == 1);
  q.queue->take();
  CHECK(stream.send("b"));
  q.queue->written();
  CHECK(called == 1);  // "b" has not left
  q.queue->take();
  q.queue->written();
  CHECK(called == 2);
  q.queue->written();
  CHECK(called == 2);
}

TEST_CASE("who waits on a stream that ends before is not called, and keeps nothing alive") {
  Queue q;
  int called = 0;
  const auto held = std::make_shared<int>();
  {
    const EventStream stream(q.queue);
    CHECK(stream.send("a"));
    stream.after_written([&called, held, stream] { ++called; });
  }
  q.queue->over();
  CHECK(called == 0);
  CHECK(held.use_count() == 1);
  EventStream(q.queue).after_written([&] { ++called; });
  CHECK(called == 0);
}
