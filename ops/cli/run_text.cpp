#include "ops/cli/run_text.h"

#include "common/core/reasons.h"

#include <algorithm>
#include <array>
#include <map>

namespace rollcall::cli {
namespace {

/// Of each list; the whole of it is in the JSON.
constexpr std::size_t shown_max = 10;

const Json& part(const Json& json, const char* name) {
  static const Json none;
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? none : *found;
}

std::string text_of(const Json& json, const char* name) {
  const Json& found = part(json, name);
  return found.is_string() ? printable(found.get_ref<const std::string&>()) : std::string();
}

/// How many changes a plan in a result has of this kind: the list is cut where it is long, and the number
/// stands beside it.
Json planned(const Json& plan, const char* list) {
  const Json& cut = part(part(plan, "cut"), list);
  return cut.is_number_integer() ? cut : Json(part(plan, list).size());
}

/// Nothing was done yet where the result shows a plan: what counts then is what would be.
std::string counts(const Json& result) {
  const Json& plan = part(result, "plan");
  std::string text;
  const auto add = [&](std::string label, const Json& count) {
    if (!count.is_number_integer()) return;
    std::ranges::replace(label, '_', ' ');
    text += (text.empty() ? "" : ", ") + label + " " + dump(count);
  };
  if (plan.is_object()) {
    add("would be added", planned(plan, "adds"));
    add("would be removed", planned(plan, "removals"));
  } else {
    for (const char* name : {"added", "removed"})
      add(name, part(result, name));
  }
  for (const char* name : {"unmatched", "already_member", "unresolved", "opened", "resolved", "unchanged"})
    add(name, part(result, name));
  if (!plan.is_object()) add("failed", part(result, "failed"));
  return text;
}

/// Lines such as "unresolved  ada@contoso.com: address_not_found", by reason, each reason's cure under its
/// own.
void print_problems(Output& output, const std::string& label, const Json& list, const char* who, long total) {
  if (!list.is_array() || list.empty()) return;
  std::vector<std::string> codes;  // in the order in which they come
  const std::size_t shown = std::min(list.size(), shown_max);
  for (std::size_t i = 0; i < shown; ++i)
    if (const auto code = text_of(list[i], "code"); std::ranges::find(codes, code) == codes.end())
      codes.push_back(code);
  for (const auto& code : codes) {
    for (std::size_t i = 0; i < shown; ++i) {
      if (text_of(list[i], "code") != code) continue;
      const std::string message = text_of(list[i], "message");
      output.line(label + "  " + text_of(list[i], who) + ": " +
                  (message.empty() ? code : message + " (" + code + ")"));
    }
    const auto cure = cure_for(code);
    if (!cure.empty()) output.line("  what to do: " + std::string(cure));
  }
  if (total > static_cast<long>(shown))
    output.line("  and " + std::to_string(total - static_cast<long>(shown)) +
                " more: the first of them are in --json");
}

/// Of looks at linked groups.
void print_looks(Output& output, const Json& result) {
  std::string counts;
  if (const Json& states = part(result, "states"); states.is_object())
    for (const auto& [state, count] : states.items())
      counts += (counts.empty() ? "" : ", ") + state + " " + dump(count);
  if (!counts.empty()) output.line(counts);
  if (const auto state = text_of(result, "state"); !state.empty()) {
    const std::string message = text_of(result, "message");
    output.line(output.coloured_state(state) + (message.empty() ? "" : ": " + message));
    const auto cure = cure_for(text_of(result, "reason"));
    if (!cure.empty()) output.line("  what to do: " + std::string(cure));
  }
  if (part(result, "guarded") == true)
    output.line("so many groups are not found that no link is removed\n  what to do: " +
                std::string(cure_for("guard_group_absence")));
  if (const Json& again = part(result, "looked_at_again"); again.is_number_integer() && again != 0)
    output.line("what is not found is looked at again later, before its link is removed");
  if (part(result, "restored") == true) output.line("the group was restored");
  if (const Json& linked = part(result, "linked"); linked.is_boolean())
    output.line(linked == true ? "linked to group " + text_of(result, "group_id")
                               : "nothing changed: the group is linked already");
}

/// Of what token-renewal saw to: grants by what became of them, or the subscription.
void print_renewals(Output& output, const Json& result) {
  if (part(result, "given_up").is_boolean()) {
    std::string numbers;
    for (const char* name : {"renewed", "postponed", "reconnect", "refused", "unreadable"})
      numbers += (numbers.empty() ? "" : ", ") + std::string(name) + " " + dump(part(result, name));
    output.line(numbers);
    if (part(result, "given_up") == true) output.line("Entra ID kept failing: the next run goes on");
  }
  if (part(result, "wanted") == false)
    output.line("no subscription is wanted: ROLLCALL_GRAPH_CLIENT_STATE is not set for token-renewal");
  if (const auto expires_at = text_of(result, "expires_at"); !expires_at.empty())
    output.line("subscription " + text_of(result, "subscription_id") + " until " + expires_at);
}

using Names = std::map<std::string, std::string>;

/// Addresses by object id, as roster and resolution know them; who is on neither has none.
Names names_of(Context& context, const Uuid& organization, const std::vector<Uuid>& members) {
  Names names;
  for (const auto& row : context.database().query(
           "SELECT i.object_id, i.address FROM sync.identities i JOIN directory.organizations o"
           " ON o.tenant_id = i.tenant_id WHERE o.id = $1::uuid AND i.object_id = ANY($2::uuid[])"
           " UNION ALL SELECT object_id, email FROM directory.members"
           " WHERE organization_id = $1::uuid AND object_id = ANY($2::uuid[])",
           {postgres::value(organization), postgres::array(members)}))
    names[row.text(0)] = row.text(1);
  return names;
}

struct Change {
  const char* sign;
  std::string member;
};

std::vector<Change> changes_of(const Json& document) {
  std::vector<Change> changes;
  for (const auto& [list, sign] : {std::pair{"adds", "+ "}, {"removals", "- "}, {"unmatched", "? "}})
    if (const Json& found = part(document, list); found.is_array())
      for (const auto& member : found)
        changes.push_back({sign, member.is_string() ? member.get<std::string>() : dump(member)});
  return changes;
}

}  // namespace

Json error_json(const std::string& code, const std::string& message) {
  return {{"code", code}, {"message", message}, {"cure", cure_for(code)}};
}

void print_result(Output& output, const Json& result) {
  if (!result.is_object()) return;
  const std::string numbers = counts(result);
  if (!numbers.empty()) output.line(numbers);
  const auto number = [&](const char* name) {
    const Json& found = part(result, name);
    return found.is_number_integer() ? found.get<long>() : 0L;
  };
  print_problems(output, "unresolved", part(part(result, "unresolved_addresses"), "first"), "address",
                 number("unresolved"));
  print_problems(output, "failed", part(result, "failures"), "member", number("failed"));
  print_looks(output, result);
  const Json& unread = part(result, "unread");
  print_problems(output, "not read", unread, "source",
                 unread.is_array() ? static_cast<long>(unread.size()) : 0L);
  print_renewals(output, result);
}

void print_plan(Context& context, const Uuid& organization, const Json& document, std::size_t most,
                const std::string& rest) {
  auto& output = context.output;
  if (!document.is_object() || output.json()) return;
  const auto changes = changes_of(document);
  if (changes.empty()) return output.line("no drift: the group is as the roster says");
  const std::size_t shown = std::min(changes.size(), most);
  std::vector<Uuid> members;
  for (std::size_t i = 0; i < shown; ++i)
    if (const auto id = Uuid::parse(changes[i].member)) members.push_back(*id);
  const Names names = names_of(context, organization, members);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto name = names.find(changes[i].member);
    output.line(changes[i].sign + printable(changes[i].member) +
                (name == names.end() ? "" : "  " + printable(name->second)));
  }
  if (shown < changes.size())
    output.line("  and " + std::to_string(changes.size() - shown) + " more: " + rest);
  output.line("(+ would be added, - would be removed, ? in the group but not on the roster)");
}

}  // namespace rollcall::cli
