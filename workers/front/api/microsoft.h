#pragma once
#include "workers/front/adapters/microsoft_graph.h"
#include "workers/front/api/routes.h"

/// What the operations on an organization's Microsoft 365 group share.
namespace rollcall::front {

/// Graph for this call. Throws Refused where the organization is of a tenant that is not configured: in ours
/// its group would be nobody's, or by ill luck somebody else's.
MicrosoftGraph graph_for(const Parts& parts, const Call& call);

/// The group of the organization in the path. Throws Refused (404, group_not_linked).
Uuid linked_group(const Call& call);

/// Why the linked group was not found, and what is done about it: a reference to a group that is confirmed to
/// be gone is cleared, with an audit event; one that was deleted and can be restored is kept.
struct Absence {
  GroupState state = GroupState::missing;
  std::string restorable_until;
  Refusal refusal;
};
Absence examine_absence(Parts& parts, const Call& call, MicrosoftGraph& graph, const Uuid& group);

Operation microsoft_operation(std::string method, const std::string& path, std::string id,
                              std::string summary);

/// Listing, adding and removing members (microsoft_members.cpp).
Routes microsoft_member_routes(Parts& parts);

}  // namespace rollcall::front
