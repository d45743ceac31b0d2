#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/core/lower.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// The tenant's users and groups. Everything that happens is an entry of one log; a "version" is a length of
/// that log, so that a read can see the tenant as it was a moment ago (eventual consistency) and a delta link
/// is one number.
namespace rollcall::sandbox_graph {

using Version = std::uint64_t;
constexpr Version never = std::numeric_limits<Version>::max();

struct User {
  Uuid id;
  std::string mail;  ///< empty: null
  std::string upn;
  std::string display_name;
  std::string user_type = "Member";
  std::vector<std::string> proxies;
  bool enabled = true;
  bool deleted = false;  ///< softly: memberships stay
  bool purged = false;   ///< for good
  WallTime deleted_at{};
};

enum class GroupKind { microsoft365, security, dynamic, on_premises, mail_security, role_assignable };
std::optional<GroupKind> parse_kind(std::string_view name);

/// One stay of one member: added and removed are versions. Slots are only ever appended, so a page token is a
/// position.
struct Slot {
  Uuid id;
  Version added = 0;
  Version removed = never;
};

/// From this version on the group is there, or is not.
struct Turn {
  Version at;
  bool exists;
};

struct Group {
  Uuid id;
  std::string display_name;
  std::string mail_nickname;
  std::string unique_name;  ///< empty: null
  std::string description;
  std::string visibility = "Private";
  GroupKind kind = GroupKind::security;
  bool forbids_guests = false;
  bool also_security = false;  ///< a Microsoft 365 group with securityEnabled
  std::vector<Slot> slots;
  std::unordered_map<Uuid, std::uint32_t> present;  ///< member → its open slot
  std::vector<Uuid> owners;
  std::vector<std::uint64_t> log;  ///< indices of the directory's log
  std::vector<Turn> turns;         ///< none: seeded, visible at once and always
  WallTime created_at{};
  std::optional<WallTime> deleted_at;
  bool purged = false;  ///< deleted and not restorable
};

enum class Op {
  add,
  remove,
  create_group,
  update_group,
  delete_group,
  restore_group,
  purge_group,
  delete_user,
  restore_user,
  purge_user
};
const char* to_string(Op op);
std::optional<Op> parse_op(std::string_view name);

struct Change {
  Op op;
  Uuid group;
  Uuid member;
  std::string request_id;
  WallTime at;
};

struct Directory {
  std::vector<User> users;
  std::unordered_map<Uuid, std::size_t> user_at;
  std::unordered_multimap<std::string, std::size_t> by_mail, by_upn, by_proxy;  ///< lower case
  std::vector<Uuid> group_order;
  std::unordered_map<Uuid, Group> groups;
  std::vector<Change> log;
  std::vector<Uuid> deleted;  ///< users and groups that can be restored
};

constexpr std::chrono::hours restorable_for{24 * 30};

/// The newest version that reads may see.
Version version_at(const Directory& directory, WallTime time);

/// Whether a read at that version finds the group.
bool exists_at(const Group& group, Version version);

/// Nothing where absent or deleted, as writes see it.
const User* find_user(const Directory& directory, const Uuid& id);
Group* find_group(Directory& directory, const Uuid& id);
/// As a read at that version sees it.
const Group* find_group_at(const Directory& directory, const Uuid& id, Version version);

/// Replaces a user of the same id.
void put_user(Directory& directory, User user);
/// A group with members from the start, without a trace in the log.
Group& put_group(Directory& directory, Group group, const std::vector<Uuid>& members);

struct Stamp {
  std::string request_id;
  WallTime at;
};
/// Writes the log and nothing else.
void record(Directory& directory, Op op, Group* group, const Uuid& member, const Stamp& stamp);
/// Records the change and makes it. `group` and `member` as the operation needs them; what does not fit the
/// present state (no such member, …) is recorded only, so that a log can be replayed as it stands.
void apply(Directory& directory, Op op, Group* group, const Uuid& member, const Stamp& stamp);
/// What was deleted 30 days ago goes for good.
void purge_expired(Directory& directory, WallTime now);
/// Precondition: not a member, and a member, respectively.
void add_member(Directory& directory, Group& group, const Uuid& member, const Stamp& stamp);
void remove_member(Directory& directory, Group& group, const Uuid& member, const Stamp& stamp);

struct MemberPage {
  std::vector<Uuid> ids;
  std::optional<std::size_t> next;  ///< where the following page starts; nothing: this was the last
};
MemberPage members_page(const Group& group, Version version, std::size_t from, std::size_t count);
std::size_t member_count(const Group& group, Version version);

struct MemberChange {
  Uuid id;
  bool present;
};
/// What became of each member touched in versions (from, to], in order of first change.
std::vector<MemberChange> changed_members(const Directory& directory, const Group& group, Version from,
                                          Version to);

}  // namespace rollcall::sandbox_graph
