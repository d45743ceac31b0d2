#pragma once
#include "common/core/clock.h"
#include "common/http_server/event_stream.h"

#include <functional>
#include <memory>

namespace rollcall::front {

/// Keeps streams alive: a comment now and then, and an end when the reader's token does. One caller turns it
/// for all streams; each turn serves its share of them, so that ten thousand are not written to at once.
/// add() from any thread.
class Pulse {
 public:
  explicit Pulse(const Clock& clock, std::chrono::milliseconds period = std::chrono::seconds(15));
  ~Pulse();
  /// `look` runs at each of the stream's beats; must not block.
  void add(http_server::EventStream stream, WallTime expires_at, std::function<void()> look = {});
  /// To be called several times a second, by one thread.
  void turn();
  /// Streams that are open.
  [[nodiscard]] std::size_t streams() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Says why and that the reader may come again, and ends the stream.
void say_bye(const http_server::EventStream& stream, std::string_view reason);

}  // namespace rollcall::front
