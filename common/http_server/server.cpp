#include "common/http_server/server.h"

#include "common/core/error.h"
#include "common/log/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <mutex>
#include <thread>
#include <unordered_set>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace rollcall::http_server {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// What outlives the server safely: an answer that comes after the server has gone finds the gate closed.
class Gate {
 public:
  explicit Gate(asio::io_context& loop) : loop_(&loop) {}
  template <class Work>
  void post(Work&& work) {
    const std::lock_guard lock(mutex_);
    if (loop_) asio::post(*loop_, std::forward<Work>(work));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;
  asio::io_context* loop_;
};

class Connection;

struct Shared {
  Options options;
  Handler handler;
  std::shared_ptr<Gate> gate;
  std::unordered_set<std::shared_ptr<Connection>>
      connections;  // keeps one alive while its answer is being made
};

/// One client. Requests are taken one after the other, so answers come in order however a client pipelines.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shared& shared)
      : shared_(shared), socket_(std::move(socket)), deadline_(socket_.get_executor()) {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
  }

  void read_request() {
    // A fresh parser per request: Beast's may not be used twice.
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.options.header_bytes_max));
    parser_->body_limit(shared_.options.body_bytes_max);
    arm(shared_.options.read_timeout);
    http::async_read_header(
        socket_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
  }

  void send(Response response) {
    if (!awaiting_) return;
    awaiting_ = false;
    write(std::move(response), keep_alive_);
  }

  void close() {
    deadline_.cancel();
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    const auto self = shared_from_this();  // the set may hold the last other reference
    shared_.connections.erase(self);
  }

 private:
  /// A timer of our own, not tcp_stream's: that one closes the socket, and then no 408 could be sent.
  void arm(std::chrono::milliseconds limit) {
    timed_out_ = false;
    deadline_.expires_after(limit);
    deadline_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->deadline_.expiry() > std::chrono::steady_clock::now()) return;
      self->timed_out_ = true;
      error_code ignored;
      self->socket_.cancel(ignored);
    });
  }

  void on_header(error_code error) {
    if (error) return refuse(error);
    const bool expects = beast::iequals(parser_->get()[http::field::expect], "100-continue");
    if (!expects || parser_->is_done()) return read_body();
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(socket_, asio::buffer(go_on),
                      [self = shared_from_this()](error_code failed, std::size_t) {
                        failed ? self->close() : self->read_body();
                      });
  }

  void read_body() {
    http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
      error ? self->refuse(error) : self->dispatch();
    });
  }

  /// Nothing to say to a client that left or that idled between requests; the others learn what was wrong.
  void refuse(error_code error) {
    if (timed_out_) return parser_->got_some() ? write(plain(408, "request timeout"), false) : close();
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
      return write(plain(431, "request header fields too large"), false);
    if (error == http::error::body_limit) return write(plain(413, "content too large"), false);
    const bool malformed = error.category() == make_error_code(http::error::bad_target).category() &&
                           error != http::error::end_of_stream && error != http::error::partial_message;
    malformed ? write(plain(400, "bad request"), false) : close();
  }

  static Response plain(int status, std::string text) {
    return {status, {{"Content-Type", "text/plain"}}, std::move(text) + "\n"};
  }

  Request take_request() {
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    head_ = message.method() == http::verb::head;
    Request request;
    request.method = std::string(message.method_string());
    std::ranges::transform(request.method, request.method.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    request.target = std::string(message.target());
    for (const auto& field : message)
      request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request.body = std::move(message.body());
    return request;
  }

  void dispatch();

  void write(Response response, bool keep_alive) {
    arm(shared_.options.write_timeout);
    const bool bodiless = response.status == 204 || response.status == 304 || response.status / 100 == 1;
    message_ = {};
    message_.version(11);
    message_.result(static_cast<unsigned>(response.status));
    for (const auto& [name, value] : response.headers)
      message_.insert(name, value);
    if (!bodiless) message_.content_length(response.body.size());
    if (!bodiless && !head_) message_.body() = std::move(response.body);
    message_.keep_alive(keep_alive);
    http::async_write(socket_, message_,
                      [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
                        if (error) return self->close();
                        keep_alive ? self->read_request() : self->linger();
                      });
  }

  /// Closing while the client still sends would reset the connection and could lose our answer on its way.
  void linger() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    arm(std::chrono::seconds(2));
    drain();
  }

  void drain() {
    socket_.async_read_some(
        asio::buffer(scratch_), [self = shared_from_this()](error_code error, std::size_t) {
          error || self->timed_out_ || self->deadline_.expiry() < std::chrono::steady_clock::now()
              ? self->close()
              : self->drain();
        });
  }

  Shared& shared_;
  tcp::socket socket_;
  asio::steady_timer deadline_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> message_;
  std::array<char, 4096> scratch_{};
  bool timed_out_ = false;
  bool keep_alive_ = false;
  bool head_ = false;
  bool awaiting_ = false;
};

/// Shared by all copies of one Respond: the first answer counts; none at all closes the connection.
class Answering {
 public:
  Answering(std::weak_ptr<Connection> connection, std::shared_ptr<Gate> gate)
      : connection_(std::move(connection)), gate_(std::move(gate)) {}
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;
  ~Answering() {
    if (answered_) return;
    gate_->post([weak = connection_] {
      if (const auto connection = weak.lock()) connection->close();
    });
  }
  void answer(Response response) {
    if (answered_.exchange(true)) return;
    gate_->post([weak = connection_, response = std::move(response)]() mutable {
      if (const auto connection = weak.lock()) connection->send(std::move(response));
    });
  }

 private:
  std::weak_ptr<Connection> connection_;
  std::shared_ptr<Gate> gate_;
  std::atomic<bool> answered_{false};
};

void Connection::dispatch() {
  deadline_.cancel();  // the handler may take its time
  awaiting_ = true;
  auto answering = std::make_shared<Answering>(weak_from_this(), shared_.gate);
  auto request = take_request();
  const std::string what = request.method + " " + std::string(request.path());
  try {
    shared_.handler(std::move(request),
                    [answering](Response response) { answering->answer(std::move(response)); });
  } catch (const std::exception& error) {
    auto fields = log::describe(error);
    fields["request"] = what;
    log::error("http_handler_failed", fields);
    answering->answer(plain(500, "internal error"));
  }
}

}  // namespace

struct Server::State {
  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{loop.get_executor()};
  tcp::acceptor acceptor{loop};
  std::unordered_set<std::shared_ptr<asio::steady_timer>> timers;
  Shared shared;
  std::uint16_t port = 0;
  std::thread thread;
  bool stopping = false;

  void listen() {
    const tcp::endpoint endpoint(asio::ip::make_address(shared.options.address), shared.options.port);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen();
    port = acceptor.local_endpoint().port();
  }

  void accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
      if (stopping) return;
      // Out of file descriptors: trying again at once would spin.
      if (error) return start_timer(std::chrono::milliseconds(50), [this] { accept(); });
      if (shared.connections.size() < shared.options.connections_max) {
        auto connection = std::make_shared<Connection>(std::move(socket), shared);
        shared.connections.insert(connection);
        connection->read_request();
      }
      accept();
    });
  }

  void start_timer(std::chrono::milliseconds delay, std::function<void()> work_item) {
    if (stopping) return;
    auto timer = std::make_shared<asio::steady_timer>(loop, delay);
    timers.insert(timer);
    timer->async_wait([this, timer, work_item = std::move(work_item)](error_code error) {
      timers.erase(timer);
      if (error || stopping) return;
      try {
        work_item();
      } catch (const std::exception& failed) {
        log::error("http_timer_failed", log::describe(failed));
      }
    });
  }

  /// Ends every pending operation, so that run() returns by itself and no handler is left holding its
  /// connection.
  void shut_down() {
    stopping = true;
    error_code ignored;
    acceptor.close(ignored);
    for (const auto& timer : timers)
      timer->cancel();
    const auto connections = shared.connections;
    for (const auto& connection : connections)
      connection->close();
    work.reset();
  }
};

Server::Server(Options options, Handler handler) : state_(std::make_unique<State>()) {
  state_->shared.gate = std::make_shared<Gate>(state_->loop);
  state_->shared.options = std::move(options);
  state_->shared.handler = std::move(handler);
  try {
    state_->listen();
  } catch (const boost::system::system_error& error) {
    const auto& wanted = state_->shared.options;
    throw Error(Fault::config, "setting_invalid",
                "cannot listen on " + wanted.address + ":" + std::to_string(wanted.port) + ": " +
                    error.code().message());
  }
  state_->accept();
  state_->thread = std::thread([state = state_.get()] { state->loop.run(); });
}

Server::~Server() {
  state_->shared.gate->close();
  asio::post(state_->loop, [state = state_.get()] { state->shut_down(); });
  state_->thread.join();
}

std::uint16_t Server::port() const {
  return state_->port;
}

void Server::after(std::chrono::milliseconds delay, std::function<void()> work) {
  state_->shared.gate->post([state = state_.get(), delay, work = std::move(work)]() mutable {
    state->start_timer(delay, std::move(work));
  });
}

}  // namespace rollcall::http_server
