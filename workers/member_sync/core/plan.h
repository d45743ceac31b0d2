#pragma once
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/core/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::member_sync {

using Ids = std::vector<Uuid>;

enum class RemovalPolicy {
  keep,             ///< remove nobody: who is not on the roster is only flagged
  remove_departed,  ///< remove who once was on the roster
  mirror,           ///< the roster is the whole truth
};
/// An unknown word is `keep`: a mistake must never become a removal.
RemovalPolicy removal_policy(std::string_view word);

/// All sorted and without duplicates.
struct PlanInput {
  std::span<const Uuid> roster;     ///< who should be in the group
  std::span<const Uuid> departed;   ///< who once was on the roster
  std::span<const Uuid> group;      ///< who is in the group
  std::span<const Uuid> untouched;  ///< never removed nor flagged: candidates of ambiguous addresses
  RemovalPolicy policy = RemovalPolicy::keep;
};

/// What removes the drift, each list sorted. 16 bytes a member, as each stands in one list at most.
struct Plan {
  Ids adds, removals, unmatched;

  [[nodiscard]] bool empty() const { return adds.empty() && removals.empty(); }
  /// Changes are numbered: the additions first, then the removals.
  [[nodiscard]] std::size_t size() const { return adds.size() + removals.size(); }
  [[nodiscard]] bool is_add(std::size_t change) const { return change < adds.size(); }
  [[nodiscard]] const Uuid& member(std::size_t change) const {
    return is_add(change) ? adds[change] : removals[change - adds.size()];
  }
  bool operator==(const Plan&) const = default;
};

/// One linear merge. `unmatched` are those in the group, not on the roster, that the policy leaves in.
Plan make_plan(const PlanInput& input);

/// What the digest is taken of: group and changes. Unmatched people are left out: an approval need not be
/// asked again because somebody else joined.
std::string canonical_text(const Uuid& group, const Plan& plan);

Json to_json(const Plan& plan);
Result<Plan> plan_from_json(const Json& document);

/// Sorts and removes duplicates.
void normalize(Ids& ids);
/// How many of sorted `a` are in sorted `b`.
std::size_t count_common(std::span<const Uuid> a, std::span<const Uuid> b);

/// A write of ours that a listing may not show yet.
struct RecentWrite {
  Uuid id;
  bool present;  ///< added, or removed
};
/// Graph is eventually consistent: what we wrote within the hold-off is believed rather than the listing.
Ids overlay(std::span<const Uuid> listing, std::span<const RecentWrite> writes);

}  // namespace rollcall::member_sync
