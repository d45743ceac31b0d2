#include "common/directory/roster_builder.h"

#include "common/core/lower.h"

namespace rollcall::directory {

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::string trimmed_lower(std::string_view text) {
  return lower(trimmed(text));
}

std::vector<RosterBuilder::Mistake> RosterBuilder::add(const Text& text, const std::string& place) {
  std::vector<Mistake> mistakes;
  const auto mistake = [&](RosterField field, std::string what) {
    mistakes.push_back({field, std::move(what)});
  };
  const std::size_t index = roster_.members.size();
  RosterMember member{trimmed_lower(text.email), trimmed(text.display_name), trimmed_lower(text.role), {}};
  if (std::string what = email_mistake(member.email); !what.empty()) {
    mistake(RosterField::email, std::move(what));
  } else if (const auto [first, inserted] = emails_.emplace(member.email, index); !inserted) {
    mistake(RosterField::email, "'" + member.email + "' stands already in " + places_[first->second]);
  }
  if (std::string what = display_name_mistake(member.display_name); !what.empty())
    mistake(RosterField::display_name, std::move(what));
  if (member.role.empty()) member.role = "member";
  if (std::string what = role_mistake(member.role); !what.empty())
    mistake(RosterField::role, std::move(what));
  if (const std::string id = trimmed(text.object_id); !id.empty()) {
    member.object_id = Uuid::parse(id);
    if (!member.object_id) {
      mistake(RosterField::object_id, "object_id " + in_quotes(id) + " is no GUID");
    } else if (const auto [first, inserted] = objects_.emplace(*member.object_id, index); !inserted) {
      mistake(RosterField::object_id, "object_id '" + id + "' stands already in " + places_[first->second]);
    }
  }
  places_.push_back(place);
  roster_.members.push_back(std::move(member));
  roster_.names_object_ids = names_object_ids;
  return mistakes;
}

}  // namespace rollcall::directory
