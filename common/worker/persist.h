#pragma once
#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"

namespace rollcall::worker {

/// Does `work` until it succeeds: transient errors, conflicts and throttling are waited out with backoff,
/// however long it takes. False where a stop was asked for before it succeeded. Any other error passes
/// through.
template <class Work>
bool persist(const char* event, const std::stop_token& stop, Work work) {
  // Short at the top: once PostgreSQL is back, everything goes on within a second.
  constexpr Backoff backoff{std::chrono::milliseconds{50}, std::chrono::milliseconds{1'000}};
  for (int attempt = 1;; ++attempt) {
    try {
      work();
      return true;
    } catch (const Error& error) {
      if (error.fault() != Fault::transient && error.fault() != Fault::conflict &&
          error.fault() != Fault::throttled)
        throw;
      if (attempt == 1 || attempt % 10 == 0) log::warn(event, log::describe(error));
      const auto wait = error.retry_after().value_or(backoff.delay(attempt, crypto::random_unit()));
      if (!pause(wait, stop)) return false;
    }
  }
}

}  // namespace rollcall::worker
