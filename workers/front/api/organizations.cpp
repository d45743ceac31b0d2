#include "workers/front/adapters/organization_store.h"
#include "workers/front/api/area.h"

/// Organizations as their administrators see and change them.
namespace rollcall::front {
namespace {

constexpr const char* tag = "organizations";

Response document_answer(int status, const Json& document, http_server::Headers headers = {}) {
  headers.emplace_back("ETag", entity_tag(document));
  return json_answer(status, document, std::move(headers));
}

Response list(Parts& parts, const Call& call) {
  const auto name = list_name(call, "organizations", {"name"});
  return page_answer(call, name,
                     list_organizations(parts.database, sight_of(call), call.query.text("name"),
                                        position_of(call, name, {ParameterType::text, ParameterType::uuid}),
                                        limit_of(call)));
}

std::string checked_name(const Json& body) {
  std::string name = body.at("name");
  if (const auto what = directory::name_mistake(name); !what.empty()) throw body_mistake("/name", what);
  return name;
}

Response add(Parts& parts, const Call& call) {
  const std::string name = checked_name(call.body);
  Json document;
  auto added = parts.database.transact([&](postgres::Transaction& transaction) {
    auto one =
        directory::add_organization(transaction, call.intent, call.caller.tenant_id, name, call.asker());
    document = organization_document(transaction, one.organization.id);
    return one;
  });
  publish(parts, std::move(added.stored));
  return document_answer(
      201, document,
      {{"Location", call.public_root + "/api/v1/organizations/" + added.organization.id.to_string()}});
}

Response show(Parts& parts, const Call& call) {
  return document_answer(200, parts.database.transact([&](postgres::Transaction& transaction) {
    return organization_document(transaction, call.organization.id);
  }));
}

Response change(Parts& parts, const Call& call) {
  std::vector<runs::Stored> stored;
  const Json document = parts.database.transact([&](postgres::Transaction& transaction) {
    stored.clear();
    const Uuid& id = call.organization.id;
    directory::lock_organization(transaction, id);
    require_match(call, entity_tag(organization_document(transaction, id)));
    if (call.body.contains("name"))
      stored = directory::rename_organization(transaction, id, checked_name(call.body), call.asker());
    if (call.body.contains("removal_policy"))
      for (auto& one :
           directory::set_removal_policy(transaction, id, call.body.at("removal_policy"), call.asker())
               .stored)
        stored.push_back(std::move(one));
    return organization_document(transaction, id);
  });
  publish(parts, std::move(stored));
  return document_answer(200, document);
}

}  // namespace

Routes organizations_routes(Parts& parts) {
  const std::string one = "/api/v1/organizations/{organization}";
  const auto with = [&parts](Response (*handler)(Parts&, const Call&)) {
    return [&parts, handler](const Call& call) { return handler(parts, call); };
  };
  return {
      {{.method = "GET",
        .path = "/api/v1/organizations",
        .id = "list_organizations",
        .summary = "The organizations that the caller administers; for operators, all of the tenant.",
        .query = paged({{.name = "name", .help = "Only those whose name holds this text.", .text_max = 256}}),
        .answers = {{200, "OrganizationPage", "A page, by name."}},
        .tag = tag},
       with(list)},
      {{.method = "POST",
        .path = "/api/v1/organizations",
        .id = "add_organization",
        .summary = "Adds an organization to the caller's tenant.",
        .access = Access::operator_only,
        .body = "NewOrganization",
        .answers = {{201, "Organization", "Added; Location names it."}},
        .tag = tag},
       with(add)},
      {{.method = "GET",
        .path = one,
        .id = "get_organization",
        .summary = "An organization; its ETag is for If-Match.",
        .access = Access::organization_admin,
        .answers = {{200, "Organization", "The organization."}},
        .tag = tag},
       with(show)},
      {{.method = "PATCH",
        .path = one,
        .id = "change_organization",
        .summary = "Changes its name or how removals are handled; what is not given stays.",
        .access = Access::organization_admin,
        .body = "OrganizationChange",
        .answers = {{200, "Organization", "As it is now."}},
        .tag = tag},
       with(change)},
  };
}

}  // namespace rollcall::front
