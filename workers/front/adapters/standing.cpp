#include "workers/front/adapters/standing.h"

namespace rollcall::front {

std::optional<Found> find_standing(postgres::Database& database, const Uuid& organization,
                                   const auth::Caller& caller) {
  return database.transact([&](postgres::Transaction& transaction) -> std::optional<Found> {
    const auto one = directory::find_organization(transaction, organization);
    if (!one) return std::nullopt;
    Found found{*one, {caller.has_role(operator_role), one->tenant_id == caller.tenant_id, std::nullopt}};
    const auto object = Uuid::parse(caller.object_id);
    if (caller.application || !object) return found;  // a program is on no roster
    const auto rows = transaction.query(
        "SELECT role FROM directory.known_members WHERE organization_id = $1::uuid AND object_id = $2::uuid "
        "ORDER BY administers DESC LIMIT 1",
        {postgres::value(organization), postgres::value(*object)});
    if (!rows.empty()) found.standing.role = rows[0].text(0);
    return found;
  });
}

std::string administered_condition(const std::string& column, int parameter) {
  return column + " IN (SELECT organization_id FROM directory.known_members WHERE object_id = $" +
         std::to_string(parameter) + "::uuid AND tenant_id = $" + std::to_string(parameter + 1) +
         " AND administers)";
}

}  // namespace rollcall::front
