#include "common/worker/deliveries.h"

#include "common/log/log.h"

namespace rollcall::worker {

void Deliveries::send(Ticket ticket, kafka::Message message) {
  // Kept in case the delivery fails.
  const auto kept = std::make_shared<const kafka::Message>(std::move(message));
  producer_.publish(*kept, [failed = failed_, ticket = std::move(ticket), kept](const std::string& error) {
    if (error.empty()) return ticket.finish();
    log::warn("message_undelivered", {{"topic", kept->topic}, {"message", error}});
    const std::lock_guard lock(failed->mutex);
    failed->messages.emplace_back(ticket, *kept);
  });
}

void Deliveries::retry() {
  std::deque<std::pair<Ticket, kafka::Message>> messages;
  {
    const std::lock_guard lock(failed_->mutex);
    messages.swap(failed_->messages);
  }
  for (auto& [ticket, message] : messages)
    send(std::move(ticket), std::move(message));
}

}  // namespace rollcall::worker
