#include "workers/advisor_scan/core/reconcile.h"

#include <map>
#include <tuple>

namespace rollcall::advisor_scan {
namespace {

using Key = std::tuple<std::string, std::optional<Uuid>, std::string>;

Key key_of(const Standing& one) {
  return {one.rule, one.organization, one.subject};
}

/// Whether it is not ours to touch now; counted.
bool let_be(const Standing& one, Reconciliation& result) {
  if (one.dismissed)
    ++result.dismissed;
  else if (one.newer)
    ++result.newer;
  return one.dismissed || one.newer;
}

}  // namespace

Reconciliation reconcile(const Snapshot& snapshot, const Limits& limits,
                         const std::vector<Standing>& standing) {
  std::map<Key, const Standing*> left;
  for (const auto& one : standing)
    left.emplace(key_of(one), &one);
  Reconciliation result;
  for (const auto& rule : all_rules()) {
    auto found = judge(rule, snapshot, limits);
    if (!found) {
      std::erase_if(left, [&](const auto& entry) { return std::get<0>(entry.first) == rule.id; });
      continue;
    }
    for (auto& one : *found) {
      const auto known = left.find(Key{rule.id, one.organization, one.subject});
      const Standing* before = known == left.end() ? nullptr : known->second;
      if (before) left.erase(known);
      Raised raised{&rule, std::move(one), before == nullptr};
      if (before && let_be(*before, result)) continue;
      if (before && before->severity == raised.severity() && before->evidence == raised.found.evidence)
        ++result.unchanged;
      else
        result.raise.push_back(std::move(raised));
    }
  }
  for (const auto& [key, one] : left)
    if (!let_be(*one, result)) result.resolve.push_back(*one);
  return result;
}

}  // namespace rollcall::advisor_scan
