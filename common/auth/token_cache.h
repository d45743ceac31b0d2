#pragma once
#include "common/auth/caller.h"
#include "common/auth/key_set.h"
#include "common/core/clock.h"

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace rollcall::auth {

/// What was found out about tokens whose signature was verified, by the SHA-256 of the token: the token
/// itself is not kept. Holds so many; the least recently used goes first. Callable from any thread.
class TokenCache {
 public:
  struct Entry {
    Caller caller;
    std::shared_ptr<const Key> key;  ///< by which it was verified
    WallTime verified_at{};
  };

  explicit TokenCache(std::size_t entries_max = 4096) : entries_max_(entries_max) {}

  [[nodiscard]] std::optional<Entry> find(const std::string& hash);
  void put(const std::string& hash, Entry entry);
  void erase(const std::string& hash);

 private:
  using Order = std::list<std::pair<std::string, Entry>>;  // most recently used first
  const std::size_t entries_max_;
  std::mutex mutex_;  // guards both below
  Order order_;
  std::unordered_map<std::string, Order::iterator> places_;
};

}  // namespace rollcall::auth
