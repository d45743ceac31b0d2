#pragma once
#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"

#include <thread>

namespace rollcall::worker {

/// Does `work` until it succeeds: transient errors and conflicts are waited out with backoff, however long it
/// takes. False where `give_up()` said so first. Any other error passes through.
template <class GiveUp, class Work>
bool persist(const char* event, GiveUp give_up, Work work) {
  constexpr Backoff backoff{std::chrono::milliseconds{100}, std::chrono::milliseconds{5'000}};
  constexpr std::chrono::milliseconds slice{50};  // how late give_up may be noticed
  for (int attempt = 1;; ++attempt) {
    try {
      work();
      return true;
    } catch (const Error& error) {
      if (error.fault() != Fault::transient && error.fault() != Fault::conflict &&
          error.fault() != Fault::throttled)
        throw;
      if (attempt == 1 || attempt % 10 == 0) log::warn(event, log::describe(error));
      auto wait = error.retry_after().value_or(backoff.delay(attempt, crypto::random_unit()));
      for (; wait.count() > 0 && !give_up(); wait -= slice)
        std::this_thread::sleep_for(std::min(wait, slice));
      if (give_up()) return false;
    }
  }
}

}  // namespace rollcall::worker
