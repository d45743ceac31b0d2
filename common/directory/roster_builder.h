#pragma once
#include "common/directory/roster.h"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rollcall::directory {

enum class RosterField { email, display_name, role, object_id };

/// Makes a roster of what came as text, a CSV file's or a request's: trims, lowers, fills in, and tells what is
/// wrong. Pure.
class RosterBuilder {
 public:
  struct Mistake {
    RosterField field;
    std::string what;
    bool operator==(const Mistake&) const = default;
  };
  struct Text {
    std::string email, display_name, role, object_id;  ///< empty: none given
  };
  /// What is wrong with this member, by itself or beside those before. `place`: how a message calls where it
  /// stands, "line 3".
  std::vector<Mistake> add(const Text& text, const std::string& place);
  /// Means nothing where a mistake was told.
  Roster take() { return std::move(roster_); }

  bool names_object_ids = false;  ///< what take() is to say of that

 private:
  Roster roster_;
  std::vector<std::string> places_;
  std::unordered_map<std::string, std::size_t> emails_;
  std::unordered_map<Uuid, std::size_t> objects_;
};

/// Without blanks around it, in lower case: how addresses and roles are kept.
std::string trimmed_lower(std::string_view text);
std::string trimmed(std::string_view text);

}  // namespace rollcall::directory
