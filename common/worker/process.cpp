#include "common/worker/process.h"

#include "common/core/clock.h"
#include "common/core/error.h"
#include "common/core/json.h"
#include "common/http_server/server.h"
#include "common/log/log.h"

#include <algorithm>
#include <array>
#include <atomic>
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
  std::atomic<int> exit_code = 0;
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

void StopSignal::guard(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    int none = 0;
    state_->exit_code.compare_exchange_strong(none, log::fail(error));
    state_->source.request_stop();
  }
}

int StopSignal::exit_code() const {
  return state_->exit_code;
}

std::vector<ReadyCheck> reachability(postgres::Database& database, kafka::Producer& producer,
                                     const std::string& brokers) {
  return {{"postgresql", [&database] { return database.reachable(); },
           "PostgreSQL does not answer; work goes on when it is back"},
          {"kafka", [&producer] { return producer.reachable(); },
           "no Kafka broker answers at " + brokers + "; work goes on when one does"}};
}

struct OpsServer::State {
  State(metrics::Registry& registry, std::vector<ReadyCheck> ready_checks)
      : metrics(registry),
        checks(std::move(ready_checks)),
        checker([this](std::stop_token stop) { check(stop); }) {}

  void serve(const http_server::Request& request, http_server::Respond respond) {
    if (request.method != "GET" && request.method != "HEAD") {
      auto refusal = text(405, "Only GET is served here.\n");
      refusal.headers.emplace_back("Allow", "GET, HEAD");
      return respond(std::move(refusal));
    }
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

  static Condition look(const ReadyCheck& check) {
    std::string otherwise = check.otherwise.empty() ? check.name + " is not reachable" : check.otherwise;
    try {
      if (check.ready()) return {check.name, Condition::State::ok, "reachable"};
    } catch (const std::exception& error) {
      log::warn("ready_check_failed", log::describe(error));
    }
    return {check.name, Condition::State::problem, std::move(otherwise)};
  }

  http_server::Response ask() const {
    static constexpr std::array<const char*, 3> states{"ok", "note", "problem"};
    std::vector<Condition> all;
    for (const auto& one : checks)
      all.push_back(look(one));
    for (auto& one : health.conditions())
      all.push_back(std::move(one));
    Json listed = Json::array();
    for (const auto& one : all)
      listed.push_back({{"name", one.name},
                        {"state", states.at(static_cast<std::size_t>(one.state))},
                        {"message", one.message}});
    const bool ready = std::ranges::none_of(
        all, [](const Condition& one) { return one.state == Condition::State::problem; });
    const Json answer = {{"status", ready ? "ready" : "not_ready"}, {"checks", std::move(listed)}};
    return {ready ? 200 : 503,
            {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
            dump(answer) + "\n"};
  }

  metrics::Registry& metrics;
  std::vector<ReadyCheck> checks;
  Health health;
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

Health& OpsServer::health() {
  return state_->health;
}

}  // namespace rollcall::worker
