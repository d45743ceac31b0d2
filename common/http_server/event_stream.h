#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::http_server {

/// What lies between whoever sends into a streamed answer and the connection that writes it. Bounded: a peer
/// that reads slower than the answer is made loses its connection, so that memory never grows with it. Every
/// method may be called from any thread. Routes are tested on one of these, without a socket.
class StreamQueue {
 public:
  struct Taken {
    std::string bytes;  ///< all that waited
    bool end = false;   ///< nothing comes after them
    bool over = false;  ///< the peer has gone or was dropped: nothing more may be written
  };

  /// `wake` is called, on the sender's thread, when there is something to take after a take() that found
  /// nothing, and when the stream is dropped.
  StreamQueue(std::size_t bytes_max, std::function<void()> wake)
      : bytes_max_(bytes_max), wake_(std::move(wake)) {}

  /// The sender's side: see EventStream.
  bool send(std::string_view bytes);
  void close();
  [[nodiscard]] bool open() const;
  [[nodiscard]] std::size_t waiting() const;
  void on_close(std::function<void()> work);
  void after_written(std::function<void()> work);

  /// The connection's side. What was taken counts against the bound until written() says that it has left.
  Taken take();
  void written();
  [[nodiscard]] bool dropped() const;
  /// The stream is over, for whatever reason: runs what on_close() was given. Once; more calls do nothing.
  void over();

 private:
  const std::size_t bytes_max_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::string waiting_;
  std::size_t in_flight_ = 0;
  std::vector<std::function<void()>> on_close_;
  std::function<void()> after_written_;
  bool asleep_ = false;  // the connection found nothing and is to be woken
  bool closed_ = false;
  bool dropped_ = false;
  bool over_ = false;
};

/// The sender's handle on a streamed answer: copyable, usable from any thread. Destroying every copy ends the
/// stream as close() does.
class EventStream {
 public:
  EventStream() = default;  ///< a stream that is already over
  explicit EventStream(std::shared_ptr<StreamQueue> queue);

  /// Queues `bytes` for writing. False once the stream was closed, the peer has gone, or it was dropped for
  /// reading too slowly: when more than Options::stream_bytes_max would wait. What alone is larger than that
  /// is taken only while nothing else waits.
  [[nodiscard]] bool send(std::string_view bytes) const;
  /// Ends the answer once what was sent has been written.
  void close() const;
  [[nodiscard]] bool open() const;
  /// Bytes that were sent and have not left yet: who makes an answer quicker than it is read looks here.
  [[nodiscard]] std::size_t waiting() const;
  /// Runs `work` once, when the stream is over for any reason: on the server's thread, or at once on the
  /// caller's where it is over already. `work` must neither block nor throw. Work that holds a copy of the
  /// stream keeps it from ending by itself.
  void on_close(std::function<void()> work) const;
  /// Runs `work` once, when all that was sent has left: on the server's thread, or at once on the caller's
  /// where nothing waits. Never where the stream ends before. For answers that can be made as fast as they
  /// are read.
  void after_written(std::function<void()> work) const;

 private:
  struct Handle;
  std::shared_ptr<const Handle> handle_;
};

}  // namespace rollcall::http_server
