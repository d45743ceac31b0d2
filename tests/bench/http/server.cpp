/// The HTTP server alone: GET /hello, a small answer; GET /events, a stream that idles until POST /tell sends
/// one event into every stream and answers how many took it. Prints its port; ends with its standard input.
#include "common/http_server/server.h"

#include <cstdio>
#include <map>
#include <string>

using namespace rollcall::http_server;

int main() {
  std::map<int, EventStream> streams;  // the server's thread alone touches them
  int last = 0;
  const auto listen = [&](EventStream stream) {
    const int id = ++last;
    stream.on_close([&streams, id] { streams.erase(id); });
    streams.emplace(id, std::move(stream));
  };
  const Server server({}, [&](const Request& request, const Respond& respond) {
    if (request.path() == "/hello") return respond({200, {{"Content-Type", "text/plain"}}, "hello\n"});
    if (request.path() == "/events")
      return respond({200, {{"Content-Type", "text/event-stream"}}, "", listen});
    std::size_t taken = 0;
    for (const auto& [id, stream] : streams)
      if (stream.send("data: told\n\n")) ++taken;
    respond({200, {}, std::to_string(taken) + "\n"});
  });
  std::printf("%u\n", static_cast<unsigned>(server.port()));
  std::fflush(stdout);
  while (std::getchar() != EOF)
    continue;
}
