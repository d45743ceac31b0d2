#include "tests/unit/http_server/wire.h"

#include <future>
#include <stdexcept>
#include <thread>

using namespace rollcall::http_server;
using namespace std::chrono_literals;

namespace {

/// A server whose /events hands its stream to the test; any other target is answered at once.
class StreamServer {
 public:
  explicit StreamServer(const Options& options = {})
      : server_(options, [this](const Request& request, const Respond& respond) {
          if (request.path() != "/events") return echo(request, respond);
          respond({200, {{"Content-Type", "text/event-stream"}}, "not sent", [this](EventStream stream) {
                     stream.on_close([this] { closed_.set_value(); });
                     stream_.set_value(std::move(stream));
                   }});
        }) {}
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  Server& server() { return server_; }
  /// The next request's.
  EventStream stream() {
    auto stream = stream_.get_future().get();
    stream_ = {};
    return stream;
  }
  void wait_closed() {
    closed_.get_future().wait();
    closed_ = {};
  }

 private:
  std::promise<EventStream> stream_;
  std::promise<void> closed_;
  Server server_;
};

}  // namespace

TEST_CASE("a stream is sent in chunks, its head at once, and the connection lives on") {
  StreamServer server;
  Wire wire(server.port());
  wire.send(get("/events"));
  const auto stream = server.stream();
  const auto head = wire.read_until("\r\n\r\n");
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(head.find("text/event-stream") != std::string::npos);
  CHECK(head.find("Content-Length") == std::string::npos);
  CHECK(stream.send("data: 1\n\n"));
  CHECK(wire.read_until("\n\n\r\n") == "9\r\ndata: 1\n\n\r\n");
  CHECK(stream.open());
  CHECK(stream.send("data: 22\n\n"));
  CHECK(wire.read_until("\n\n\r\n") == "a\r\ndata: 22\n\n\r\n");
  wire.send(get("/next", close_header));  // sent while the stream runs, answered behind it
  CHECK(stream.send("end"));
  stream.close();
  CHECK_FALSE(stream.send("late"));
  const auto rest = wire.read_all();
  CHECK(rest.starts_with("3\r\nend\r\n0\r\n\r\nHTTP/1.1 200"));
  CHECK(rest.ends_with("GET /next "));
  server.wait_closed();
}

TEST_CASE("to HTTP/1.0 the end of the connection ends the stream") {
  StreamServer server;
  Wire wire(server.port());
  wire.send("GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  {
    const auto stream = server.stream();
    CHECK(stream.send("abc"));
  }  // the last copy
  const auto text = wire.read_all();
  CHECK(text.find("chunked") == std::string::npos);
  CHECK(text.find("Connection: close\r\n") != std::string::npos);
  CHECK(text.ends_with("\r\n\r\nabc"));
}

TEST_CASE("HEAD of a stream is its head") {
  StreamServer server;
  CHECK(talk(server.port(), "HEAD /events HTTP/1.1\r\nHost: h\r\n" + close_header + "\r\n")
            .find("Transfer-Encoding: chunked\r\n") != std::string::npos);
}

TEST_CASE("a reader that leaves is noticed without a byte sent") {
  StreamServer server;
  Wire wire(server.port());
  wire.send(get("/events"));
  const auto stream = server.stream();
  CHECK(wire.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  wire.close();
  server.wait_closed();
  CHECK_FALSE(stream.open());
  CHECK_FALSE(stream.send("x"));
}

TEST_CASE("a reader that does not read is dropped, and a reader that does is not") {
  Options options;
  options.write_timeout = 1h;  // not what ends it
  options.stream_bytes_max = 64 * 1024;
  StreamServer server(options);
  const std::string kilobytes(16 * 1024, 'x');
  Wire reader(server.port());
  reader.send(get("/events"));
  const auto read = server.stream();
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(read.send(kilobytes + "!"));
    REQUIRE(reader.read_until("!").ends_with("x!"));
  }
  reader.close();
  server.wait_closed();
  Wire sleeper(server.port(), 4096);
  sleeper.send(get("/events"));
  const auto unread = server.stream();
  std::size_t sent = 0;
  while (unread.send(kilobytes))
    sent += kilobytes.size();
  server.wait_closed();
  CHECK(sent < std::size_t{64} * 1024 * 1024);                       // the system buffers some megabytes
  CHECK(sleeper.read_all().find("\r\n0\r\n") == std::string::npos);  // cut, not ended
}

TEST_CASE("a write that nobody reads times out") {
  Options options;
  options.write_timeout = 100ms;
  options.stream_bytes_max = std::size_t{1} << 30;  // not what ends it
  StreamServer server(options);
  Wire sleeper(server.port(), 4096);
  sleeper.send(get("/events"));
  const auto stream = server.stream();
  CHECK(stream.send(std::string(64 * 1024 * 1024, 'x')));
  server.wait_closed();
  CHECK_FALSE(stream.open());
}

TEST_CASE("a stream may idle longer than any timeout") {
  Options options;
  options.head_timeout = options.read_timeout = options.idle_timeout = options.write_timeout = 50ms;
  StreamServer server(options);
  Wire wire(server.port());
  wire.send(get("/events"));
  const auto stream = server.stream();
  std::promise<void> later;
  server.server().after(200ms, [&] { later.set_value(); });
  later.get_future().wait();
  CHECK(stream.send("still here"));
  CHECK(wire.read_until("still here").ends_with("still here"));
}

TEST_CASE("a peer that talks without end into a stream is cut off") {
  StreamServer server;
  Wire wire(server.port());
  wire.send(get("/events"));
  const auto stream = server.stream();
  const std::string much(4096, 'x');
  while (wire.send(much))
    ;
  server.wait_closed();
  CHECK_FALSE(stream.open());
}

TEST_CASE("many threads send, each message stays whole") {
  Options options;
  options.stream_bytes_max = std::size_t{1} << 20;
  StreamServer server(options);
  Wire wire(server.port());
  wire.send("GET /events HTTP/1.0\r\n\r\n");
  {
    const auto stream = server.stream();
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([stream] {
        for (int i = 0; i < 1000; ++i)
          if (!stream.send("<message>")) return;
      });
  }
  const auto text = wire.read_all();
  std::size_t whole = 0;
  for (auto at = text.find("<message>"); at != std::string::npos; at = text.find("<message>", at + 1))
    ++whole;
  CHECK(whole == 4000);
}

TEST_CASE("a stream that cannot be started is a failure, not an answer") {
  const Server server({}, [](const Request&, const Respond& respond) {
    respond({200, {}, "", [](const EventStream&) { throw std::runtime_error("no"); }});
  });
  CHECK(status_of(talk(server.port(), get("/", close_header))) == 500);
}

TEST_CASE("a stream that outlives its server is over") {
  EventStream kept;
  std::promise<void> closed;
  {
    std::promise<EventStream> stream;
    const Server server({}, [&](const Request&, const Respond& respond) {
      respond({200, {}, "", [&](EventStream one) { stream.set_value(std::move(one)); }});
    });
    Wire wire(server.port());
    wire.send(get("/"));
    kept = stream.get_future().get();
    kept.on_close([&] { closed.set_value(); });
  }
  closed.get_future().wait();
  CHECK_FALSE(kept.send("x"));
}
