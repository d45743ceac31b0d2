#include "common/auth/token_cache.h"

#include <utility>

namespace rollcall::auth {

std::optional<TokenCache::Entry> TokenCache::find(const std::string& hash) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(hash);
  if (place == places_.end()) return std::nullopt;
  order_.splice(order_.begin(), order_, place->second);
  return place->second->second;
}

void TokenCache::put(const std::string& hash, Entry entry) {
  const std::lock_guard lock(mutex_);
  if (const auto place = places_.find(hash); place != places_.end()) {
    place->second->second = std::move(entry);
    return;
  }
  order_.emplace_front(hash, std::move(entry));
  places_.emplace(hash, order_.begin());
  if (order_.size() <= entries_max_) return;
  places_.erase(order_.back().first);
  order_.pop_back();
}

void TokenCache::erase(const std::string& hash) {
  const std::lock_guard lock(mutex_);
  const auto place = places_.find(hash);
  if (place == places_.end()) return;
  order_.erase(place->second);
  places_.erase(place);
}

}  // namespace rollcall::auth
