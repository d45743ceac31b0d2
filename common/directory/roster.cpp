#include "common/directory/roster.h"

#include "common/runs/audit.h"

#include <algorithm>
#include <string_view>

namespace rollcall::directory {

std::string in_quotes(const std::string& text) {
  constexpr std::size_t most = 60;
  std::size_t end = std::min(text.size(), most);
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;  // not within a character
  return "'" + text.substr(0, end) + (end < text.size() ? "…'" : "'");
}

// Not RFC 5322 in full: what Entra ID can hold.
std::string email_mistake(const std::string& text) {
  if (text.empty()) return "the email is missing";
  if (text.size() > 254) return "the email is longer than 254 characters";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) return in_quotes(text) + " has letters that addresses in Entra ID cannot have";
    if (byte <= 0x20 || byte == 0x7F || std::string_view("\"(),:;<>[]\\").find(c) != std::string_view::npos)
      return in_quotes(text) + " is no email address";
  }
  const auto at = text.find('@');
  if (at == std::string::npos || at == 0 || at + 1 == text.size() ||
      text.find('@', at + 1) != std::string::npos)
    return in_quotes(text) + " is no email address";
  return {};
}

std::string role_mistake(const std::string& role) {
  const bool valid = role.size() <= 64 && std::ranges::all_of(role, [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
                     });
  return valid ? "" : "role " + in_quotes(role) + " may hold letters, digits, '-' and '_', at most 64";
}

std::string display_name_mistake(const std::string& name) {
  if (name.size() > 256) return "the display name is longer than 256 bytes";
  if (name.find('\n') != std::string::npos) return "a line break in the display name";
  if (name.find('\0') != std::string::npos) return "a NUL character in the display name";
  return {};
}

RosterChange replace_roster(postgres::Transaction& transaction, const Uuid& organization,
                            const Roster& roster, const Asker& asker) {
  using postgres::array;
  using postgres::value;
  // The row's lock: two imports at once would otherwise each count and version over the other.
  const Organization locked = lock_organization(transaction, organization);

  std::vector<std::string> emails, names, roles;
  std::vector<postgres::Value> objects;
  for (const auto& member : roster.members) {
    emails.push_back(member.email);
    names.push_back(member.display_name);
    roles.push_back(member.role);
    objects.push_back(value(member.object_id));
  }
  transaction.execute(
      "CREATE TEMP TABLE incoming (email text PRIMARY KEY, display_name text, role text, object_id uuid) ON "
      "COMMIT DROP");
  transaction.execute(
      "INSERT INTO incoming SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[])",
      {array(emails), array(names), array(roles), array(objects)});
  // Neither table has statistics yet on a first import; a nested loop over 200,000 rows would not come back.
  transaction.execute("SET LOCAL enable_nestloop = off");

  RosterChange change;
  change.added = transaction.execute(
      "UPDATE directory.members m SET departed_at = NULL, joined_at = now(), display_name = i.display_name, "
      "role = i.role,"
      " object_id = CASE WHEN $2::boolean THEN i.object_id ELSE m.object_id END"
      " FROM incoming i WHERE m.organization_id = $1::uuid AND m.email = i.email AND m.departed_at IS NOT "
      "NULL",
      {value(organization), value(roster.names_object_ids)});
  // A file without the column says nothing about object ids: those known stay.
  change.changed = transaction.execute(
      "UPDATE directory.members m SET display_name = i.display_name, role = i.role,"
      " object_id = CASE WHEN $2::boolean THEN i.object_id ELSE m.object_id END"
      " FROM incoming i WHERE m.organization_id = $1::uuid AND m.email = i.email AND (m.display_name, "
      "m.role, m.object_id)"
      " IS DISTINCT FROM (i.display_name, i.role, CASE WHEN $2::boolean THEN i.object_id ELSE m.object_id "
      "END)",
      {value(organization), value(roster.names_object_ids)});
  change.added += transaction.execute(
      "INSERT INTO directory.members (organization_id, email, display_name, role, object_id)"
      " SELECT $1::uuid, email, display_name, role, object_id FROM incoming ON CONFLICT DO NOTHING",
      {value(organization)});
  change.departed = transaction.execute(
      "UPDATE directory.members m SET departed_at = now() WHERE m.organization_id = $1::uuid AND "
      "m.departed_at IS NULL"
      " AND NOT EXISTS (SELECT FROM incoming i WHERE i.email = m.email)",
      {value(organization)});
  change.unchanged = static_cast<long>(roster.members.size()) - change.added - change.changed;
  change.roster_version = locked.roster_version;
  if (!change.any()) return change;
  change.roster_version =
      transaction
          .query(
              "UPDATE directory.organizations SET roster_version = roster_version + 1, updated_at = now()"
              " WHERE id = $1::uuid RETURNING roster_version",
              {value(organization)})[0]
          .number(0);
  change.stored.push_back(runs::store_audit(transaction,
                                            {locked.tenant_id,
                                             asker.actor,
                                             "roster_imported",
                                             locked.id,
                                             locked.group,
                                             {{"added", change.added},
                                              {"changed", change.changed},
                                              {"departed", change.departed},
                                              {"roster_version", change.roster_version}}},
                                            asker.now));
  return change;
}

}  // namespace rollcall::directory
