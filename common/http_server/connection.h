#pragma once
#include "common/http_server/answering.h"
#include "common/http_server/head.h"
#include "common/http_server/server.h"

#include <array>
#include <condition_variable>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include <boost/asio.hpp>
#include <boost/beast/core/flat_buffer.hpp>

/// The inside of the server, apart from listening. A connection takes any connected stream socket, so that
/// the fuzzer drives what is served, not a copy of it.
namespace rollcall::http_server {

using Loop = boost::asio::io_context;
using Socket = boost::asio::generic::stream_protocol::socket;
template <class T>
using Task = boost::asio::awaitable<T>;
/// The parts of what is written at once; any may be empty.
using Buffers = std::array<boost::asio::const_buffer, 5>;
using SteadyPoint = std::chrono::steady_clock::time_point;

/// What outlives the server safely: an answer that comes after the server has gone finds the gate closed.
class Gate {
 public:
  explicit Gate(Loop& loop) : loop_(&loop) {}
  template <class Work>
  void post(Work&& work) {
    const std::lock_guard lock(mutex_);
    if (loop_) boost::asio::post(*loop_, std::forward<Work>(work));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Loop* loop_;
};

class Connection;

/// What the connections of one server share. Touched on the server's thread, but for what the mutex guards.
struct Shared {
  Options options;
  Handler handler;
  std::shared_ptr<Gate> gate;
  std::unordered_set<Connection*> connections;
  std::unordered_map<std::string, std::size_t> per_address;
  bool draining = false;

  std::mutex mutex;  // of the two below
  std::condition_variable emptied;
  bool drained = false;

  /// Tells who waits in drain().
  void look_drained();
};

/// One client: a coroutine that reads a request, has it answered, writes the answer, and again. Kept alive by
/// that coroutine. Everything runs on the server's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, std::string remote_address, Shared& shared);
  ~Connection();

  void start();
  /// Ends every pending operation, and the coroutine with it.
  void close();
  /// No request after the one under way.
  void drain();

 private:
  /// watch: an answer is waited for; see whether the peer is still there, and give up in time.
  enum class Due { nothing, stop_reading, watch, close };

  Task<void> serve();
  /// One request and its answer; whether another may follow.
  Task<bool> serve_one();
  Task<Refusal> receive(Request& request, std::optional<Response>& early);
  Task<Refusal> receive_head(std::size_t& head_bytes);
  template <class Parser>
  Task<Refusal> receive_body(Parser& parser, bool expects_continue);
  /// `limit`: 0 for none.
  Task<std::optional<Response>> ask(const Handler& handler, Request request, std::chrono::milliseconds limit);
  Task<bool> answer(Response response);
  Task<void> refuse(Refusal refusal, std::optional<Response> early);
  Task<bool> stream(Response response);
  Task<bool> write_stream(std::string head, StreamQueue& queue, bool chunked);
  Task<void> linger();

  /// Bytes that came into the buffer; 0: none will, see timed_out_.
  Task<std::size_t> read_some(std::size_t bytes_max);
  Task<bool> write(const Buffers& buffers);
  /// Until wake().
  Task<void> pause();
  void wake();
  std::function<void()> waker();
  [[nodiscard]] Response own_answer(Refusal refusal) const;
  /// In place of what cannot be sent, an answer that says so.
  [[nodiscard]] Response sendable(Response response) const;

  void watch_peer();
  Task<void> stop_watching();
  void on_readable(boost::system::error_code error);

  void arm(std::chrono::milliseconds limit, Due action) {
    arm(std::chrono::steady_clock::now() + limit, action);
  }
  void arm(SteadyPoint at, Due action);
  void disarm() { due_action_ = Due::nothing; }
  void tick();
  void on_due();

  [[nodiscard]] std::string_view buffered() const {
    return {static_cast<const char*>(buffer_.cdata().data()), buffer_.size()};
  }

  Shared& shared_;
  Socket socket_;
  const std::string remote_address_;
  boost::beast::flat_buffer buffer_;
  std::shared_ptr<StreamQueue> queue_;  // while an answer is streamed
  std::shared_ptr<Answer> asked_;       // while one is waited for,
  SteadyPoint give_up_;                 // until then

  // A timer of our own, not tcp_stream's: that one closes the socket, and then no 408 could be sent. Set
  // again only when it has run out or is to run out sooner: most limits are moved on before they are reached.
  boost::asio::steady_timer deadline_;
  SteadyPoint due_;
  Due due_action_ = Due::nothing;
  bool ticking_ = false;
  bool timed_out_ = false;

  boost::asio::steady_timer signal_;  // never runs out; cancelled to wake the coroutine
  std::size_t requests_ = 0;
  bool idle_ = false;      // nothing of a request has come
  bool watching_ = false;  // a read is pending beside the coroutine's own operations
  bool closed_ = false;
  // Of the request under way:
  bool is_head_ = false;
  bool http_1_1_ = true;
  bool keep_alive_ = false;
};

}  // namespace rollcall::http_server
