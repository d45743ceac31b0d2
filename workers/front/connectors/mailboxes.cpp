#include "workers/front/connectors/mailboxes.h"

#include "common/core/error.h"
#include "common/core/waiting.h"

namespace rollcall::front {
namespace {

constexpr graph::GovernorLimits limits{.resource_units = 10'000,
                                       .resource_units_max = 10'000,
                                       .resource_unit_window = std::chrono::minutes{10},
                                       .writes = 10'000,
                                       .write_window = std::chrono::minutes{10}};

}  // namespace

Mailboxes::Mailbox::Mailbox(const Clock& clock) : governor(limits, clock) {}

Mailboxes::Place::~Place() {
  if (!mailbox_) return;
  const std::lock_guard lock(mailbox_->mutex);
  --mailbox_->under_way;
  mailbox_->changed.notify_one();
}

std::shared_ptr<Mailboxes::Mailbox> Mailboxes::find(const std::string& whose) {
  const std::lock_guard lock(mutex_);
  if (mailboxes_.size() >= remembered_max_ && !mailboxes_.contains(whose))
    std::erase_if(mailboxes_, [](const auto& one) {
      return one.second.use_count() == 1 && one.second->governor.status().paused_for.count() == 0;
    });
  auto& mailbox = mailboxes_[whose];
  if (!mailbox) mailbox = std::make_shared<Mailbox>(clock_);
  return mailbox;
}

Mailboxes::Place Mailboxes::enter(const std::string& whose, std::chrono::milliseconds patience) {
  auto mailbox = find(whose);
  std::unique_lock lock(mailbox->mutex);
  const bool free = wait_until(clock_, lock, mailbox->changed, {}, clock_.steady() + patience,
                               [&] { return mailbox->under_way < at_once_max; });
  if (!free)
    throw Error(Fault::throttled, "mailbox_busy",
                "Four requests to what this person has in Microsoft 365 are under way already.",
                std::chrono::seconds{2});
  ++mailbox->under_way;
  lock.unlock();
  return Place(std::move(mailbox));
}

}  // namespace rollcall::front
