#pragma once
#include "common/http_client/client.h"

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace rollcall::fakes {

/// A transport without a network: answers by a function of the test, on the thread that asks, and remembers
/// what was asked. Callable from any thread.
class FakeTransport final : public http_client::Transport {
 public:
  using Answer = std::function<http_client::Response(const http_client::Request&)>;
  explicit FakeTransport(Answer answer = {}) : answer_(std::move(answer)) {}

  void start(http_client::Request request, OnDone done) override {
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      answer = answer_;
      if (!scripted_.empty()) {
        answer = [next = scripted_.front()](const http_client::Request&) { return next; };
        scripted_.pop_front();
      }
    }
    done(answer ? answer(request) : http_client::Response{});
  }

  /// Answers to give before the function is asked, in this order.
  void then(http_client::Response response) {
    const std::lock_guard lock(mutex_);
    scripted_.push_back(std::move(response));
  }
  [[nodiscard]] std::vector<http_client::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  static http_client::Response answer(int status, std::string body = {}, http_client::Headers headers = {}) {
    http_client::Response response;
    response.status = status;
    response.headers = std::move(headers);
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = std::move(body);
    response.sent = true;
    return response;
  }
  static http_client::Response lost(bool sent, std::string why = "connection reset") {
    http_client::Response response;
    response.error = std::move(why);
    response.sent = sent;
    return response;
  }

 private:
  mutable std::mutex mutex_;
  Answer answer_;
  std::deque<http_client::Response> scripted_;
  std::vector<http_client::Request> requests_;
};

}  // namespace rollcall::fakes
