#include "common/directory/roster_builder.h"
#include "workers/front/adapters/organization_store.h"
#include "workers/front/api/area.h"

#include <array>

/// Rosters: who should be in an organization's group.
namespace rollcall::front {
namespace {

using directory::RosterField;

constexpr const char* tag = "rosters";
constexpr std::size_t mistakes_max = 20;
constexpr std::size_t roster_bytes_max = std::size_t{64} * 1024 * 1024;
constexpr std::array<const char*, 4> members_of_json{"email", "display_name", "role", "object_id"};

std::string version_tag(long roster_version) {
  return '"' + std::to_string(roster_version) + '"';
}

/// Locks the organization, and lets on only who knows the roster as it is.
void begin_change(postgres::Transaction& transaction, const Call& call) {
  const auto locked = directory::lock_organization(transaction, call.organization.id);
  require_match(call, version_tag(locked.roster_version));
}

directory::RosterBuilder::Text text_of(const Json& member, std::string email) {
  // Null and absent are the same: nothing was given.
  const auto text = [&](const char* name) {
    const auto found = member.find(name);
    return found == member.end() || found->is_null() ? std::string() : found->get<std::string>();
  };
  return {std::move(email), text("display_name"), text("role"), text("object_id")};
}

Refused roster_refusal(std::vector<Refusal::Field> mistakes) {
  Refusal refusal{400, "roster_invalid",
                  "The roster has mistakes; nothing was changed. " + mistakes[0].pointer + ": " +
                      mistakes[0].detail + "."};
  refusal.errors = std::move(mistakes);
  return Refused(std::move(refusal));
}

directory::Roster roster_of(const Json& members) {
  directory::RosterBuilder builder;
  std::vector<Refusal::Field> mistakes;
  for (std::size_t i = 0; i < members.size() && mistakes.size() < mistakes_max; ++i) {
    const Json& member = members[i];
    // As in a file that has the column: then it says of everyone whether there is an id.
    if (member.contains("object_id")) builder.names_object_ids = true;
    const std::string place = "/members/" + std::to_string(i);
    for (auto& [field, what] : builder.add(text_of(member, member.at("email")), place))
      mistakes.push_back(
          {place + "/" + members_of_json.at(static_cast<std::size_t>(field)), std::move(what)});
  }
  if (!mistakes.empty()) throw roster_refusal(std::move(mistakes));
  return builder.take();
}

Response show(Parts& parts, const Call& call) {
  const auto list = list_name(call, "roster " + call.organization.id.to_string());
  const auto position = position_of(call, list, {ParameterType::text});
  long version = 0;
  auto response = page_answer(call, list, parts.database.transact([&](postgres::Transaction& transaction) {
    version = directory::find_organization(transaction, call.organization.id)
                  .value_or(call.organization)
                  .roster_version;
    return list_roster(transaction, call.organization.id, position, limit_of(call));
  }));
  response.headers.emplace_back("ETag", version_tag(version));
  return response;
}

Response replace(Parts& parts, const Call& call) {
  const auto roster = roster_of(call.body.at("members"));
  auto change = parts.database.transact([&](postgres::Transaction& transaction) {
    begin_change(transaction, call);
    auto made = directory::replace_roster(transaction, call.organization.id, roster, call.asker());
    if (made.any())
      made.stored.push_back(
          directory::announce_roster(transaction, call.organization.id, made.roster_version, call.now));
    return made;
  });
  publish(parts, std::move(change.stored));
  return json_answer(200,
                     {{"added", change.added},
                      {"changed", change.changed},
                      {"departed", change.departed},
                      {"unchanged", change.unchanged},
                      {"roster_version", change.roster_version}},
                     {{"ETag", version_tag(change.roster_version)}});
}

std::string email_of(const Call& call) {
  std::string email = directory::trimmed_lower(call.path.at("email"));
  if (const auto what = directory::email_mistake(email); !what.empty()) throw path_mistake("email", what);
  return email;
}

Response member_answer(int status, const directory::MemberChanged& changed) {
  const auto& member = changed.member;
  return json_answer(status,
                     {{"email", member.email},
                      {"display_name", member.display_name},
                      {"role", member.role},
                      {"object_id", member.object_id ? Json(member.object_id->to_string()) : Json(nullptr)},
                      {"roster_version", changed.roster_version}},
                     {{"ETag", version_tag(changed.roster_version)}});
}

Response put_one(Parts& parts, const Call& call) {
  directory::RosterBuilder builder;
  std::vector<Refusal::Field> mistakes;
  for (auto& [field, what] : builder.add(text_of(call.body, email_of(call)), "the body"))
    mistakes.push_back(
        {std::string("/") + members_of_json.at(static_cast<std::size_t>(field)), std::move(what)});
  if (!mistakes.empty()) throw roster_refusal(std::move(mistakes));
  const directory::MemberChange change{builder.take().members.at(0), call.body.contains("object_id")};
  auto changed = parts.database.transact([&](postgres::Transaction& transaction) {
    begin_change(transaction, call);
    return directory::put_member(transaction, call.organization.id, change, call.asker());
  });
  publish(parts, std::move(changed.stored));
  return member_answer(changed.added ? 201 : 200, changed);
}

Response remove_one(Parts& parts, const Call& call) {
  const std::string email = email_of(call);
  auto changed = parts.database.transact([&](postgres::Transaction& transaction) {
    begin_change(transaction, call);
    return directory::depart_member(transaction, call.organization.id, email, call.asker());
  });
  publish(parts, std::move(changed.stored));
  auto response = no_content();
  response.headers.emplace_back("ETag", version_tag(changed.roster_version));
  return response;
}

}  // namespace

Routes rosters_routes(Parts& parts) {
  const std::string roster = "/api/v1/organizations/{organization}/roster";
  const auto with = [&parts](Response (*handler)(Parts&, const Call&)) {
    return [&parts, handler](const Call& call) { return handler(parts, call); };
  };
  return {
      {{.method = "GET",
        .path = roster,
        .id = "list_roster",
        .summary = "Who should be in the group, by email; the ETag is the roster's version.",
        .access = Access::organization_admin,
        .query = paged(),
        .answers = {{200, "RosterPage", "A page of people."}},
        .tag = tag},
       with(show)},
      {{.method = "PUT",
        .path = roster,
        .id = "replace_roster",
        .summary = "Makes the body the whole roster; people not named have departed. A sync follows.",
        .access = Access::organization_admin,
        .body = "Roster",
        .answers = {{200, "RosterChange", "What that changed."}},
        .tag = tag,
        .body_bytes_max = roster_bytes_max},
       with(replace)},
      {{.method = "PUT",
        .path = roster + "/members/{email}",
        .id = "put_roster_member",
        .summary = "Adds one person to the roster, or changes what it says of them. A sync follows.",
        .access = Access::organization_admin,
        .body = "RosterMemberChange",
        .answers = {{200, "RosterMember", "As it stands now."}, {201, "RosterMember", "Added."}},
        .tag = tag},
       with(put_one)},
      {{.method = "DELETE",
        .path = roster + "/members/{email}",
        .id = "remove_roster_member",
        .summary = "Takes one person off the roster: departed. A sync follows.",
        .access = Access::organization_admin,
        .answers = {{204, "", "Departed, now or before."}},
        .tag = tag},
       with(remove_one)},
  };
}

}  // namespace rollcall::front
