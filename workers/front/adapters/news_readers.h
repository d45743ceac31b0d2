#pragma once
#include "common/http_server/event_stream.h"
#include "workers/front/adapters/job_store.h"
#include "workers/front/core/event_text.h"
#include "workers/front/core/job.h"
#include "workers/front/core/positions.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

/// What NewsStreams is made of. Nothing here locks.
namespace rollcall::front {

/// News, where it stands in the topic, and for whom it is.
struct HeardNews {
  std::size_t partition = 0;
  std::int64_t offset = 0;
  std::string body;  ///< empty: nobody may hear it
  Audience audience{};

  [[nodiscard]] bool is_for(const Viewer& viewer) const {
    return !body.empty() && may_hear(viewer, audience);
  }
};

struct NewsReader {
  Viewer viewer;
  http_server::EventStream stream;
  /// Where it stands: while it catches up, and after that as long as it is ahead of the others in a
  /// partition.
  Positions at{};
  bool catching_up = false;
  bool gone = false;  ///< its stream is over
  bool full = false;  ///< reads slower than it is sent to: more when it has read

  /// Sends what it has not seen and may hear. False where the stream is over.
  bool hear(const HeardNews& news) {
    if (news.offset < position_of(at, news.partition)) return true;
    advance(at, news.partition, news.offset);
    return !news.is_for(viewer) || stream.send(event_text(write_positions(at), "job", news.body));
  }
};
using NewsReaderPtr = std::shared_ptr<NewsReader>;

/// Readers that hear news as it comes, by what makes them hear it.
class NewsReaders {
 public:
  void add(const NewsReaderPtr& reader) { home_of(*reader).emplace(key_of(*reader), reader); }
  void remove(const NewsReaderPtr& reader) {
    auto& home = home_of(*reader);
    const auto [first, last] = home.equal_range(key_of(*reader));
    for (auto at = first; at != last; ++at)
      if (at->second == reader) return (void)home.erase(at);
  }
  [[nodiscard]] bool empty() const { return operators_.empty() && others_.empty(); }

  /// Each reader that may hear it, once.
  template <class Tell>
  void each(const HeardNews& news, Tell tell) const {
    if (news.body.empty()) return;
    const auto& audience = news.audience;
    const auto [first, last] = audience.tenant_id.empty()
                                   ? std::pair{operators_.begin(), operators_.end()}
                                   : std::pair(operators_.equal_range(audience.tenant_id));
    for (auto at = first; at != last; ++at)
      tell(at->second);
    std::vector<std::string> identities = audience.administrators;
    identities.push_back(audience.asked_by);
    std::ranges::sort(identities);
    const auto repeated = std::ranges::unique(identities);
    identities.erase(repeated.begin(), repeated.end());
    for (const auto& identity : identities) {
      const auto [begin, end] = others_.equal_range(identity);
      for (auto at = begin; at != end; ++at)
        if (may_hear(at->second->viewer, audience)) tell(at->second);
    }
  }

 private:
  using Home = std::unordered_multimap<std::string, NewsReaderPtr>;
  Home& home_of(const NewsReader& reader) { return reader.viewer.operates ? operators_ : others_; }
  /// An operator that asked for what another tenant owns hears of it as an operator of its own only.
  static const std::string& key_of(const NewsReader& reader) {
    return reader.viewer.operates ? reader.viewer.tenant_id : reader.viewer.identity;
  }
  Home operators_;  // by tenant
  Home others_;     // by identity
};

/// The last news, for readers that come back soon.
class NewsMemory {
 public:
  NewsMemory(std::size_t messages_max, std::size_t bytes_max)
      : messages_max_(messages_max), bytes_max_(bytes_max) {}

  void begin(const Positions& now) {
    news_.clear();
    bytes_ = 0;
    from_ = now;
  }
  void add(HeardNews news) {
    bytes_ += news.body.size();
    news_.push_back(std::move(news));
    while (news_.size() > messages_max_ || bytes_ > bytes_max_) {
      advance(from_, news_.front().partition, news_.front().offset);
      bytes_ -= news_.front().body.size();
      news_.pop_front();
    }
  }
  /// It holds everything behind this.
  [[nodiscard]] const Positions& from() const { return from_; }
  [[nodiscard]] const std::deque<HeardNews>& news() const { return news_; }

 private:
  const std::size_t messages_max_, bytes_max_;
  std::size_t bytes_ = 0;
  Positions from_;
  std::deque<HeardNews> news_;
};

}  // namespace rollcall::front
