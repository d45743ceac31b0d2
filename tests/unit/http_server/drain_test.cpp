#include "tests/unit/http_server/wire.h"

#include <future>
#include <thread>

using namespace rollcall::http_server;
using namespace std::chrono_literals;

namespace {

struct DrainServer {
  std::promise<Respond> asked;
  std::promise<EventStream> streaming;
  Server server{{}, [this](const Request& request, Respond respond) {
                  if (request.path() == "/wait") return asked.set_value(std::move(respond));
                  if (request.path() != "/events") return echo(request, respond);
                  respond({200, {}, "", [this](EventStream one) { streaming.set_value(std::move(one)); }});
                }};
};

}  // namespace

TEST_CASE("draining answers what is under way, ends streams and lets idle connections go") {
  DrainServer it;
  Wire idle(it.server.port());
  idle.send(get("/"));
  CHECK(status_of(idle.read_until("GET / ")) == 200);
  Wire unused(it.server.port());
  Wire waiting(it.server.port());
  waiting.send(get("/wait") + get("/behind"));
  Wire reader(it.server.port());
  reader.send(get("/events"));
  const auto respond = it.asked.get_future().get();
  const auto stream = it.streaming.get_future().get();
  CHECK(stream.send("sent before"));

  auto drained = std::async(std::launch::async, [&] { return it.server.drain(1h); });
  CHECK(idle.read_all().empty());
  CHECK(unused.read_all().empty());
  const auto streamed = reader.read_all();
  CHECK(streamed.ends_with("sent before\r\n0\r\n\r\n"));
  CHECK_FALSE(stream.open());
  reader.close();
  CHECK(drained.wait_for(0s) == std::future_status::timeout);  // one is not answered yet
  respond({200, {}, "answered"});
  const auto answer = waiting.read_all();
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("answered"));
  waiting.close();
  CHECK(drained.get());
  CHECK(it.server.drain(1h));  // again is at once
}

TEST_CASE("draining refuses new connections") {
  DrainServer it;
  CHECK(it.server.drain(1h));
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(it.server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr generic{};
  std::memcpy(&generic, &address, sizeof generic);
  CHECK(::connect(socket, &generic, sizeof generic) != 0);
  ::close(socket);
}

TEST_CASE("draining ends at its limit, and what is late does no harm") {
  DrainServer it;
  Wire waiting(it.server.port());
  waiting.send(get("/wait"));
  const auto respond = it.asked.get_future().get();
  CHECK_FALSE(it.server.drain(20ms));
  respond({200, {}, "late"});
  CHECK(waiting.read_all().ends_with("late"));
}
