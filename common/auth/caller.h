#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::auth {

/// Who is calling, from a verified token. A person is (tenant_id, object_id): never an address or a name,
/// which others may come to have.
struct Caller {
  std::string tenant_id;            ///< tid, lower-case GUID
  std::string object_id;            ///< oid, lower-case GUID; the service principal's where `application`
  std::string client_id;            ///< azp or appid: the program that calls, lower-case GUID
  bool application = false;         ///< the program itself (idtyp=app), not a person
  std::vector<std::string> scopes;  ///< scp; empty for an application
  std::vector<std::string> roles;   ///< app roles, of the person or of the application
  /// upn and preferred_username, as far as the token has them: to compare with what the caller says of
  /// itself, never to decide by.
  std::vector<std::string> names = {};
  bool for_copilot = false;  ///< the token is for Copilot's application, not for the API's
  std::chrono::system_clock::time_point expires_at;

  /// Exact, case-sensitive.
  [[nodiscard]] bool has_role(std::string_view role) const;
  [[nodiscard]] bool has_scope(std::string_view scope) const;
  /// "<tid>/<oid>", what ops.runs.caller_identity records.
  [[nodiscard]] std::string identity() const;

  bool operator==(const Caller&) const = default;
};

}  // namespace rollcall::auth
