#pragma once
#include "common/postgres/postgres.h"
#include "workers/member_sync/adapters/delta.h"
#include "workers/member_sync/core/sweep.h"

#include <chrono>
#include <string>
#include <vector>

namespace rollcall::member_sync {

struct PackedGroup {
  Uuid organization, group;
  bool watched = false;  ///< the delta link's filter names it
};

struct Pack {
  long id = 0;
  std::string delta_link;  ///< empty: there is none
  std::vector<PackedGroup> groups;

  /// A group that no link watches wants a new one. Those that are gone only take up room in the filter.
  [[nodiscard]] bool wants_link() const;
};

/// What a sweep found out about a pack; saved as one piece.
struct SweptPack {
  std::string delta_link;  ///< of the next sweep; empty: none could be had
  bool relinked = false;   ///< that link is a new one, and watches every group of the pack
  bool gap = false;        ///< what changed between the links before and after is not known
  const GroupChanges* changes = nullptr;
};

/// Packs and marks in PostgreSQL. Stateless: safe from any thread, and sweeps may overlap.
class Packs {
 public:
  explicit Packs(postgres::Database& database) : database_(database) {}

  /// Brings the packs in line with which organizations of the tenant are linked to which groups now.
  void rearrange(const std::string& tenant);
  /// Those that this tick's sweep has not read yet.
  std::vector<Pack> unswept(const std::string& tenant, const Uuid& tick);
  /// Link, marks, and that the tick is served for this pack, in one transaction. Changes that the mirror with
  /// our own writes already knows of mark nothing.
  void save(const Pack& pack, const SweptPack& swept, const Uuid& tick);
  /// Who may need a run and has none open; the surest first, then the longest waiting.
  std::vector<Candidate> candidates(const std::string& tenant, std::chrono::milliseconds full_read_interval);

 private:
  postgres::Database& database_;
};

/// A run came to its end that began to read the group at `read_at`: it has seen what was marked before.
void clear_mark(postgres::Transaction& transaction, const Uuid& organization, WallTime read_at);

}  // namespace rollcall::member_sync
