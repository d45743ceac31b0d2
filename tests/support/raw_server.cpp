#include "tests/support/raw_server.h"

#include <cstring>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rollcall::test {
namespace {

bool send_all(int socket, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto count = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

/// How many bytes the first request in `unread` has; nothing where there is more to come.
std::optional<std::size_t> request_bytes(const std::string& unread) {
  const auto end = unread.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  static const std::string length = "\r\nContent-Length: ";
  const auto named = unread.substr(0, end).find(length);
  const std::size_t body = named == std::string::npos ? 0 : std::stoul(unread.substr(named + length.size()));
  return unread.size() < end + 4 + body ? std::nullopt : std::optional{end + 4 + body};
}

}  // namespace

struct RawServer::State {
  struct Connection {
    int socket;
    std::thread thread;
  };
  Answer answer;
  int listener = -1;
  std::uint16_t port = 0;
  std::mutex mutex;
  std::list<Connection> connections;  // guarded by mutex
  std::mutex answering;
  std::thread accepter;

  explicit State(Answer given) : answer(std::move(given)), listener(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr generic{};
    std::memcpy(&generic, &address, sizeof generic);
    socklen_t size = sizeof generic;
    if (::bind(listener, &generic, size) != 0 || ::listen(listener, 16) != 0 ||
        ::getsockname(listener, &generic, &size) != 0)
      throw std::runtime_error("a server cannot be made");
    std::memcpy(&address, &generic, sizeof address);
    port = ntohs(address.sin_port);
    accepter = std::thread([this] { accept(); });
  }

  ~State() {
    ::shutdown(listener, SHUT_RDWR);
    accepter.join();
    ::close(listener);
    for (auto& connection : connections) {
      ::shutdown(connection.socket, SHUT_RDWR);
      connection.thread.join();
      ::close(connection.socket);
    }
  }

  void accept() {
    for (int socket = ::accept(listener, nullptr, nullptr); socket >= 0;
         socket = ::accept(listener, nullptr, nullptr)) {
      const std::lock_guard lock(mutex);
      connections.push_back({socket, std::thread([this, socket] { serve(socket); })});
    }
  }

  void serve(int socket) {
    std::string unread;
    char part[4096];
    for (;;) {
      const auto request = request_bytes(unread);
      if (!request) {
        const auto got = ::recv(socket, part, sizeof part, 0);
        if (got <= 0) break;
        unread.append(part, static_cast<std::size_t>(got));
        continue;
      }
      const std::lock_guard lock(answering);
      const auto said = answer(unread.substr(0, *request));
      unread.erase(0, *request);
      if (!said || !send_all(socket, *said)) break;
    }
    ::shutdown(socket, SHUT_RDWR);  // closed for good when its thread was joined
  }
};

RawServer::RawServer(Answer answer) : state_(std::make_unique<State>(std::move(answer))) {}
RawServer::~RawServer() = default;

std::string RawServer::url() const {
  return "http://127.0.0.1:" + std::to_string(state_->port);
}

void RawServer::refuse_connections() {
  ::shutdown(state_->listener, SHUT_RDWR);
}

}  // namespace rollcall::test
