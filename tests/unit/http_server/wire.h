#pragma once
#include "common/http_server/server.h"
#include "tests/support/catch.h"

#include <cstdint>
#include <cstring>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/// What the tests of the server share: a client that knows nothing of HTTP.
namespace rollcall::http_server {

/// Sends bytes as they are and reads what comes.
class Wire {
 public:
  explicit Wire(std::uint16_t port, int receive_buffer_bytes = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer_bytes > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr generic{};
    std::memcpy(&generic, &address, sizeof generic);
    REQUIRE(::connect(socket_, &generic, sizeof generic) == 0);
  }
  ~Wire() { close(); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// False where the server has closed already.
  bool send(const std::string& bytes) const {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return false;
      sent += static_cast<std::size_t>(count);
    }
    return true;
  }
  /// Up to and with `mark`; empty: until the server closes. What came behind the mark is kept for the next.
  [[nodiscard]] std::string read_until(const std::string& mark) {
    char part[4096];
    auto found = mark.empty() ? std::string::npos : unread_.find(mark);
    while (found == std::string::npos) {
      const auto got = ::recv(socket_, part, sizeof part, 0);
      if (got <= 0) break;
      unread_.append(part, static_cast<std::size_t>(got));
      found = mark.empty() ? std::string::npos : unread_.find(mark);
    }
    const auto end = found == std::string::npos ? unread_.size() : found + mark.size();
    auto out = unread_.substr(0, end);
    unread_.erase(0, end);
    return out;
  }
  [[nodiscard]] std::string read_all() { return read_until(""); }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

 private:
  int socket_;
  std::string unread_;
};

/// What the server says to these bytes, until it closes.
inline std::string talk(std::uint16_t port, const std::string& bytes) {
  Wire wire(port);
  wire.send(bytes);
  return wire.read_all();
}

inline std::string get(const std::string& target, const std::string& more = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + more + "\r\n";
}
inline const std::string close_header = "Connection: close\r\n";

/// "HTTP/1.1 404 Not Found…" → 404; 0 where nothing was answered.
inline int status_of(const std::string& answer) {
  return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
}

/// Answers with what was asked.
inline void echo(const Request& request, const Respond& respond) {
  respond(
      {200, {{"Content-Type", "text/plain"}}, request.method + " " + request.target + " " + request.body});
}

}  // namespace rollcall::http_server
