/// The part of a connection that has a request answered: it waits for the answer as long as it may take, and
/// sees meanwhile whether there is still somebody to answer.
#include "common/http_server/connection.h"
#include "common/log/log.h"

#include <algorithm>
#include <exception>

namespace rollcall::http_server {
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t watched_read_bytes = 1024;
/// Most answers come sooner: then nobody has to look whether the peer is still there.
constexpr auto peer_watched_after = 250ms;

}  // namespace

/// Nothing: nobody will answer.
Task<std::optional<Response>> Connection::ask(const Handler& handler, Request request,
                                              std::chrono::milliseconds limit) {
  const auto answer = std::make_shared<Answer>(waker());
  const std::string what = request.method + " " + std::string(request.path());
  request.unwanted = std::shared_ptr<const std::atomic<bool>>(answer, &answer->unwanted);
  try {
    const auto answering = std::make_shared<Answering>(answer);
    handler(std::move(request), [answering](Response response) { answering->give(std::move(response)); });
  } catch (const std::exception& error) {
    auto fields = log::describe(error);
    fields["request"] = what;
    log::error("http_handler_failed", fields);
    // Unwinding may have told that nobody will answer: the failure is the better answer, unless there is one.
    answer->give(std::nullopt);
    auto given = answer->take();
    co_return given ? std::move(given) : own_answer({500, "internal error"});
  }
  if (!answer->wait()) {
    asked_ = answer;
    give_up_ = limit > 0ms ? std::chrono::steady_clock::now() + limit : SteadyPoint::max();
    arm(std::min(give_up_, std::chrono::steady_clock::now() + peer_watched_after), Due::watch);
    while (!answer->wait() && !closed_ && !timed_out_)
      co_await pause();
    disarm();
    asked_.reset();
    co_await stop_watching();
    if (timed_out_ && !answer->wait()) {
      answer->unwanted = true;
      co_return own_answer({503, "the answer takes too long"});
    }
  }
  co_return answer->take();
}

/// Sees the peer go while nothing is read or written. Waits without a buffer; what does come is kept for the
/// next request.
void Connection::watch_peer() {
  watching_ = true;
  socket_.async_wait(Socket::wait_read,
                     [self = shared_from_this()](error_code error) { self->on_readable(error); });
}

void Connection::on_readable(error_code error) {
  watching_ = false;
  if (closed_ || error || !(queue_ || asked_)) {
    signal_.cancel();  // stop_watching() waits for this
    return;
  }
  if (buffer_.size() >= shared_.options.header_bytes_max) {
    if (queue_) close();  // nobody has that much to say
    return;               // further requests wait in the socket
  }
  const auto count = socket_.read_some(buffer_.prepare(watched_read_bytes), error);
  if (error == boost::asio::error::would_block) return watch_peer();
  // One that only ended its own sending may still read what is under way; for what is not, it counts as gone.
  if (asked_ && (error == boost::asio::error::eof || (!error && count == 0)))
    return void(asked_->unwanted = true);
  if (error || count == 0) return close();
  buffer_.commit(count);
  watch_peer();
}

Task<void> Connection::stop_watching() {
  error_code ignored;
  if (watching_) socket_.cancel(ignored);
  while (watching_)
    co_await pause();
}

}  // namespace rollcall::http_server
