#pragma once
#include "common/http_server/event_stream.h"

#include <atomic>
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
  std::string remote_address = {};  ///< of the peer, which may be a proxy: "192.0.2.1", "2001:db8::1"
  /// Becomes true, where it is set, once nobody waits for the answer any more.
  std::shared_ptr<const std::atomic<bool>> unwanted = {};

  /// First value of a header, any case; empty where absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// Whether somebody still waits for the answer: work that has not begun can be left, where not.
  [[nodiscard]] bool wanted() const { return !unwanted || !*unwanted; }
  /// target up to '?'
  [[nodiscard]] std::string_view path() const;
  /// target after '?', without it
  [[nodiscard]] std::string_view query() const;
};

struct Response {
  int status = 200;
  Headers headers;  ///< Content-Length, Transfer-Encoding and Connection are the server's: given here, they
                    ///< are dropped
  std::string body;
  /// Where set, the answer is a stream and `body` is not sent. Called once, on the server's thread, just
  /// before the head is sent (the first bytes sent go with it); it must not block. Not called for HEAD.
  /// Chunked; to HTTP/1.0 the end of the connection is the end of the answer.
  std::function<void(EventStream)> stream = {};
};

/// Sends the answer to one request, at once or later, from any thread, once. Destroying every copy unanswered
/// closes the connection without an answer.
using Respond = std::function<void(Response)>;
/// Runs on the server's thread: must not block. Slow work answers later through `respond`.
using Handler = std::function<void(Request, Respond)>;

/// The status with which Options::before_body has a body read.
inline constexpr int body_wanted = 100;

/// Every limit is answered with a status, except where nobody listens for one.
struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free port

  std::size_t header_bytes_max = std::size_t{16} * 1024;      ///< request line and headers; 431
  std::size_t headers_max = 100;                              ///< 431
  std::size_t target_bytes_max = std::size_t{8} * 1024;       ///< 414
  std::size_t body_bytes_max = std::size_t{8} * 1024 * 1024;  ///< 413
  /// Where set, asked in place of body_bytes_max, before the body is read. On the server's thread.
  std::function<std::size_t(std::string_view method, std::string_view target)> body_bytes_max_for = {};

  /// Where set, asked before a body is read that has, or may have, more than body_bytes_unasked: with the
  /// request as far as its head. body_wanted has the body read and the request handled; any other answer is
  /// the request's, and its body is not read.
  Handler before_body = {};
  std::size_t body_bytes_unasked = std::size_t{64} * 1024;

  std::chrono::milliseconds head_timeout{
      10'000};  ///< from a request's first byte to the end of its head; 408
  std::chrono::milliseconds read_timeout{30'000};  ///< for its body; 408
  /// A body that comes at least this fast may take longer than read_timeout. 0: none may.
  std::size_t body_bytes_per_second_min = std::size_t{64} * 1024;
  std::chrono::milliseconds idle_timeout{75'000};   ///< without a byte of a (next) request
  std::chrono::milliseconds write_timeout{30'000};  ///< for one answer, and for each part of a streamed one
  /// Where set: how long the answer to a request may be waited for; 0: as long as it takes. Then 503.
  std::function<std::chrono::milliseconds(std::string_view method, std::string_view target)>
      answer_timeout_for = {};
  std::size_t stream_bytes_max =
      std::size_t{256} * 1024;  ///< unread by a stream's peer; see EventStream::send

  std::size_t connections_max = 20'000;         ///< more are accepted and closed at once; 0: no limit
  std::size_t connections_per_address_max = 0;  ///< likewise
  std::size_t requests_per_connection_max =
      0;  ///< the last one is answered with Connection: close; 0: no limit

  /// Makes the answers that are the server's own: 400, 408, 413, 414, 417, 431, 500 where a handler threw,
  /// and 503 where it takes too long. `what` is a short lower-case text. Not set: text/plain. On the server's
  /// thread.
  std::function<Response(int status, std::string_view what)> refusal = {};
};

/// Listens from construction on; one thread of its own. Requests of one connection are answered in order,
/// however a client pipelines them. What could be read in two ways is refused (head.h); "Expect:
/// 100-continue" is answered. A handler that throws gives 500 and a log line. Throws Error{config,
/// "setting_invalid"} where the port cannot be bound.
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
  /// Stops accepting, answers what is under way with Connection: close and ends streams once what was sent
  /// into them has been written. Returns when every connection has gone, or after `limit`: true, or false.
  /// Not to be called on the server's thread.
  bool drain(std::chrono::milliseconds limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Decoded name-value pairs of a query string or a form body.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

}  // namespace rollcall::http_server
