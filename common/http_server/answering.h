#pragma once
#include "common/http_server/server.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace rollcall::http_server {

/// Between the copies of one Respond, on any thread, and the connection that waits for the answer. The first
/// answer counts; none at all, once every copy has gone, is one too.
class Answer {
 public:
  /// `wake` runs on the answering thread, when the connection waits.
  explicit Answer(std::function<void()> wake) : wake_(std::move(wake)) {}

  void give(std::optional<Response> response) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(given_, true)) return;
      response_ = std::move(response);
      if (!waiting_) return;
    }
    wake_();
  }
  /// Whether there is one; if not, its coming will wake the connection.
  bool wait() {
    const std::lock_guard lock(mutex_);
    waiting_ = !given_;
    return given_;
  }
  /// After wait() gave true. Nothing: nobody will answer.
  std::optional<Response> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(response_, {});
  }

  /// Nobody waits for it any more.
  std::atomic<bool> unwanted = false;

 private:
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::optional<Response> response_;
  bool given_ = false;
  bool waiting_ = false;
};

/// What a Respond holds.
class Answering {
 public:
  explicit Answering(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;
  ~Answering() { answer_->give(std::nullopt); }
  void give(Response response) const { answer_->give(std::move(response)); }

 private:
  const std::shared_ptr<Answer> answer_;
};

}  // namespace rollcall::http_server
