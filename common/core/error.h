#pragma once
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

namespace rollcall {

/// What the reader of an error does about it. The worker loop, the command line and the front each map these
/// once.
enum class Fault {
  transient,  ///< try again with backoff; an attempt is spent
  throttled,  ///< wait retry_after; no attempt is spent
  conflict,   ///< the world changed under us: read again, decide again
  invalid,    ///< the input is wrong: report it, never retry
  denied,     ///< not permitted: someone must grant something
  not_found,  ///< the thing named does not exist
  config,     ///< refuse to start
};

const char* to_string(Fault fault);

/// The only exception of ours. Adapters translate a vendor's errors into it in one function each.
/// `code` is a stable reason code (common/core/reasons.h); `what()` says in a sentence what happened and what
/// to do.
class Error : public std::runtime_error {
 public:
  Error(Fault fault, std::string code, const std::string& message,
        std::optional<std::chrono::milliseconds> retry_after = std::nullopt)
      : std::runtime_error(message), fault_(fault), code_(std::move(code)), retry_after_(retry_after) {}

  [[nodiscard]] Fault fault() const { return fault_; }
  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] std::optional<std::chrono::milliseconds> retry_after() const { return retry_after_; }

 private:
  Fault fault_;
  std::string code_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

}  // namespace rollcall
