#include "common/worker/process.h"

#include "common/core/clock.h"
#include "common/core/error.h"
#include "common/http_server/server.h"
#include "common/log/log.h"

#include <array>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace rollcall::worker {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

struct StopSignal::State {
  std::stop_source source;
  int signals = -1;
  int wake = -1;  // tells the thread that the process ends without a signal
  std::thread thread;

  void watch() {
    std::array<pollfd, 2> fds{pollfd{signals, POLLIN, 0}, pollfd{wake, POLLIN, 0}};
    while (poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {
    }
    if ((fds[0].revents & POLLIN) == 0) return;
    log::info("stopping");
    source.request_stop();
    // From now on a second signal kills at once: an operator's impatience is an order.
    // The first one is taken off the queue before that: still pending, it would kill the process the moment
    // it is unblocked.
    signalfd_siginfo taken{};
    [[maybe_unused]] const auto read_bytes = read(signals, &taken, sizeof taken);
    const auto set = stop_signals();
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    std::array<pollfd, 1> end{pollfd{wake, POLLIN, 0}};
    while (poll(end.data(), end.size(), -1) < 0 && errno == EINTR) {
    }
  }
};

StopSignal::StopSignal() : state_(std::make_unique<State>()) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto set = stop_signals();
  // Blocked here, before any thread exists, hence in every thread: only the descriptor sees them.
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  state_->signals = signalfd(-1, &set, SFD_CLOEXEC);
  state_->wake = eventfd(0, EFD_CLOEXEC);
  if (state_->signals < 0 || state_->wake < 0)
    throw Error(Fault::config, "internal", "No descriptor for signals.");
  state_->thread = std::thread([state = state_.get()] { state->watch(); });
}

StopSignal::~StopSignal() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(state_->wake, &one, sizeof one);
  state_->thread.join();
  close(state_->signals);
  close(state_->wake);
}

std::stop_token StopSignal::token() const {
  return state_->source.get_token();
}

void StopSignal::wait() const {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait(lock, token(), [] { return false; });
}

struct OpsServer::State {
  State(metrics::Registry& registry, std::vector<ReadyCheck> ready_checks)
      : metrics(registry),
        checks(std::move(ready_checks)),
        checker([this](std::stop_token stop) { check(stop); }) {}

  void serve(const http_server::Request& request, http_server::Respond respond) {
    if (request.method != "GET" && request.method != "HEAD")
      return respond(text(405, "Only GET is served here.\n"));
    if (request.path() == "/healthz") return respond(text(200, "ok\n"));
    if (request.path() == "/metrics") {
      return respond({200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, metrics.render()});
    }
    if (request.path() != "/readyz") return respond(text(404, "Here are /healthz, /readyz and /metrics.\n"));
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(respond));
    changed.notify_all();
  }

  static http_server::Response text(int status, std::string body) {
    return {status,
            {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
            std::move(body)};
  }

  // Answers /readyz: a check may block, so not on the network's thread; one answer serves a second of
  // questions.
  void check(std::stop_token stop) {
    std::unique_lock lock(mutex);
    http_server::Response answer;
    SteadyTime known_until{};
    while (changed.wait(lock, stop, [&] { return !waiting.empty(); })) {
      auto asking = std::exchange(waiting, {});
      lock.unlock();
      if (std::chrono::steady_clock::now() >= known_until) {
        answer = ask();
        known_until = std::chrono::steady_clock::now() + std::chrono::seconds{1};
      }
      for (auto& respond : asking)
        respond(answer);
      lock.lock();
    }
  }

  http_server::Response ask() const {
    std::string missing;
    for (const auto& one : checks) {
      bool ready = false;
      try {
        ready = one.ready();
      } catch (const std::exception& error) {
        log::warn("ready_check_failed", log::describe(error));
      }
      if (!ready) missing += one.name + " is not reachable\n";
    }
    return missing.empty() ? text(200, "ready\n") : text(503, missing);
  }

  metrics::Registry& metrics;
  std::vector<ReadyCheck> checks;
  std::mutex mutex;
  std::condition_variable_any changed;
  std::vector<http_server::Respond> waiting;
  std::jthread checker;
  std::unique_ptr<http_server::Server> server;  // destroyed first: nobody asks any more
};

OpsServer::OpsServer(std::uint16_t port, metrics::Registry& metrics, std::vector<ReadyCheck> checks)
    : state_(std::make_unique<State>(metrics, std::move(checks))) {
  http_server::Options options;
  options.address = "0.0.0.0";  // probes and scrapes come from outside the container
  options.port = port;
  options.body_bytes_max = 1024;
  state_->server = std::make_unique<http_server::Server>(
      options, [state = state_.get()](http_server::Request request, http_server::Respond respond) {
        state->serve(request, std::move(respond));
      });
}

OpsServer::~OpsServer() {
  state_->server.reset();
}

std::uint16_t OpsServer::port() const {
  return state_->server->port();
}

}  // namespace rollcall::worker
