#include "common/http_server/connection.h"

#include "common/http_server/response_head.h"
#include "common/log/log.h"

#include <array>
#include <limits>

#include <boost/beast/http.hpp>

namespace rollcall::http_server {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

using Parser = http::request_parser<http::string_body>;

constexpr Refusal gone{-1, "the peer has gone"};  // nobody to answer
constexpr Refusal late{408, "the request took too long"};
constexpr std::size_t read_bytes = std::size_t{4} * 1024;
constexpr std::size_t body_read_bytes = std::size_t{64} * 1024;
/// Of what a client still sends that was refused.
constexpr std::size_t linger_bytes_max = std::size_t{1} * 1024 * 1024;

/// What Beast's parser says of a body, or of a head that ours let pass.
Refusal refusal_of(error_code error) {
  if (error == http::error::body_limit) return {413, "the content is too large"};
  if (error == http::error::header_limit) return {431, "the headers are too large"};
  return {400, "the request is malformed"};
}

std::chrono::milliseconds time_for(std::size_t bytes, std::size_t bytes_per_second) {
  if (bytes_per_second == 0) return 0ms;
  return std::chrono::milliseconds(bytes * 1000 / bytes_per_second);
}

}  // namespace

Connection::Connection(Socket socket, std::string remote_address, Shared& shared)
    : shared_(shared),
      socket_(std::move(socket)),
      remote_address_(std::move(remote_address)),
      deadline_(socket_.get_executor()),
      signal_(socket_.get_executor()) {
  error_code ignored;  // not every stream socket is TCP
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  shared_.connections.insert(this);
  ++shared_.per_address[remote_address_];
}

Connection::~Connection() {
  shared_.connections.erase(this);
  const auto address = shared_.per_address.find(remote_address_);
  if (--address->second == 0) shared_.per_address.erase(address);
  shared_.look_drained();
}

void Connection::start() {
  asio::co_spawn(
      socket_.get_executor(), [self = shared_from_this()] { return self->serve(); },
      [self = shared_from_this()](const std::exception_ptr& failed) {
        self->close();
        if (!failed) return;
        try {
          std::rethrow_exception(failed);
        } catch (const std::exception& error) {
          log::error("http_connection_failed", log::describe(error));
        }
      });
}

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
  deadline_.cancel();
  signal_.cancel();
  if (queue_) queue_->over();
  if (asked_) asked_->unwanted = true;
}

void Connection::drain() {
  if (idle_) return close();
  if (queue_) queue_->close();
}

Task<void> Connection::serve() {
  // Here as elsewhere a co_await stands alone: GCC 12 miscompiles some inside conditions.
  bool again = true;
  while (again)
    again = co_await serve_one();
}

Task<bool> Connection::serve_one() {
  Request request;
  std::optional<Response> early;
  const Refusal refusal = co_await receive(request, early);
  if (refusal || early) {
    co_await refuse(refusal, std::move(early));
    co_return false;
  }
  disarm();  // the handler may take its time
  ++requests_;
  const auto& limit_for = shared_.options.answer_timeout_for;
  const auto limit = limit_for ? limit_for(request.method, request.target) : 0ms;
  auto response = co_await ask(shared_.handler, std::move(request), limit);
  if (!response || closed_) co_return false;
  const auto requests_max = shared_.options.requests_per_connection_max;
  if (shared_.draining || (requests_max != 0 && requests_ >= requests_max)) keep_alive_ = false;
  bool written = false;
  if (response->stream && !is_head_)
    written = co_await stream(sendable(std::move(*response)));
  else
    written = co_await answer(sendable(std::move(*response)));
  if (written && keep_alive_) co_return true;
  if (written) co_await linger();
  co_return false;
}

/// `early`: the answer, where the body is not even wanted.
Task<Refusal> Connection::receive(Request& request, std::optional<Response>& early) {
  keep_alive_ = is_head_ = false;
  http_1_1_ = true;
  std::size_t head_bytes = 0;
  const Refusal no_head = co_await receive_head(head_bytes);
  if (no_head) co_return no_head;
  const auto& options = shared_.options;
  Head head;
  const auto raw = buffered().substr(0, head_bytes);
  if (const auto refusal = read_head(raw, {options.target_bytes_max, options.headers_max}, head))
    co_return refusal;
  http_1_1_ = head.http_1_1;
  is_head_ = head.method == "HEAD";
  const bool expects_continue = head.expects_continue && http_1_1_;
  // Gone when the body has been read: a connection that waits or streams holds no parser.
  Parser parser;
  parser.header_limit(std::numeric_limits<std::uint32_t>::max());  // receive_head() has seen to it
  const std::size_t body_max = options.body_bytes_max_for
                                   ? options.body_bytes_max_for(head.method, head.target)
                                   : options.body_bytes_max;
  parser.body_limit(body_max);
  const bool large = body_max > options.body_bytes_unasked &&
                     (head.chunked || head.content_length > options.body_bytes_unasked);
  error_code error;
  buffer_.consume(parser.put(asio::buffer(raw), error));
  if (error) co_return refusal_of(error);
  const auto& message = parser.get();
  keep_alive_ = message.keep_alive();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.remote_address = remote_address_;
  // Before the body: what a chunked one has for trailers is no header.
  for (const auto& field : message)
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  if (large && options.before_body) {
    disarm();
    early = co_await ask(options.before_body, request, 0ms);
    if (!early || closed_) co_return gone;
    if (early->status != body_wanted) co_return Refusal{};
    early.reset();
  }
  const Refusal refusal = co_await receive_body(parser, expects_continue);
  request.body = std::move(parser.get().body());
  co_return refusal;
}

Task<Refusal> Connection::receive_head(std::size_t& head_bytes) {
  const auto& options = shared_.options;
  std::size_t scanned = 0;
  bool blank_line = false;
  idle_ = buffer_.size() == 0;
  if (idle_ && shared_.draining) co_return gone;
  arm(idle_ ? options.idle_timeout : options.head_timeout, Due::stop_reading);
  for (;;) {
    // RFC 9112 section 2.2: an empty line before a request is passed over; one.
    if (!blank_line && buffered().starts_with("\r\n")) {
      buffer_.consume(2);
      blank_line = true;
    }
    const auto raw = buffered();
    const bool only_return = !blank_line && raw == "\r";
    const auto end = only_return ? HeadEnd{} : find_head_end(raw, scanned);
    if (end.refusal) co_return end.refusal;
    if (end.at > options.header_bytes_max || (end.at == 0 && raw.size() > options.header_bytes_max)) {
      const bool line_whole = raw.substr(0, options.header_bytes_max).find('\n') != std::string_view::npos;
      co_return line_whole ? Refusal{431, "the headers are too large"}
                           : Refusal{414, "the target is too long"};
    }
    head_bytes = end.at;
    if (end.at != 0) co_return Refusal{};
    scanned = only_return ? 0 : raw.size();
    const bool first = buffer_.size() == 0 && !blank_line;
    const auto count = co_await read_some(read_bytes);
    if (count == 0) co_return timed_out_&& buffer_.size() != 0 ? late : gone;
    idle_ = false;
    if (first) arm(options.head_timeout, Due::stop_reading);
  }
}

template <class AnyParser>
Task<Refusal> Connection::receive_body(AnyParser& parser, bool expects_continue) {
  const auto& options = shared_.options;
  const auto due = std::chrono::steady_clock::now() + options.read_timeout;
  arm(due, Due::stop_reading);
  parser.eager(true);
  if (expects_continue && !parser.is_done() && buffer_.size() == 0) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const Buffers bytes{asio::buffer(go_on)};
    const bool written = co_await write(bytes);
    if (!written) co_return gone;
  }
  std::size_t received = buffer_.size();
  bool more = received == 0;
  while (!parser.is_done()) {
    if (more) {
      const auto count = co_await read_some(body_read_bytes);
      if (count == 0) co_return timed_out_ ? late : gone;
      received += count;
      arm(due + time_for(received, options.body_bytes_per_second_min), Due::stop_reading);
    }
    error_code error;
    buffer_.consume(parser.put(buffer_.cdata(), error));
    if (error && error != http::error::need_more) co_return refusal_of(error);
    // Left over is the line of a chunk, or trailers, that have not come whole.
    if (error && buffer_.size() > options.header_bytes_max)
      co_return Refusal{431, "the trailers are too large"};
    more = error == http::error::need_more || buffer_.size() == 0;
  }
  co_return Refusal{};
}

Task<bool> Connection::answer(Response response) {
  auto framing = response.stream ? Framing::chunked : Framing::sized;
  if (response.status == 204 || response.status == 304) framing = Framing::none;
  const std::string head = response_head(response, framing, http_1_1_, keep_alive_);
  asio::const_buffer body;
  if (framing == Framing::sized && !is_head_) body = asio::buffer(response.body);
  const Buffers buffers{asio::buffer(head), body};
  arm(shared_.options.write_timeout, Due::close);
  co_return co_await write(buffers);
}

/// Nothing to say to a client that left or that idled between requests; the others learn what was wrong, and
/// nothing more is read of what they send.
Task<void> Connection::refuse(Refusal refusal, std::optional<Response> early) {
  if (refusal.status < 0 || closed_) co_return;
  keep_alive_ = false;
  Response response = refusal ? own_answer(refusal) : sendable(std::move(*early));
  response.stream = {};
  const bool written = co_await answer(std::move(response));
  if (written) co_await linger();
}

/// Closing while the client still sends would reset the connection and could lose our answer on its way.
Task<void> Connection::linger() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  arm(2s, Due::close);
  std::size_t count = 0, left = 0;
  do {
    buffer_.clear();
    count = co_await read_some(body_read_bytes);
    left += count;
  } while (count != 0 && left < linger_bytes_max);
}

Response Connection::own_answer(Refusal refusal) const {
  try {
    if (shared_.options.refusal) {
      auto response = shared_.options.refusal(refusal.status, refusal.what);
      response.stream = {};
      if (can_be_sent(response)) return response;
      log::error("http_refusal_failed", {{"message", "the refusal hook's answer cannot be sent"}});
    }
  } catch (const std::exception& error) {
    log::error("http_refusal_failed", log::describe(error));
  }
  return {refusal.status, {{"Content-Type", "text/plain"}}, std::string(refusal.what) + "\n"};
}

Response Connection::sendable(Response response) const {
  if (can_be_sent(response)) return response;
  log::error("http_handler_failed",
             {{"message", "the answer's status is not final, or a header cannot be sent"},
              {"status", response.status}});
  return own_answer({500, "internal error"});
}

Task<std::size_t> Connection::read_some(std::size_t bytes_max) {
  if (timed_out_ || closed_) co_return 0;
  error_code error;
  const auto space = buffer_.prepare(bytes_max);
  const auto count =
      co_await socket_.async_read_some(space, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return 0;
  buffer_.commit(count);
  co_return count;
}

Task<bool> Connection::write(const Buffers& buffers) {
  error_code error;
  co_await asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, error));
  if (error) close();
  co_return !error && !closed_;
}

Task<void> Connection::pause() {
  error_code cancelled;
  signal_.expires_at(SteadyPoint::max());
  co_await signal_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
}

/// A stream that was dropped may be held up in a write to a peer that does not read.
void Connection::wake() {
  if (queue_ && queue_->dropped()) return close();
  signal_.cancel();
}

std::function<void()> Connection::waker() {
  return [weak = weak_from_this(), gate = shared_.gate] {
    gate->post([weak] {
      if (const auto self = weak.lock()) self->wake();
    });
  };
}

void Connection::arm(SteadyPoint at, Due action) {
  due_ = at;
  due_action_ = action;
  timed_out_ = false;
  if (!ticking_ || deadline_.expiry() > at) tick();
}

void Connection::tick() {
  ticking_ = true;
  deadline_.expires_at(due_);
  deadline_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (cancelled) return;  // set anew, or closed
    self->ticking_ = false;
    if (self->due_action_ == Due::nothing || self->closed_) return;
    self->due_ > std::chrono::steady_clock::now() ? self->tick() : self->on_due();
  });
}

void Connection::on_due() {
  if (due_action_ == Due::close) return close();
  const bool watching = due_action_ == Due::watch;
  if (watching && !watching_) watch_peer();
  if (watching && std::chrono::steady_clock::now() < give_up_) {
    if (give_up_ != SteadyPoint::max()) arm(give_up_, Due::watch);
    return;
  }
  timed_out_ = true;
  error_code ignored;
  socket_.cancel(ignored);
  signal_.cancel();
}

}  // namespace rollcall::http_server
