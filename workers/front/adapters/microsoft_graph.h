#pragma once
#include "common/graph/client.h"
#include "workers/front/core/microsoft.h"

#include <optional>
#include <string>
#include <vector>

/// Groups and members in Microsoft Graph, for people who wait for the answer: patience of a few seconds, then
/// an Error or Refused that tells the reader what to do. All of them throw
///   Error{throttled | transient} – asked to pause, or away: 503 with Retry-After
///   Error{denied} – not permitted, with a fresh token too: graph_not_permitted, naming the permission
///   Refused{422} – Graph will not, for a reason of its own
namespace rollcall::front {

struct NewGroup {
  std::string unique_name, display_name, description, mail_nickname;
  std::vector<Uuid> owners;  ///< 1 to 20
};

struct MembersPage {
  std::vector<Json> members;
  std::string next;  ///< position of the next page (members_position); empty: this is the last
};

/// How a change of one member ended, with Graph's request id for the audit trail.
struct MemberChanged {
  MemberOutcome outcome = MemberOutcome::done;
  std::string request_id;
};

class MicrosoftGraph {
 public:
  /// `organization`: whom the calls serve, for their turn in the line for the quota.
  MicrosoftGraph(graph::Client& client, const Uuid& organization);

  /// The group's properties; nothing where it is not found.
  std::optional<Json> group(const Uuid& group);
  /// Direct members of every kind, by Graph's index; nothing where it cannot say.
  std::optional<long> member_count(const Uuid& group);
  /// What became of a group that was not found: two looks, a moment apart, also among what was deleted.
  struct Diagnosis {
    GroupState state = GroupState::missing;
    std::string restorable_until;  ///< deleted
  };
  Diagnosis diagnose(const Uuid& group, std::chrono::seconds linked_for);

  /// Makes the group, or finds the one that an earlier call with the same unique_name made. Also throws
  /// Refused: 409 mail_nickname_taken, 422 owner_not_found.
  Json create(const NewGroup& group);
  /// The group that was made under that name; nothing where there is none.
  std::optional<Json> named(const std::string& unique_name);

  /// Nothing where the group is not found. Throws Refused (400, cursor_invalid) where Graph does not take
  /// `path`.
  std::optional<MembersPage> members(const Uuid& group, const std::string& path, bool by_cursor);
  MemberChanged add(const Uuid& group, const Uuid& member);
  MemberChanged remove(const Uuid& group, const Uuid& member);
  /// The account with this address. Throws Refused (422): address_not_found, address_ambiguous.
  Uuid account_of(const std::string& email);

 private:
  [[nodiscard]] graph::Response read(const std::string& path, http_client::Headers headers = {});
  [[nodiscard]] graph::Response write(const graph::Request& request);
  GroupLook look(const Uuid& group, std::string& deleted_at);
  [[nodiscard]] std::string reference_to(const Uuid& object) const;
  template <class Judge>
  MemberChanged change(const graph::Request& request, Judge judge);

  graph::Client& client_;
  graph::CallContext reading_, writing_;
};

}  // namespace rollcall::front
