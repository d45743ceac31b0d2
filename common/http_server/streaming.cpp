/// The part of a connection that writes a streamed answer.
#include "common/http_server/connection.h"
#include "common/http_server/response_head.h"
#include "common/log/log.h"

#include <array>
#include <cstdio>
#include <exception>

namespace rollcall::http_server {
namespace asio = boost::asio;

namespace {

constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace

/// Whether the answer was written whole.
Task<bool> Connection::stream(Response response) {
  queue_ = std::make_shared<StreamQueue>(shared_.options.stream_bytes_max, waker());
  if (!http_1_1_) keep_alive_ = false;
  bool started = false;
  try {
    response.stream(EventStream(queue_));
    started = true;
  } catch (const std::exception& error) {
    log::error("http_stream_failed", log::describe(error));
  }
  if (!started) {
    std::exchange(queue_, {})->over();
    co_return co_await answer(own_answer({500, "internal error"}));
  }
  if (shared_.draining) queue_->close();
  std::string head =
      response_head(response, http_1_1_ ? Framing::chunked : Framing::to_end, http_1_1_, keep_alive_);
  response = {};
  // Many streams idle for long: they hold no buffer.
  if (buffer_.size() == 0) buffer_.shrink_to_fit();
  watch_peer();
  const auto queue = queue_;
  const bool whole = co_await write_stream(std::move(head), *queue, http_1_1_);
  queue_.reset();  // what the peer sends from now on is its next request
  co_await stop_watching();
  queue->over();
  co_return whole && !closed_;
}

Task<bool> Connection::write_stream(std::string head, StreamQueue& queue, bool chunked) {
  for (;;) {
    const auto taken = queue.take();
    if (taken.over) co_return false;
    std::array<char, 24> size{};
    int size_length = 0;
    if (chunked && !taken.bytes.empty())
      size_length = std::snprintf(size.data(), size.size(), "%zx\r\n", taken.bytes.size());
    const std::string_view chunk_end = size_length > 0 ? "\r\n" : "";
    const std::string_view end = chunked && taken.end ? last_chunk : "";
    const Buffers buffers{asio::buffer(head),
                          asio::buffer(size.data(), static_cast<std::size_t>(size_length)),
                          asio::buffer(taken.bytes), asio::buffer(chunk_end), asio::buffer(end)};
    if (asio::buffer_size(buffers) > 0) {
      arm(shared_.options.write_timeout, Due::close);
      const bool written = co_await write(buffers);
      if (!written) co_return false;
      disarm();
      head = {};
      queue.written();
    }
    if (taken.end) co_return true;
    // Only where nothing was written: else there may be more by now, and the call to wake has passed.
    if (asio::buffer_size(buffers) == 0) co_await pause();
  }
}

}  // namespace rollcall::http_server
