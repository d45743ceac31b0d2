#include "ops/sandbox/graph/calls.h"

#include "ops/sandbox/graph/graph_api.h"

#include <utility>

namespace rollcall::sandbox_graph {
namespace {

constexpr int attempts_max = 3;
constexpr std::chrono::milliseconds again{1'000};
constexpr const char* refused =
    "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation "
    "request.";
constexpr const char* late = "Subscription validation request timed out.";

}  // namespace

struct Calls::Creation {
  http_server::Request request;
  std::function<void(http_server::Response)> answer;
  Handshake handshake;
  std::size_t at = 0;
};

void Calls::begin(http_server::Server& server) {
  const std::lock_guard lock(mutex_);
  server_ = &server;
}

void Calls::end() {
  const std::lock_guard lock(mutex_);
  server_ = nullptr;
}

void Calls::on_server(std::chrono::milliseconds delay, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (server_) server_->after(delay, std::move(work));
}

void Calls::serve(http_server::Request request, std::function<void(http_server::Response)> answer) {
  auto handshake = handshake_of(request, state_);
  if (!handshake) return finish(request, answer, "");
  shake(
      std::make_shared<Creation>(Creation{std::move(request), std::move(answer), std::move(*handshake), 0}));
}

void Calls::shake(const std::shared_ptr<Creation>& creation) {
  http_client::Request call;
  call.method = "POST";
  call.url = creation->handshake.url(creation->at);
  call.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  call.timeout = handshake_timeout;
  transport_.start(std::move(call), [this, creation](const http_client::Response& response) {
    on_server(std::chrono::milliseconds{0}, [this, creation, response] {
      if (!creation->handshake.accepts(response.status, response.header("Content-Type"), response.body))
        return finish(creation->request, creation->answer, response.status == 0 ? late : refused);
      if (++creation->at == creation->handshake.urls.size())
        return finish(creation->request, creation->answer, "");
      shake(creation);
    });
  });
}

void Calls::finish(const http_server::Request& request,
                   const std::function<void(http_server::Response)>& answer, const std::string& failure) {
  state_.handshake_failure = failure;
  auto response = handle(request, state_, clock_.wall());
  state_.handshake_failure.clear();
  answer(std::move(response));
  for (const Notification& one : take_notifications(state_, clock_.wall()))
    notify(one, 1);
}

void Calls::notify(const Notification& notification, int attempt) {
  http_client::Request call;
  call.method = "POST";
  call.url = notification.url;
  call.headers = {{"Content-Type", "application/json"}};
  call.body = notification.body;
  call.timeout = handshake_timeout;
  transport_.start(std::move(call), [this, notification, attempt](const http_client::Response& response) {
    if ((response.status >= 200 && response.status < 300) || attempt == attempts_max) return;
    on_server(again * attempt, [this, notification, attempt] { notify(notification, attempt + 1); });
  });
}

}  // namespace rollcall::sandbox_graph
