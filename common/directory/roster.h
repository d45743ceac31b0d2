#pragma once
#include "common/directory/organizations.h"

#include <optional>
#include <string>
#include <vector>

/// The roster of an organization: who should be in its group.
namespace rollcall::directory {

struct RosterMember {
  std::string email;  ///< lower case
  std::string display_name;
  std::string role;
  std::optional<Uuid> object_id;
  bool operator==(const RosterMember&) const = default;
};

struct Roster {
  std::vector<RosterMember> members;  ///< each email, and each object id, once
  bool names_object_ids = false;      ///< else those known stay
};

/// What is wrong with one field of a member, in words that quote it; empty where nothing is. Pure.
std::string email_mistake(const std::string& email);
std::string display_name_mistake(const std::string& name);
std::string role_mistake(const std::string& role);
/// Text from outside as a message quotes it: enough to find it by.
std::string in_quotes(const std::string& text);

struct RosterChange {
  long added = 0, changed = 0, departed = 0, unchanged = 0, roster_version = 0;
  std::vector<runs::Stored> stored;  ///< the audit event; none where nothing changed
  [[nodiscard]] bool any() const { return added + changed + departed > 0; }
};

/// Makes `roster` the whole roster of an organization, in the caller's transaction. People not named get
/// departed_at; returning ones count as added. The version rises only where something changed.
RosterChange replace_roster(postgres::Transaction& transaction, const Uuid& organization,
                            const Roster& roster, const Asker& asker);

/// One person of a roster, as a change by hand gives it.
struct MemberChange {
  RosterMember member;
  bool names_object_id = false;  ///< else the one known stays
};
struct MemberChanged {
  bool added = false;  ///< came, or came back
  bool changed = false;
  RosterMember member;  ///< as it stands now
  long roster_version = 0;
  std::vector<runs::Stored> stored;  ///< as of RosterChange
};
/// Adds one person or changes what is known of them. Throws Error{conflict, "object_id_taken"} where someone
/// else on the roster has that object id.
MemberChanged put_member(postgres::Transaction& transaction, const Uuid& organization,
                         const MemberChange& change, const Asker& asker);
/// As a roster without them would; nothing changes for one who is departed already. Throws Error{not_found,
/// "roster_member_not_found"} for one who never was on it.
MemberChanged depart_member(postgres::Transaction& transaction, const Uuid& organization,
                            const std::string& email, const Asker& asker);

/// Tells rollcall.roster-events that the roster changed, so that a sync follows.
runs::Stored announce_roster(postgres::Transaction& transaction, const Uuid& organization,
                             long roster_version, WallTime now);

}  // namespace rollcall::directory
