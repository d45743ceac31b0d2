#pragma once
#include "common/core/clock.h"
#include "common/graph/governor.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace rollcall::front {

/// What one app may ask of one person's mailbox or documents: four requests at once, 10,000 in ten minutes
/// (throttling-limits, Outlook), and none while a Retry-After lasts. Kept per process; several share nothing,
/// and what is too much for all of them together answers 429, which each of them obeys.
class Mailboxes {
 public:
  static constexpr int at_once_max = 4;

  explicit Mailboxes(const Clock& clock, std::size_t remembered_max = 10'000)
      : clock_(clock), remembered_max_(remembered_max) {}

  struct Mailbox {
    explicit Mailbox(const Clock& clock);
    graph::Governor governor;
    std::mutex mutex;
    std::condition_variable_any changed;
    int under_way = 0;  // guarded by mutex
  };
  /// A place among those that are asked at once, given back when it goes.
  class Place {
   public:
    explicit Place(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}
    ~Place();
    Place(Place&&) = default;
    Place& operator=(Place&&) = delete;
    [[nodiscard]] graph::Governor& governor() const { return mailbox_->governor; }

   private:
    std::shared_ptr<Mailbox> mailbox_;
  };
  /// Waits for one. Throws Error{throttled, "mailbox_busy"} where none is free in time.
  Place enter(const std::string& whose, std::chrono::milliseconds patience);

 private:
  std::shared_ptr<Mailbox> find(const std::string& whose);
  const Clock& clock_;
  const std::size_t remembered_max_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Mailbox>> mailboxes_;  // guarded by mutex_
};

}  // namespace rollcall::front
