#pragma once
#include "common/audit/chain.h"
#include "common/audit/content.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// Whether seals and rows still say what was sealed. Pure, and of constant memory: one seal's manifest at a
/// time.
namespace rollcall::audit {

/// What is wrong. `kind` is stable: scripts branch on it.
struct Finding {
  std::string kind;
  std::string message;
  std::optional<Uuid> event_id = std::nullopt;
  std::optional<Uuid> run_id = std::nullopt;
  std::string chain = {};  ///< "topic/partition"
  std::optional<std::int64_t> seal = std::nullopt;
};

/// A row of audit.chains.
struct Head {
  Chain chain;
  std::int64_t number = 0;
  std::string root;
  std::int64_t next_offset = 0;
};

/// What is known beside seals and rows.
struct Knowledge {
  std::vector<Head> heads;
  /// Months that retention took away, with what they held and the audit event that says so.
  struct Month {
    std::int64_t events = 0;
    Uuid event_id;
  };
  std::map<std::uint16_t, Month> dropped;
  struct Erasure {
    std::int64_t parts = 0;
    Uuid event_id;
  };
  std::map<std::string, Erasure> erasures;
  /// Roots outside the database's reach: by chain and number.
  std::map<std::int64_t, std::map<std::int64_t, std::string>> published;
  bool published_known = false;  ///< whether the topic was read at all
  /// Events that are still on their way (ops.outbox, Kafka).
  std::set<Uuid> on_their_way;
  /// Where each chain begins to be looked at; 1 where it is not named.
  std::map<std::int64_t, std::int64_t> from;
};

struct Tally {
  std::int64_t chains = 0, seals = 0, events = 0, dropped = 0, erased = 0, findings = 0;
};

class Verifier {
 public:
  Verifier(Knowledge known, std::function<void(const Finding&)> report);
  /// Seals by chain and number; each followed by its rows, by event id.
  void seal(const Seal& seal);
  void row(const Content& row);
  /// A row that no seal covers: of no chain, or of a seal that is not there.
  void stray(const Content& row);
  Tally finish();

 private:
  void begin_chain(std::int64_t chain);
  void end_seal();
  void end_chain();
  void missing(const Entry& entry);
  void check_content(const Content& row, const Entry& entry);
  void count_erasures(const Content& row);
  void check_published(std::int64_t upto);
  void found(Finding finding);
  void found_in_seal(const std::string& kind, const std::string& message,
                     std::optional<Uuid> event_id = std::nullopt);
  [[nodiscard]] std::string name_of(std::int64_t chain) const;

  Knowledge known_;
  std::function<void(const Finding&)> report_;
  std::map<std::int64_t, Head> heads_;
  std::map<std::string, std::int64_t> erased_parts_;
  std::map<std::uint16_t, std::int64_t> dropped_events_;
  std::set<Uuid> recorded_;  ///< audit events of erasures and dropped months that a seal holds
  std::set<Uuid> records_;
  Tally tally_;
  // The chain and the seal at hand.
  std::optional<std::int64_t> chain_;
  std::set<std::int64_t> chains_seen_, chains_published_;
  std::optional<Seal> seal_;
  std::vector<Entry> entries_;
  std::size_t at_ = 0;
  bool manifest_read_ = false;
};

}  // namespace rollcall::audit
