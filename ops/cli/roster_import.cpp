#include "ops/cli/roster_import.h"

#include "ops/cli/context.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_map>

namespace rollcall::cli {
namespace {

enum Column : std::size_t { email, display_name, role, object_id, column_count };
constexpr std::array<std::string_view, column_count> column_names = {"email", "display_name", "role",
                                                                     "object_id"};

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::string lower(std::string text) {
  for (char& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// Text from the file as a mistake quotes it: enough to find it by.
std::string in_quotes(const std::string& text) {
  constexpr std::size_t most = 60;
  std::size_t end = std::min(text.size(), most);
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;  // not within a character
  return "'" + text.substr(0, end) + (end < text.size() ? "…'" : "'");
}

/// What is wrong with an address; empty where nothing is. Not RFC 5322 in full: what Entra ID can hold.
std::string address_mistake(const std::string& text) {
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

bool valid_role(const std::string& text) {
  return text.size() <= 64 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

class Reader {
 public:
  explicit Reader(csv::Document document) : document_(std::move(document)) {
    roster_.mistakes = document_.mistakes;
  }

  Roster run() {
    if (document_.records.empty()) {
      if (roster_.mistakes.empty())
        mistake({}, "the file is empty: its first line is email,display_name,role[,object_id]");
      return std::move(roster_);
    }
    if (read_header(document_.records.front()))
      for (std::size_t i = 1; i < document_.records.size(); ++i)
        read_member(document_.records[i]);
    std::ranges::stable_sort(roster_.mistakes, [](const csv::Mistake& a, const csv::Mistake& b) {
      return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
    });
    if (roster_.mistakes.size() > roster_mistakes_max) roster_.mistakes.resize(roster_mistakes_max);
    return std::move(roster_);
  }

 private:
  bool read_header(const csv::Record& header) {
    const std::size_t before = roster_.mistakes.size();
    if (header.size() == 1 && header[0].text.find(';') != std::string::npos) {
      mistake(header[0].at, "fields are separated by semicolons: save the file with commas");
      return false;
    }
    width_ = header.size();
    for (std::size_t i = 0; i < header.size(); ++i) {
      const std::string name = lower(trimmed(header[i].text));
      const auto found = std::ranges::find(column_names, name);
      if (found == column_names.end()) {
        mistake(header[i].at,
                "unknown column " + in_quotes(name) + ": there are email, display_name, role and object_id");
        continue;
      }
      auto& place = places_[static_cast<std::size_t>(found - column_names.begin())];
      if (place) mistake(header[i].at, "column '" + name + "' stands twice");
      place = i;
    }
    for (const Column column : {email, display_name, role})
      if (!places_[column])
        mistake(header[0].at, "column '" + std::string(column_names[column]) + "' is missing");
    roster_.names_object_ids = places_[object_id].has_value();
    return roster_.mistakes.size() == before;
  }

  void read_member(const csv::Record& record) {
    if (record.size() != width_) {
      // A line that the CSV reader gave up on is short for that reason, which is reported already.
      const bool known = std::ranges::any_of(document_.mistakes, [&](const csv::Mistake& m) {
        return m.at.line >= record.front().at.line && m.at.line <= record.back().at.line;
      });
      if (!known)
        mistake(record.front().at, "the line has " + std::to_string(record.size()) + " fields, the header " +
                                       std::to_string(width_));
      return;
    }
    const auto field = [&](Column column) -> const csv::Field& { return record[*places_[column]]; };
    RosterMember member{lower(trimmed(field(email).text)),
                        trimmed(field(display_name).text),
                        lower(trimmed(field(role).text)),
                        {}};
    if (const std::string what = address_mistake(member.email); !what.empty()) {
      mistake(field(email).at, what);
    } else if (const auto [first, inserted] = lines_.emplace(member.email, field(email).at.line); !inserted) {
      mistake(field(email).at,
              "'" + member.email + "' stands already in line " + std::to_string(first->second));
    }
    if (member.display_name.size() > 256)
      mistake(field(display_name).at, "the display name is longer than 256 bytes");
    if (member.display_name.find('\n') != std::string::npos)
      mistake(field(display_name).at, "a line break in the display name");
    if (member.role.empty()) member.role = "member";
    if (!valid_role(member.role))
      mistake(field(role).at,
              "role " + in_quotes(member.role) + " may hold letters, digits, '-' and '_', at most 64");
    if (roster_.names_object_ids) read_object_id(field(object_id), member);
    roster_.members.push_back(std::move(member));
  }

  void read_object_id(const csv::Field& field, RosterMember& member) {
    const std::string text = trimmed(field.text);
    if (text.empty()) return;
    member.object_id = Uuid::parse(text);
    if (!member.object_id) {
      mistake(field.at, "object_id " + in_quotes(text) + " is no GUID");
    } else if (const auto [first, inserted] = objects_.emplace(*member.object_id, field.at.line); !inserted) {
      mistake(field.at, "object_id '" + text + "' stands already in line " + std::to_string(first->second));
    }
  }

  // All are collected, then sorted and cut: the CSV reader's own come first here but not in the file.
  void mistake(csv::Position at, std::string what) {
    if (roster_.mistakes.size() < 2 * roster_mistakes_max) roster_.mistakes.push_back({at, std::move(what)});
  }

  csv::Document document_;
  Roster roster_;
  std::size_t width_ = 0;
  std::array<std::optional<std::size_t>, column_count> places_;
  std::unordered_map<std::string, int> lines_;
  std::unordered_map<Uuid, int> objects_;
};

}  // namespace

Roster read_roster(std::string_view text) {
  return Reader(csv::parse(text, roster_mistakes_max)).run();
}

RosterChange replace_roster(postgres::Transaction& transaction, const Uuid& organization,
                            const Roster& roster) {
  using postgres::array;
  using postgres::value;
  // The row's lock: two imports at once would otherwise each count and version over the other.
  const long version = lock_organization(transaction, organization).roster_version;

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
  change.roster_version = version;
  if (change.any())
    change.roster_version =
        transaction
            .query(
                "UPDATE directory.organizations SET roster_version = roster_version + 1, updated_at = now()"
                " WHERE id = $1::uuid RETURNING roster_version",
                {value(organization)})[0]
            .number(0);
  return change;
}

}  // namespace rollcall::cli
