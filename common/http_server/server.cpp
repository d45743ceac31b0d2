#include "common/http_server/server.h"

#include "common/core/error.h"
#include "common/http_server/connection.h"
#include "common/log/log.h"

#include <thread>

namespace rollcall::http_server {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

std::string address_text(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

}  // namespace

void Shared::look_drained() {
  if (!draining || !connections.empty()) return;
  {
    const std::lock_guard lock(mutex);
    drained = true;
  }
  emptied.notify_all();
}

struct Server::State {
  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{loop.get_executor()};
  tcp::acceptor acceptor{loop};
  asio::steady_timer retry{loop};
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

  Task<void> accept() {
    while (!stopping && !shared.draining) {
      tcp::socket socket(loop);
      error_code error;
      co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (stopping || shared.draining) co_return;
      if (!error) {
        admit(std::move(socket));
        continue;
      }
      // Out of file descriptors: trying again at once would spin.
      retry.expires_after(std::chrono::milliseconds(50));
      co_await retry.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }

  void admit(tcp::socket socket) {
    error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (gone) return;
    auto address = address_text(peer);
    const auto& options = shared.options;
    const auto same = shared.per_address.find(address);
    const auto from_there = same == shared.per_address.end() ? 0 : same->second;
    if (options.connections_max != 0 && shared.connections.size() >= options.connections_max) return;
    if (options.connections_per_address_max != 0 && from_there >= options.connections_per_address_max) return;
    std::make_shared<Connection>(std::move(socket), std::move(address), shared)->start();
  }

  void drain() {
    shared.draining = true;
    error_code ignored;
    acceptor.close(ignored);
    for (auto* connection : std::vector(shared.connections.begin(), shared.connections.end()))
      connection->drain();
    shared.look_drained();
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
    retry.cancel();
    for (const auto& timer : timers)
      timer->cancel();
    for (auto* connection : std::vector(shared.connections.begin(), shared.connections.end()))
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
  asio::co_spawn(state_->loop, state_->accept(), asio::detached);
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

bool Server::drain(std::chrono::milliseconds limit) {
  state_->shared.gate->post([state = state_.get()] { state->drain(); });
  std::unique_lock lock(state_->shared.mutex);
  return state_->shared.emptied.wait_for(lock, limit, [this] { return state_->shared.drained; });
}

}  // namespace rollcall::http_server
