#pragma once
#include "common/core/ids.h"
#include "workers/front/adapters/news_feed.h"
#include "workers/front/mcp/alarm.h"
#include "workers/front/mcp/exchange.h"

#include <chrono>
#include <functional>

namespace rollcall::front::mcp {

/// Follows a job for a request that waits for its end: what is news of it goes to the client as progress.
/// `done` is called once, with the job as it was seen last (null: not at all), when it is over, when the time
/// is, or when nobody waits any more.
void watch_job(NewsFeed& news, Alarm& alarm, const ExchangePtr& exchange, const Uuid& job,
               std::chrono::seconds wait, std::function<void(Json)> done);

}  // namespace rollcall::front::mcp
