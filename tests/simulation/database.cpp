#include "tests/simulation/database.h"

namespace rollcall::simulation {

Stored Database::store(Tables& into, std::vector<Message> messages) const {
  Stored stored;
  if (messages.empty()) return stored;
  stored.ids.push_back(into.next_outbox++);
  into.outbox[stored.ids.back()] = {messages, timeline_.wall()};
  stored.messages = std::move(messages);
  return stored;
}

void Database::publish(Broker& broker, const HostPtr& host, const Stored& stored) {
  if (stored.messages.empty()) return;
  struct Flight {
    std::size_t open;
    bool failed = false;
  };
  const auto flight = std::make_shared<Flight>(Flight{stored.messages.size()});
  for (const auto& message : stored.messages) {
    broker.publish(host, message, [this, flight, host, ids = stored.ids](bool delivered) {
      flight->failed |= !delivered;
      if (--flight->open > 0 || flight->failed) return;  // the sweep will find it
      transact<bool>(
          host,
          [ids](Tables& into) {
            for (const long id : ids)
              into.outbox.erase(id);
            return true;
          },
          [](const auto&) {});
    });
  }
}

}  // namespace rollcall::simulation
