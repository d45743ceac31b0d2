#pragma once
#include "common/core/ids.h"

#include <cstddef>
#include <vector>

/// What a sweep decides: which groups are watched together, and which organizations get a run.
namespace rollcall::member_sync {

/// delta-query-groups: a filter names at most 50 groups.
inline constexpr std::size_t pack_groups_max = 50;

struct LinkedGroup {
  Uuid organization, group;
};

/// A group's place in a pack.
struct Place {
  Uuid organization, group;
  long pack = 0;
};

/// How the packs are to change.
struct Repacking {
  std::vector<Uuid> gone;       ///< organizations without a place from now on
  std::vector<Place> places;    ///< new ones; a negative pack is one to be made: -1, -2, …
  std::vector<long> dissolved;  ///< packs that are empty then
  std::size_t packs_to_make = 0;
};

/// So few packs as can be, each of at most pack_groups_max groups. Who has a place keeps it, unless his group
/// is another now or his pack is dissolved; newcomers fill the emptiest packs, since every pack that takes
/// one needs a new delta link. `packs`: those there are, empty ones too.
Repacking repack(const std::vector<LinkedGroup>& linked, const std::vector<Place>& places,
                 const std::vector<long>& packs);

/// Why an organization gets a run.
enum class Need {
  unread,     ///< never synced with this group
  roster,     ///< the organization or its roster changed since
  changed,    ///< the delta says that the group did
  unwatched,  ///< nobody knows: no delta link watched the group for a while
  overdue,    ///< due its periodic full read
};

struct Candidate {
  Uuid organization;
  Need need;
};

/// Those that get a run now, in order: all that are known to need one, and of those that only may need one
/// the first `maybe_max`. The others stay candidates for the next sweep.
std::vector<Uuid> to_start(const std::vector<Candidate>& candidates, std::size_t maybe_max);

}  // namespace rollcall::member_sync
