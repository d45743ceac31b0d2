#pragma once
#include "common/core/clock.h"
#include "common/http_client/client.h"
#include "common/http_server/server.h"
#include "ops/sandbox/graph/subscriptions.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace rollcall::sandbox_graph {

/// The calls that the service makes by itself: the handshake with a subscriber before it is answered, and
/// notifications, up to three times each. The state is touched on the server's thread alone.
class Calls {
 public:
  Calls(State& state, const Clock& clock) : state_(state), clock_(clock) {}

  /// From when on it may call, and until when: the server must outlive neither.
  void begin(http_server::Server& server);
  void end();

  /// On the server's thread: answers once whoever must be asked was asked.
  void serve(http_server::Request request, std::function<void(http_server::Response)> answer);

 private:
  struct Creation;
  void shake(const std::shared_ptr<Creation>& creation);
  void finish(const http_server::Request& request, const std::function<void(http_server::Response)>& answer,
              const std::string& failure);
  void notify(const Notification& notification, int attempt);
  void on_server(std::chrono::milliseconds delay, std::function<void()> work);

  State& state_;
  const Clock& clock_;
  std::mutex mutex_;
  http_server::Server* server_ = nullptr;
  http_client::CurlTransport transport_;  // last: what it still calls is alive
};

}  // namespace rollcall::sandbox_graph
