#include "workers/front/adapters/news_feed.h"

#include "common/core/error.h"
#include "common/kafka/follower.h"
#include "common/log/log.h"
#include "workers/front/core/job.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace rollcall::front {
namespace {

using namespace std::chrono_literals;

constexpr auto broker_timeout = 2s;
constexpr auto poll_wait = 200ms;  // also how often the pulse is turned
constexpr auto pause_after_failure = 500ms;
constexpr std::size_t block_max = 1'000;

}  // namespace

struct NewsFeed::State {
  State(NewsOptions given, postgres::Database& database, Pool& pool, const Clock& clock,
        metrics::Registry& metrics)
      : options(std::move(given)),
        pulse(clock, options.heartbeat),
        jobs(database, pool, pulse),
        all(options.kafka, options.topic, database, pulse, options.limits),
        streams(metrics.gauge("rollcall_event_streams", "Streams of events that are open.")),
        news(metrics.counter("rollcall_news_total", "News of runs that came in.")) {}

  void run(const std::stop_token& stop) {
    Positions at;
    while (!stop.stop_requested()) {
      try {
        follow(stop, at);
      } catch (const Error& error) {
        log::warn("news_not_followed", log::describe(error));
        pause(stop);
      }
    }
  }

  /// Goes on from `at`, which it keeps; at first from the end.
  void follow(const std::stop_token& stop, Positions& at) {
    kafka::Follower follower(options.kafka, options.topic);
    at = follower.start(broker_timeout, at);
    all.begin(at);
    following = true;
    while (!stop.stop_requested()) {
      turn();
      const auto messages = follower.poll(block_max, poll_wait);
      if (messages.empty() || !deliver(messages, stop)) continue;
      for (const auto& message : messages)
        advance(at, static_cast<std::size_t>(message.partition), message.offset);
      jobs.changed(runs_in(messages));
      news.add(static_cast<double>(messages.size()));
    }
  }

  /// As often as it takes: news waits for PostgreSQL rather than being missed. False at a stop.
  bool deliver(const std::vector<kafka::Message>& messages, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      try {
        all.deliver(messages);
        return true;
      } catch (const Error& error) {
        log::warn("news_waits", log::describe(error));
        pause(stop);
      }
    }
    return false;
  }

  static std::vector<Uuid> runs_in(const std::vector<kafka::Message>& messages) {
    std::vector<Uuid> runs;
    for (const auto& message : messages)
      if (const auto news = read_news(message.value, {})) runs.push_back(news->run);
    std::ranges::sort(runs);
    runs.erase(std::ranges::unique(runs).begin(), runs.end());
    return runs;
  }

  void turn() {
    pulse.turn();
    streams.set(static_cast<double>(pulse.streams()));
  }

  void pause(const std::stop_token& stop) {
    turn();
    std::unique_lock lock(mutex);
    stopping.wait_for(lock, stop, pause_after_failure, [] { return false; });
  }

  const NewsOptions options;
  Pulse pulse;
  JobStreams jobs;
  NewsStreams all;
  metrics::Gauge& streams;
  metrics::Counter& news;
  std::atomic<bool> following = false;
  std::mutex mutex;
  std::condition_variable_any stopping;
  std::jthread thread;  // last: it uses everything above
};

NewsFeed::NewsFeed(NewsOptions options, postgres::Database& database, Pool& pool, const Clock& clock,
                   metrics::Registry& metrics)
    : state_(std::make_unique<State>(std::move(options), database, pool, clock, metrics)) {
  state_->thread = std::jthread([state = state_.get()](std::stop_token stop) { state->run(stop); });
}

NewsFeed::~NewsFeed() = default;

JobStreams& NewsFeed::jobs() {
  return state_->jobs;
}
NewsStreams& NewsFeed::all() {
  return state_->all;
}
bool NewsFeed::following() const {
  return state_->following;
}

}  // namespace rollcall::front
