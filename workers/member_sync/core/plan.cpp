#include "workers/member_sync/core/plan.h"

#include <algorithm>
#include <iterator>

namespace rollcall::member_sync {
namespace {

/// Walks a sorted list beside another one: whether it holds `id`, which must not decrease from call to call.
class Cursor {
 public:
  explicit Cursor(std::span<const Uuid> ids) : at_(ids.begin()), end_(ids.end()) {}
  bool holds(const Uuid& id) {
    while (at_ != end_ && *at_ < id)
      ++at_;
    return at_ != end_ && *at_ == id;
  }

 private:
  std::span<const Uuid>::iterator at_, end_;
};

Json texts(const Ids& ids) {
  Json list = Json::array();
  for (const Uuid& id : ids)
    list.push_back(id.to_string());
  return list;
}

bool read_ids(const Json& document, const char* name, Ids& into) {
  const auto list = document.find(name);
  if (list == document.end() || !list->is_array()) return false;
  into.reserve(list->size());
  for (const Json& text : *list) {
    const auto id = text.is_string() ? Uuid::parse(text.get_ref<const std::string&>()) : std::nullopt;
    if (!id) return false;
    into.push_back(*id);
  }
  return std::ranges::is_sorted(into);
}

void append_lines(std::string& text, std::string_view word, const Ids& ids) {
  for (const Uuid& id : ids)
    text.append(word).append(id.to_string()).append("\n");
}

}  // namespace

RemovalPolicy removal_policy(std::string_view word) {
  if (word == "mirror") return RemovalPolicy::mirror;
  if (word == "remove-departed") return RemovalPolicy::remove_departed;
  return RemovalPolicy::keep;
}

Plan make_plan(const PlanInput& input) {
  Plan plan;
  std::ranges::set_difference(input.roster, input.group, std::back_inserter(plan.adds));
  Cursor roster{input.roster};
  Cursor departed{input.departed};
  Cursor untouched{input.untouched};
  for (const Uuid& id : input.group) {
    if (roster.holds(id) || untouched.holds(id)) continue;
    const bool remove = input.policy == RemovalPolicy::mirror ||
                        (input.policy == RemovalPolicy::remove_departed && departed.holds(id));
    (remove ? plan.removals : plan.unmatched).push_back(id);
  }
  return plan;
}

std::string canonical_text(const Uuid& group, const Plan& plan) {
  std::string text;
  text.reserve(64 + plan.size() * 44);
  text.append("group ").append(group.to_string()).append("\n");
  append_lines(text, "add ", plan.adds);
  append_lines(text, "remove ", plan.removals);
  return text;
}

Json to_json(const Plan& plan) {
  return {
      {"adds", texts(plan.adds)}, {"removals", texts(plan.removals)}, {"unmatched", texts(plan.unmatched)}};
}

Result<Plan> plan_from_json(const Json& document) {
  Plan plan;
  if (!document.is_object() || !read_ids(document, "adds", plan.adds) ||
      !read_ids(document, "removals", plan.removals) || !read_ids(document, "unmatched", plan.unmatched))
    return unexpected(Problem{"json_malformed", "the stored plan is not a plan document"});
  if (count_common(plan.adds, plan.removals) != 0)
    return unexpected(Problem{"json_malformed", "the stored plan both adds and removes one member"});
  return plan;
}

void normalize(Ids& ids) {
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

std::size_t count_common(std::span<const Uuid> a, std::span<const Uuid> b) {
  Cursor other{b};
  return static_cast<std::size_t>(std::ranges::count_if(a, [&](const Uuid& id) { return other.holds(id); }));
}

Ids overlay(std::span<const Uuid> listing, std::span<const RecentWrite> writes) {
  Ids added, removed;
  for (const RecentWrite& write : writes)
    (write.present ? added : removed).push_back(write.id);
  normalize(added);
  normalize(removed);
  Ids with, result;
  std::ranges::set_union(listing, added, std::back_inserter(with));
  std::ranges::set_difference(with, removed, std::back_inserter(result));
  return result;
}

}  // namespace rollcall::member_sync
