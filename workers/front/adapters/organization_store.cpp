#include "workers/front/adapters/organization_store.h"

#include "common/postgres/columns.h"

namespace rollcall::front {
namespace {

using postgres::or_null;
using postgres::time_of;
using postgres::value;

const std::string select_documents =
    "SELECT o.id, o.name, o.tenant_id, o.microsoft_group, o.removal_policy, o.roster_version, " +
    time_of("o.created_at") + ", " + time_of("o.updated_at") +
    ", (SELECT count(*) FROM directory.members m WHERE m.organization_id = o.id AND m.departed_at IS NULL),"
    " (SELECT count(*) FROM directory.members m WHERE m.organization_id = o.id AND m.departed_at IS NOT NULL),"
    " lower(o.name) FROM directory.organizations o ";

Json document(const postgres::Row& row) {
  return {{"id", row.text(0)},
          {"name", row.text(1)},
          {"tenant_id", row.text(2)},
          {"group", or_null(row, 3)},
          {"removal_policy", row.text(4)},
          {"roster_version", row.number(5)},
          {"created_at", row.text(6)},
          {"updated_at", row.text(7)},
          {"members", row.number(8)},
          {"departed", row.number(9)}};
}

/// For LIKE: what was given stands for itself.
std::string within(const std::string& text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

}  // namespace

Page list_organizations(postgres::Database& database, const Sight& sight, const std::string& name,
                        const Position& position, long limit) {
  auto values = seen_values(sight);
  values.push_back(position.empty() ? postgres::Value() : value(position.at(1)));
  values.push_back(position.empty() ? postgres::Value() : value(position.at(0)));
  values.push_back(value(within(name)));
  values.push_back(value(limit + 1));
  const auto rows = database.query(
      select_documents + "WHERE " + seen_condition("o.id", "o.tenant_id", 1) +
          " AND ($4::uuid IS NULL OR (lower(o.name), o.id) > ($5, $4::uuid)) AND lower(o.name) LIKE lower($6)"
          " ORDER BY lower(o.name), o.id LIMIT $7::bigint",
      values);
  Page page;
  for (const auto& row : rows) {
    if (page.items.size() == static_cast<std::size_t>(limit)) {
      const auto& last = rows[page.items.size() - 1];
      page.next = {last.text(10), last.text(0)};
      break;
    }
    page.items.push_back(document(row));
  }
  return page;
}

Json organization_document(postgres::Transaction& transaction, const Uuid& id) {
  return document(transaction.query(select_documents + "WHERE o.id = $1::uuid", {value(id)}).at(0));
}

Page list_roster(postgres::Transaction& transaction, const Uuid& organization, const Position& position,
                 long limit) {
  const auto rows = transaction.query(
      "SELECT m.email, m.display_name, m.role, coalesce(m.object_id, i.object_id), CASE WHEN m.object_id IS "
      "NOT NULL THEN 'roster' ELSE coalesce(i.state, 'not_yet') END, " +
          time_of("m.joined_at") +
          " FROM directory.members m JOIN directory.organizations o ON o.id = m.organization_id"
          " LEFT JOIN sync.identities i ON i.tenant_id = o.tenant_id AND i.address = m.email"
          " WHERE m.organization_id = $1::uuid AND m.departed_at IS NULL AND m.email > $2"
          " ORDER BY m.email LIMIT $3::bigint",
      {value(organization), value(position.empty() ? "" : position.at(0)), value(limit + 1)});
  Page page;
  for (const auto& row : rows) {
    if (page.items.size() == static_cast<std::size_t>(limit)) {
      page.next = {rows[page.items.size() - 1].text(0)};
      break;
    }
    page.items.push_back({{"email", row.text(0)},
                          {"display_name", row.text(1)},
                          {"role", row.text(2)},
                          {"object_id", or_null(row, 3)},
                          {"resolution", row.text(4)},
                          {"joined_at", row.text(5)}});
  }
  return page;
}

}  // namespace rollcall::front
