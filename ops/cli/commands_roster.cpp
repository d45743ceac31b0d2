#include "ops/cli/commands.h"
#include "ops/cli/roster_import.h"
#include "ops/cli/rows.h"

#include <fstream>
#include <istream>
#include <iterator>

namespace rollcall::cli {
namespace {

constexpr std::size_t file_bytes_max = 256UL * 1024 * 1024;

std::string read_all(std::istream& in) {
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (text.size() > file_bytes_max)
    throw Failure(usage, "roster_too_large", "the roster is larger than 256 MiB");
  return text;
}

std::string read_file(Context& context, const std::string& file) {
  if (file == "-") return read_all(context.in);
  std::ifstream in(file, std::ios::binary);
  // A folder opens and only then fails to read.
  if (!in || (in.peek(), in.bad())) throw Failure(not_found, "file_not_found", "cannot read '" + file + "'");
  in.clear();
  return read_all(in);
}

[[noreturn]] void refuse(const std::string& file, const std::vector<csv::Mistake>& mistakes) {
  Json list = Json::array();
  std::string text = file + " has " + (mistakes.size() >= roster_mistakes_max ? "at least " : "") +
                     std::to_string(mistakes.size()) + (mistakes.size() == 1 ? " mistake" : " mistakes") +
                     "; nothing was changed:";
  for (const auto& mistake : mistakes) {
    list.push_back({{"line", mistake.at.line}, {"column", mistake.at.column}, {"message", mistake.what}});
    text += "\n  line " + std::to_string(mistake.at.line) + ", column " + std::to_string(mistake.at.column) +
            ": " + printable(mistake.what);
  }
  throw Failure(usage, "roster_invalid", text, {}, {{"mistakes", list}});
}

}  // namespace

int roster_import(Context& context, const Arguments& arguments) {
  const RosterFile file = read_roster(read_file(context, arguments.file));
  if (!file.mistakes.empty())
    refuse(arguments.file == "-" ? "standard input" : arguments.file, file.mistakes);
  const Organization organization = context.organization(arguments.organization);
  auto change = context.database().transact([&](postgres::Transaction& transaction) {
    return directory::replace_roster(transaction, organization.id, file.roster, {actor, context.now()});
  });
  context.publish(std::move(change.stored));
  context.output.document({{"added", change.added},
                           {"changed", change.changed},
                           {"departed", change.departed},
                           {"unchanged", change.unchanged},
                           {"roster_version", change.roster_version}});
  const std::string version = " (roster version " + std::to_string(change.roster_version) + ")";
  context.output.line(
      change.any() ? "added " + std::to_string(change.added) + ", changed " + std::to_string(change.changed) +
                         ", departed " + std::to_string(change.departed) + ", unchanged " +
                         std::to_string(change.unchanged) + version
                   : "nothing changed: " + std::to_string(change.unchanged) + " people" + version);
  if (file.roster.members.empty())
    context.output.note(
        "note: the roster is empty now; a sync will ask for approval before it removes anyone.");
  return done;
}

int roster_show(Context& context, const Arguments& arguments) {
  const Organization organization = context.organization(arguments.organization);
  // With what resolution made of each address, since that is what one looks for here.
  const auto rows = context.database().query(
      "SELECT m.email, m.display_name, m.role, coalesce(m.object_id, i.object_id),"
      " CASE WHEN m.object_id IS NOT NULL THEN 'roster' ELSE coalesce(i.state, 'not yet') END"
      " FROM directory.members m LEFT JOIN sync.identities i ON i.tenant_id = $2 AND i.address = m.email"
      " WHERE m.organization_id = $1::uuid AND m.departed_at IS NULL ORDER BY m.email",
      {postgres::value(organization.id), postgres::value(organization.tenant_id)});
  Json people = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& row : rows) {
    people.push_back({{"email", row.text(0)},
                      {"display_name", row.text(1)},
                      {"role", row.text(2)},
                      {"object_id", or_null(row, 3)},
                      {"resolution", row.text(4)}});
    table.push_back({row.text(0), printable(row.text(1)), row.text(2), or_dash(row, 3), row.text(4)});
  }
  context.output.document({{"organization_id", organization.id.to_string()},
                           {"roster_version", organization.roster_version},
                           {"members", people}});
  context.output.table(
      {"EMAIL", "NAME", "ROLE", "OBJECT ID", "RESOLVED"}, table,
      "The roster is empty. Import one: rollcall roster import " + organization.id.to_string() + " FILE");
  return done;
}

}  // namespace rollcall::cli
