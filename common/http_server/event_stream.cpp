#include "common/http_server/event_stream.h"

#include <utility>

namespace rollcall::http_server {

bool StreamQueue::send(std::string_view bytes) {
  bool wake = false;
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || dropped_ || over_) return false;
    if (bytes.empty()) return true;
    const auto unsent = waiting_.size() + in_flight_;
    taken = unsent == 0 || (unsent < bytes_max_ && bytes.size() <= bytes_max_ - unsent);
    if (taken)
      waiting_ += bytes;
    else
      dropped_ = true;
    // Dropped, the connection may be held up in a write, where only waking it at once helps.
    wake = std::exchange(asleep_, false) || dropped_;
  }
  if (wake) wake_();
  return taken;
}

void StreamQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (!std::exchange(asleep_, false)) return;
  }
  wake_();
}

bool StreamQueue::open() const {
  const std::lock_guard lock(mutex_);
  return !closed_ && !dropped_ && !over_;
}

std::size_t StreamQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size() + in_flight_;
}

void StreamQueue::on_close(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (!over_) return on_close_.push_back(std::move(work));
  }
  work();
}

void StreamQueue::after_written(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || dropped_ || over_) return;
    if (!waiting_.empty() || in_flight_ > 0) {
      after_written_ = std::move(work);
      return;
    }
  }
  work();
}

StreamQueue::Taken StreamQueue::take() {
  const std::lock_guard lock(mutex_);
  Taken taken{std::exchange(waiting_, {}), closed_, dropped_ || over_};
  in_flight_ = taken.bytes.size();
  asleep_ = taken.bytes.empty() && !taken.end && !taken.over;
  return taken;
}

void StreamQueue::written() {
  std::function<void()> work;
  {
    const std::lock_guard lock(mutex_);
    in_flight_ = 0;
    if (waiting_.empty()) work = std::exchange(after_written_, nullptr);
  }
  if (work) work();
}

bool StreamQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void StreamQueue::over() {
  std::vector<std::function<void()>> work;
  std::function<void()> never;  // holds a handle on this queue: let go of it outside the lock
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    asleep_ = false;
    waiting_ = {};
    work = std::exchange(on_close_, {});
    never = std::exchange(after_written_, nullptr);
  }
  for (const auto& one : work)
    one();
}

struct EventStream::Handle {
  explicit Handle(std::shared_ptr<StreamQueue> of) : queue(std::move(of)) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { queue->close(); }
  const std::shared_ptr<StreamQueue> queue;
};

EventStream::EventStream(std::shared_ptr<StreamQueue> queue)
    : handle_(std::make_shared<const Handle>(std::move(queue))) {}

bool EventStream::send(std::string_view bytes) const {
  return handle_ && handle_->queue->send(bytes);
}

void EventStream::close() const {
  if (handle_) handle_->queue->close();
}

bool EventStream::open() const {
  return handle_ && handle_->queue->open();
}

std::size_t EventStream::waiting() const {
  return handle_ ? handle_->queue->waiting() : 0;
}

void EventStream::after_written(std::function<void()> work) const {
  if (handle_) handle_->queue->after_written(std::move(work));
}

void EventStream::on_close(std::function<void()> work) const {
  handle_ ? handle_->queue->on_close(std::move(work)) : work();
}

}  // namespace rollcall::http_server
