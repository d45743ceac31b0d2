#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A small HTTP/1.1 server on Boost.Beast. Routes are functions, tested without a socket.
namespace rollcall::http_server {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  ///< upper case
  std::string target;  ///< as sent: path and query, still percent-encoded
  Headers headers;
  std::string body;

  /// First value of a header, any case; empty where absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// target up to '?'
  [[nodiscard]] std::string_view path() const;
  /// target after '?', without it
  [[nodiscard]] std::string_view query() const;
};

struct Response {
  int status = 200;
  Headers headers;  ///< Content-Length and Connection are the server's
  std::string body;
};

/// Sends the answer to one request, at once or later, from any thread, once. Destroying every copy unanswered
/// closes the connection without an answer.
using Respond = std::function<void(Response)>;
/// Runs on the server's thread: must not block. Slow work answers later through `respond`.
using Handler = std::function<void(Request, Respond)>;

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free port
  std::size_t header_bytes_max = std::size_t{16} * 1024;
  std::size_t body_bytes_max = std::size_t{8} * 1024 * 1024;
  std::chrono::milliseconds read_timeout{
      30'000};  ///< for one request to arrive whole, and for idle keep-alive
  std::chrono::milliseconds write_timeout{30'000};
  std::size_t connections_max = 20'000;  ///< more are accepted and closed at once
};

/// Listens from construction on; one thread of its own. Oversized bodies get 413, oversized headers 431,
/// malformed requests 400; "Expect: 100-continue" is answered. A handler that throws gives 500 and a log
/// line. Throws Error{config, "setting_invalid"} where the port cannot be bound.
class Server {
 public:
  Server(Options options, Handler handler);
  /// Stops accepting, closes connections, joins the thread.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// Runs `work` on the server's thread after `delay`; for answers that are to come later.
  void after(std::chrono::milliseconds delay, std::function<void()> work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// "a%20b+c" → "a b+c"; with plus_is_space, "a b c". Malformed escapes stay as they are.
std::string percent_decode(std::string_view text, bool plus_is_space = false);
/// Decoded name-value pairs of a query string or a form body.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

}  // namespace rollcall::http_server
