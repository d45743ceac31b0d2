#pragma once
#include "common/postgres/postgres.h"

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

namespace rollcall::postgres {

/// LISTEN on a channel, over a connection of its own. For control messages, one a command: NOTIFY takes one
/// lock for the whole server at commit. Used by one thread.
class Listener {
 public:
  /// Throws Error{transient, "database_unavailable"} where no connection can be had.
  Listener(const Options& options, const std::string& channel);
  ~Listener();

  /// Whether something was notified before `timeout` or `stop`. Throws Error{transient,
  /// "database_unavailable"} once the connection is broken: what was sent since is lost.
  bool wait(std::chrono::milliseconds timeout, std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::postgres
