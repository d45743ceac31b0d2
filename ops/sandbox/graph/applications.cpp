#include "ops/sandbox/graph/graph_api.h"
#include "ops/sandbox/graph/identity.h"

#include <algorithm>

/// The app's own registration (application-get).
namespace rollcall::sandbox_graph {

Answer get_application(State& state, const Call& call, WallTime) {
  const auto& permissions = state.application.permissions;
  if (std::ranges::find(permissions, "Application.Read.All") == permissions.end())
    return fail(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
  const std::string& client = call.segments.at(1);
  if (client != client_id(state)) return not_found(client);
  const Json whole = {{"appId", client},
                      {"passwordCredentials", state.application.secrets},
                      {"keyCredentials", state.application.certificates}};
  Answer answer{200, {{"@odata.context", call.base + "$metadata#applications/$entity"}}, {}};
  const std::string select = call.option("$select");
  for (const auto& [name, value] : whole.items())
    if (select.empty() || ("," + select + ",").find("," + name + ",") != std::string::npos)
      answer.body[name] = value;
  return answer;
}

}  // namespace rollcall::sandbox_graph
