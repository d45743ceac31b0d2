#include "workers/front/mcp/job_watch.h"

#include <memory>
#include <mutex>
#include <utility>

namespace rollcall::front::mcp {
namespace {

constexpr std::size_t bytes_max = std::size_t{256} * 1024;
constexpr auto beat_every = std::chrono::seconds(10);

/// Reads the stream of events that a reader over HTTP would be sent.
class Watch : public std::enable_shared_from_this<Watch> {
 public:
  Watch(ExchangePtr exchange, std::function<void(Json)> done)
      : exchange_(std::move(exchange)), done_(std::move(done)) {}

  void begin(NewsFeed& news, Alarm& alarm, const Uuid& job, std::chrono::seconds wait) {
    queue_ = std::make_shared<http_server::StreamQueue>(bytes_max, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->read();
    });
    alarm.after(wait, [self = shared_from_this()] { self->end(); });
    beat(alarm);
    exchange_->on_cancel([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->end();
    });
    const auto& call = exchange_->call();
    news.jobs().follow({job, viewer_of(call), 0, call.public_root}, http_server::EventStream(queue_));
    read();
  }

 private:
  void beat(Alarm& alarm) {
    alarm.after(beat_every, [weak = weak_from_this(), &alarm] {
      const auto self = weak.lock();
      if (!self || self->ended()) return;
      self->exchange_->beat();
      self->beat(alarm);
    });
  }

  [[nodiscard]] bool ended() {
    const std::lock_guard lock(mutex_);
    return !done_;
  }

  /// On whichever thread sent something; one at a time.
  void read() {
    bool over = false;
    {
      const std::lock_guard lock(reading_);
      for (;;) {
        const auto taken = queue_->take();
        queue_->written();
        take(taken.bytes);
        over = taken.end || taken.over;
        if (taken.bytes.empty() || over) break;
      }
    }
    if (over) end();
  }

  void take(const std::string& bytes) {
    text_ += bytes;
    for (auto at = text_.find("\n\n"); at != std::string::npos; at = text_.find("\n\n")) {
      const auto event = text_.substr(0, at);
      text_.erase(0, at + 2);
      const auto data = event.find("data: ");
      if (event.find("event: job\n") == std::string::npos || data == std::string::npos) continue;
      if (auto job = parse_json(std::string_view(event).substr(data + 6))) tell(std::move(*job));
    }
  }

  void tell(Json job) {
    const Json progress = job.value("progress", Json());
    const auto number = [&](const char* name) {
      return progress.is_object() && progress.contains(name) && progress[name].is_number()
                 ? std::optional(progress[name].get<double>())
                 : std::nullopt;
    };
    exchange_->progress(number("done").value_or(0), number("total"), text_member(job, "state"));
    const std::lock_guard lock(mutex_);
    last_ = std::move(job);
  }

  void end() {
    std::function<void(Json)> done;
    Json last;
    {
      const std::lock_guard lock(mutex_);
      done = std::exchange(done_, nullptr);
      last = last_;
    }
    if (!done) return;
    queue_->over();
    done(std::move(last));
  }

  const ExchangePtr exchange_;
  std::shared_ptr<http_server::StreamQueue> queue_;
  std::mutex reading_;
  std::string text_;
  std::mutex mutex_;
  std::function<void(Json)> done_;
  Json last_;
};

}  // namespace

void watch_job(NewsFeed& news, Alarm& alarm, const ExchangePtr& exchange, const Uuid& job,
               std::chrono::seconds wait, std::function<void(Json)> done) {
  std::make_shared<Watch>(exchange, std::move(done))->begin(news, alarm, job, wait);
}

}  // namespace rollcall::front::mcp
