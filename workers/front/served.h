#pragma once
#include "common/metrics/metrics.h"
#include "workers/front/api/call.h"
#include "workers/front/core/rate_limit.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What the pipeline keeps of each operation.
namespace rollcall::front {

/// What is counted of one operation: each series is looked for once, when there is something to count.
class Series {
 public:
  Series(metrics::Registry& registry, std::string operation)
      : registry_(registry), operation_(std::move(operation)) {}

  [[nodiscard]] const std::string& operation() const { return operation_; }
  void count(int status, double seconds) {
    metrics::Counter* answers = nullptr;
    {
      const std::lock_guard lock(mutex_);
      answers = &answered(status);
      if (!seconds_)
        seconds_ =
            &registry_.histogram("rollcall_http_request_seconds", "From the whole request to its answer.",
                                 {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10}, {{"operation", operation_}});
    }
    answers->add();
    seconds_->observe(seconds);
  }

 private:
  metrics::Counter& answered(int status) {
    for (const auto& [known, counter] : answered_)
      if (known == status) return *counter;
    auto& counter = registry_.counter("rollcall_http_requests_total", "Requests answered.",
                                      {{"operation", operation_}, {"status", std::to_string(status)}});
    answered_.emplace_back(status, &counter);
    return counter;
  }

  metrics::Registry& registry_;
  const std::string operation_;
  metrics::Histogram* seconds_ = nullptr;
  std::mutex mutex_;
  std::vector<std::pair<int, metrics::Counter*>> answered_;  // by status, of which there are few
};

/// An operation that is served.
struct Served {
  Served(Route given, metrics::Registry& registry)
      : route(std::move(given)), series(registry, route.operation.id) {
    const double pace = route.operation.per_second;
    if (pace > 0) limiter.emplace(RateLimits{pace, 4 * pace});
  }
  Route route;
  Series series;
  std::optional<RateLimiter> limiter;  // in place of the callers'
};

}  // namespace rollcall::front
