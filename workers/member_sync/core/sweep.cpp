#include "workers/member_sync/core/sweep.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

namespace rollcall::member_sync {
namespace {

using Packs = std::map<long, std::vector<LinkedGroup>>;

/// Who keeps his place stands in `packs` afterwards, who needs one is returned.
std::vector<LinkedGroup> without_place(const std::vector<LinkedGroup>& linked,
                                       const std::vector<Place>& places, Packs& packs,
                                       std::vector<Uuid>& gone) {
  std::unordered_map<Uuid, Place> before;
  for (const Place& place : places)
    before.emplace(place.organization, place);
  std::vector<LinkedGroup> homeless;
  for (const LinkedGroup& one : linked) {
    const auto found = before.find(one.organization);
    const bool keeps = found != before.end() && found->second.group == one.group &&
                       packs[found->second.pack].size() < pack_groups_max;
    if (keeps)
      packs[found->second.pack].push_back(one);
    else
      homeless.push_back(one);
    if (found != before.end()) before.erase(found);
  }
  for (const Place& place : places)
    if (before.contains(place.organization)) gone.push_back(place.organization);
  return homeless;
}

/// Empties the smallest packs until there are only `wanted`.
void dissolve(Packs& packs, std::size_t wanted, std::vector<LinkedGroup>& homeless,
              std::vector<long>& dissolved) {
  while (packs.size() > wanted) {
    const auto smallest =
        std::ranges::min_element(packs, {}, [](const auto& pack) { return pack.second.size(); });
    homeless.insert(homeless.end(), smallest->second.begin(), smallest->second.end());
    dissolved.push_back(smallest->first);
    packs.erase(smallest);
  }
}

}  // namespace

Repacking repack(const std::vector<LinkedGroup>& linked, const std::vector<Place>& places,
                 const std::vector<long>& packs) {
  Repacking change;
  Packs filled;
  for (const long pack : packs)
    filled[pack];
  auto homeless = without_place(linked, places, filled, change.gone);
  const std::size_t wanted = (linked.size() + pack_groups_max - 1) / pack_groups_max;
  dissolve(filled, wanted, homeless, change.dissolved);
  while (filled.size() < wanted)
    filled[-static_cast<long>(++change.packs_to_make)];

  std::vector<std::pair<std::size_t, long>> by_size;
  for (const auto& [pack, groups] : filled)
    by_size.emplace_back(groups.size(), pack);
  std::ranges::sort(by_size);
  auto next = homeless.begin();
  for (const auto& [size, pack] : by_size)
    for (std::size_t taken = size; taken < pack_groups_max && next != homeless.end(); ++taken, ++next)
      change.places.push_back({next->organization, next->group, pack});
  return change;
}

std::vector<Uuid> to_start(const std::vector<Candidate>& candidates, std::size_t maybe_max) {
  std::vector<Uuid> chosen;
  std::size_t maybes = 0;
  for (const Candidate& candidate : candidates) {
    const bool maybe = candidate.need == Need::unwatched || candidate.need == Need::overdue;
    if (maybe && ++maybes > maybe_max) continue;
    chosen.push_back(candidate.organization);
  }
  return chosen;
}

}  // namespace rollcall::member_sync
