/// What comes into the HTTP server from anyone: one connection of the real server, fed with the input. Beyond
/// that nothing breaks or hangs: however the bytes are cut on their way, the same requests are seen (else one
/// could be smuggled), and what is answered is one well-formed answer per request, and at most one refusal,
/// last.
#include "common/http_server/connection.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace rollcall::http_server;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

struct Seen {
  std::vector<Request> requests;
  std::string answers;
};

bool same(const Request& left, const Request& right) {
  return left.method == right.method && left.target == right.target && left.headers == right.headers &&
         left.body == right.body;
}

/// Limits small enough that inputs reach them.
Options options() {
  Options out;
  out.header_bytes_max = 1024;
  out.headers_max = 10;
  out.target_bytes_max = 128;
  out.body_bytes_max = 512;
  out.refusal = [](int status, std::string_view) { return Response{status, {{"X-Refused", "1"}}, ""}; };
  return out;
}

class Feed {
 public:
  Feed() {
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets_) == 0, "a pair of sockets");
    shared_.options = options();
    shared_.gate = std::make_shared<Gate>(loop_);
    shared_.handler = [this](Request request, const Respond& respond) {
      const bool streamed = request.path() == "/stream";
      seen_.requests.push_back(std::move(request));
      if (!streamed) return respond({200, {}, "body"});
      respond({200, {}, "", [](const EventStream& stream) { (void)stream.send("event"); }});
    };
    Socket socket(loop_, Socket::protocol_type(AF_UNIX, 0), sockets_[1]);
    std::make_shared<Connection>(std::move(socket), "peer", shared_)->start();
  }
  ~Feed() {
    if (sockets_[0] >= 0) ::close(sockets_[0]);
  }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  void send(std::string_view bytes) {
    // A server that has closed takes nothing more.
    require(
        ::send(sockets_[0], bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()) ||
            errno == EPIPE || errno == ECONNRESET,
        "the input fits into a socket's buffer");
    turn();
  }
  Seen end() {
    ::shutdown(sockets_[0], SHUT_WR);
    for (int turns = 0; !shared_.connections.empty(); ++turns) {
      require(turns < 1000, "a connection ends when its peer has gone");
      turn();
    }
    shared_.gate->close();
    return std::move(seen_);
  }

 private:
  /// Until the server waits.
  void turn() {
    char part[4096];
    for (bool busy = true; busy;) {
      loop_.restart();
      busy = loop_.poll() > 0;
      for (ssize_t got = 0; (got = ::recv(sockets_[0], part, sizeof part, 0)) > 0;)
        seen_.answers.append(part, static_cast<std::size_t>(got));
    }
  }

  int sockets_[2] = {-1, -1};
  Loop loop_{1};
  Shared shared_;
  Seen seen_;
};

/// Takes one answer off the front.
struct Answer {
  bool interim = false;
  bool refusal = false;
};
Answer take_answer(std::string_view& text, bool to_head) {
  const auto head_end = text.find("\r\n\r\n");
  require(head_end != std::string_view::npos, "an answer's head is whole");
  const auto head = text.substr(0, head_end + 2);
  text.remove_prefix(head_end + 4);
  require(head.starts_with("HTTP/1.1 ") && head.size() > 12, "an answer begins as one");
  const Answer answer{head[9] == '1', head.find("X-Refused") != std::string_view::npos};
  constexpr std::string_view length_name = "Content-Length: ";
  if (answer.interim || to_head) return answer;
  if (const auto at = head.find(length_name); at != std::string_view::npos) {
    const auto length = std::strtoul(head.data() + at + length_name.size(), nullptr, 10);
    require(text.size() >= length, "an answer's body is whole");
    text.remove_prefix(length);
    return answer;
  }
  const std::string_view event =
      head.find("chunked") == std::string_view::npos ? "event" : "5\r\nevent\r\n0\r\n\r\n";
  require(text.starts_with(event), "a streamed answer is whole");
  text.remove_prefix(event.size());
  return answer;
}

void check_answers(const Seen& seen) {
  std::string_view text = seen.answers;
  std::size_t answered = 0;
  bool refused = false;
  while (!text.empty()) {
    require(!refused, "nothing is answered behind a refusal");
    // The connection ends behind a refusal: it may answer HEAD with what its head announced.
    const bool to_head = answered < seen.requests.size() && seen.requests[answered].method == "HEAD";
    const auto answer = take_answer(text, to_head);
    refused = answer.refusal;
    if (!answer.interim && !refused) ++answered;
  }
  require(answered == seen.requests.size(), "every request is answered once");
}

Seen feed(std::string_view bytes, std::size_t piece) {
  Feed it;
  while (!bytes.empty()) {
    it.send(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return it.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 8192) return 0;
  const std::string bytes(data + 1, data + size);
  const std::size_t piece = std::size_t{1} + data[0] % 64;
  const auto whole = feed(bytes, bytes.size());
  const auto cut = feed(bytes, piece);
  // Who sends that much into a stream loses the connection, sooner or later as it happens to be read.
  if (bytes.size() > options().header_bytes_max && bytes.find("/stream") != std::string::npos) return 0;
  require(std::ranges::equal(whole.requests, cut.requests, same), "the same requests however they are cut");
  check_answers(whole);
  check_answers(cut);
  return 0;
}
