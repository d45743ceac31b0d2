#pragma once
#include "common/worker/claims.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <tuple>
#include <unordered_map>

namespace rollcall::worker {

/// The runs this process holds: for heartbeats, progress and cancels, so as not to claim one twice, and so
/// that an equal command can join one that has not begun. Safe from any thread.
class InFlight {
 public:
  explicit InFlight(const Clock& clock) : clock_(clock) {}
  /// False where the run is in flight already. Counted from here on.
  bool add(const Uuid& run);
  void claimed(const std::shared_ptr<const Claimed>& run);
  /// A lane begins it: nothing joins it any more. Waits while a command is just joining it. False: it was
  /// cancelled, or another worker holds it, since it was claimed.
  bool begin(const Uuid& run);
  void remove(const Uuid& run);
  /// As remove(), but the run is left running, for whoever looks for runs without a heartbeat.
  void leave(const Uuid& run);
  [[nodiscard]] std::size_t size() const;

  struct Leader {
    Uuid run, claim;
  };
  /// The run that `command` may join, kept from beginning until unpin().
  std::optional<Leader> pin_leader(const Command& command);
  /// `joined`: someone did.
  void unpin(const Uuid& leader, bool joined);
  [[nodiscard]] bool followed(const Uuid& run) const;

  [[nodiscard]] std::stop_token stop_of(const Uuid& run) const;
  [[nodiscard]] bool cancelled(const Uuid& run) const;
  void stop_all();

  /// The database has lately said that the claim stands: nobody else can have taken the run over yet.
  [[nodiscard]] bool confirmed(const Uuid& run) const;
  /// `asked_at`: when the statement that said so was sent.
  void confirm(const Uuid& run, SteadyTime asked_at);

  void progress(const Uuid& run, Json progress);
  /// Stores the progress reported since the last call.
  void store_progress(postgres::Database& database);
  /// Deletes the blocks of claims of which nothing is in flight any more.
  void forget_blocks(postgres::Database& database);
  /// Tells the database that their holder lives; stops what was cancelled or taken over meanwhile.
  void heartbeat(postgres::Database& database);
  struct Held {
    Uuid run, claim;
  };
  struct Heard {
    bool cancel_requested = false, lost = false;
    bool renewed = true;  ///< the claim stands for another while
  };
  /// The two halves of heartbeat(): whose heartbeat is due, which then counts as sent …
  std::vector<Held> due_heartbeats();
  /// … and what the database said of them, asked at `asked_at`. A run it does not know is lost.
  void heard(const std::vector<Held>& asked, const std::map<Uuid, Heard>& answers, SteadyTime asked_at);
  /// What has been running for `age` and was not named before: worth telling that it runs.
  std::vector<std::shared_ptr<const Claimed>> long_running(std::chrono::milliseconds age);

 private:
  using Equal = std::tuple<Uuid, std::string, std::string>;  // organization, operation, hash of parameters
  using Leaders = std::map<Equal, Uuid>;
  struct Entry {
    std::shared_ptr<const Claimed> claimed;  // none: being claimed
    std::stop_source stop;
    SteadyTime begun_at{}, beaten_at{}, confirmed_at{};
    std::optional<Json> progress;
    std::optional<Leaders::const_iterator> leads;
    int pins = 0;
    bool begun = false, told = false, cancelled = false, lost = false, followed = false;
  };
  void forget_leader(Entry& entry);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable unpinned_;
  std::unordered_map<Uuid, Entry> runs_;
  Leaders leaders_;
  /// By the row's id. A row may go once nobody holds its id any more.
  std::map<long, std::weak_ptr<const long>> blocks_;
  std::vector<std::shared_ptr<const long>> left_;
};

}  // namespace rollcall::worker
