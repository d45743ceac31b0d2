#pragma once
#include "common/metrics/metrics.h"
#include "workers/front/adapters/job_streams.h"
#include "workers/front/adapters/news_streams.h"
#include "workers/front/adapters/pool.h"

#include <memory>
#include <string>

namespace rollcall::front {

struct NewsOptions {
  kafka::Options kafka;
  std::string topic;
  std::chrono::milliseconds heartbeat = std::chrono::seconds(15);
  NewsLimits limits{};
};

/// Follows rollcall.runs, the whole of it, on a thread of its own, and tells everyone who reads here. Each
/// front does so by itself: there is no news that only another one has. Kafka may be away; what there was to
/// tell meanwhile is told when it is back.
class NewsFeed {
 public:
  NewsFeed(NewsOptions options, postgres::Database& database, Pool& pool, const Clock& clock,
           metrics::Registry& metrics);
  ~NewsFeed();

  [[nodiscard]] JobStreams& jobs();
  [[nodiscard]] NewsStreams& all();
  /// Whether it has found the topic's end, from where on nothing is missed.
  [[nodiscard]] bool following() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::front
