#include "workers/audit_writer/adapters/parking.h"

#include "common/core/error.h"

#include <atomic>
#include <memory>

namespace rollcall::audit_writer {

void send_and_wait(kafka::Producer& producer, const std::vector<kafka::Message>& messages,
                   std::chrono::milliseconds timeout) {
  if (messages.empty()) return;
  // Shared: a delivery may be reported after we gave up waiting.
  const auto delivered = std::make_shared<std::atomic<std::size_t>>(0);
  for (const auto& message : messages) {
    producer.publish(message, [delivered](const std::string& error) {
      if (error.empty()) ++*delivered;
    });
  }
  producer.flush(timeout);
  if (*delivered == messages.size()) return;
  throw Error(Fault::transient, "kafka_unavailable",
              "messages refused could not be parked on " + messages.front().topic);
}

}  // namespace rollcall::audit_writer
