#pragma once
#include <stop_token>
#include <string>

namespace rollcall::graph {

/// Whose token a call goes out with. Callable from any thread.
class Bearer {
 public:
  virtual ~Bearer() = default;
  /// One that is good for now. May block; throws Error.
  virtual std::string token(const std::stop_token& stop) = 0;
  /// Graph refused it (401): token() is to give another one, or to throw.
  virtual void invalidate(const std::string& token) = 0;
};

}  // namespace rollcall::graph
