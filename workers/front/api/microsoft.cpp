#include "workers/front/api/microsoft.h"

#include "common/core/graph_messages.h"
#include "common/core/reasons.h"
#include "common/group_health/store.h"
#include "common/log/log.h"
#include "common/runs/audit.h"
#include "workers/front/adapters/microsoft_store.h"
#include "workers/front/api/area.h"

#include <utility>

namespace rollcall::front {
namespace {

std::string link_to(const Call& call, const std::string& what) {
  return call.public_root + "/api/v1/organizations/" + call.organization.id.to_string() + "/microsoft/" +
         what;
}

void require_unlinked(const directory::Organization& organization) {
  if (organization.group)
    throw Refused({409, "group_already_linked",
                   "The organization has the group " + organization.group->to_string() +
                       "; an organization has one group at most."});
}

Refusal refusal_of(GroupState state, const Uuid& group, const std::string& restorable_until) {
  const std::string name = "The linked group " + group.to_string();
  switch (state) {
    case GroupState::deleted:
      return {404, "group_deleted",
              name + " was deleted in Microsoft 365" +
                  (restorable_until.empty() ? std::string(".")
                                            : "; it can be restored until " + restorable_until + ".")};
    case GroupState::gone:
      return {404, "group_gone",
              name + " no longer exists in Microsoft 365: the organization's link to it has been removed."};
    case GroupState::active:
      // Found by now: a replica lagged behind.
      return {503, "graph_unavailable", name + " could not be read just now.", {}, std::chrono::seconds(5)};
    case GroupState::missing:
      break;
  }
  return {404, "group_not_found",
          name + " is not found in Microsoft 365, and it cannot be told yet whether for good."};
}

class Group {
 public:
  explicit Group(Parts& parts) : parts_(parts) {}

  Response status(const Call& call) {
    const auto& group = call.organization.group;
    Json body = {{"enabled", true},
                 {"linked", group.has_value()},
                 {"group_id", group ? Json(group->to_string()) : Json(nullptr)}};
    for (const char* name :
         {"group_name", "member_count", "group_state", "restorable_until", "last_sync_at", "problem"})
      body[name] = nullptr;
    if (group) describe(call, *group, body);
    const auto health = parts_.database.transact([&](postgres::Transaction& transaction) {
      return group_health::find(transaction, call.organization.id);
    });
    body["health"] = health ? group_health::to_json(*health) : Json(nullptr);
    return json_answer(200, body);
  }

  Response link(const Call& call) {
    const auto group = *Uuid::parse(text_member(call.body, "group_id"));
    auto graph = graph_for(parts_, call);
    if (call.organization.group != group) require_unlinked(call.organization);
    const auto found = graph.group(group);
    if (!found)
      throw Refused({422,
                     "group_not_found",
                     "Microsoft Graph does not know the group " + group.to_string() + ".",
                     {{"/group_id", "names no group"}}});
    if (const auto problem = graph_messages::unmanageable(*found))
      throw Refused({422,
                     problem->code,
                     "The group cannot be linked: " + problem->message + ".",
                     {{"/group_id", problem->message}}});
    store_link(call, group);
    return group_answer(200, graph, *found, call);
  }

  Response create(const Call& call) {
    auto graph = graph_for(parts_, call);
    if (auto made = made_already(call, graph)) return std::move(*made);
    require_unlinked(call.organization);
    NewGroup wanted{.unique_name = {},
                    .display_name = text_member(call.body, "display_name"),
                    .description = text_member(call.body, "description"),
                    .mail_nickname = text_member(call.body, "mail_nickname"),
                    .owners = owners_of(call)};
    const Uuid intent = begin_creation(parts_.database, call.organization.id, call.intent);
    wanted.unique_name = unique_group_name(intent);
    if (wanted.mail_nickname.empty()) wanted.mail_nickname = mail_nickname_for(wanted.display_name, intent);
    try {
      const Json made = graph.create(wanted);
      const auto id = Uuid::parse(text_member(made, "id"));
      if (!id)
        throw Error(Fault::transient, "graph_unavailable", "Microsoft Graph made a group without an id");
      store_creation(call, *id, wanted.unique_name);
      return group_answer(201, graph, made, call);
    } catch (const std::exception&) {
      pause_creation(parts_.database, call.organization.id);
      throw;
    }
  }

  /// The group itself is left as it is. Asked again, there is nothing left to do.
  Response unlink(const Call& call) {
    auto stored = parts_.database.transact([&](postgres::Transaction& transaction) {
      return directory::set_group(transaction, call.organization.id, std::nullopt, call.asker());
    });
    publish_all(std::move(stored));
    return no_content();
  }

  Response details(const Call& call) {
    const Uuid group = linked_group(call);
    auto graph = graph_for(parts_, call);
    if (const auto found = graph.group(group)) return group_answer(200, graph, *found, call);
    throw Refused(examine_absence(parts_, call, graph, group).refusal);
  }

  Response sync(const Call& call) {
    if (!call.organization.group)
      throw Refused({409, "group_not_linked", "The organization has no Microsoft 365 group to be synced."});
    graph_for(parts_, call);
    Json parameters = Json::object();
    if (call.body.is_object() && call.body.value("dry_run", false)) parameters["dry_run"] = true;
    return accept_job(parts_, call,
                      {call.intent, call.organization.tenant_id, "member-sync", "sync-members",
                       call.caller.identity(), call.organization.id, parameters});
  }

 private:
  void publish_all(std::vector<runs::Stored> stored) {
    for (auto& one : stored)
      publish(parts_, std::move(one));
  }

  /// Name, count and health as Graph has them now; where it cannot say, as the last sync saw them, with what
  /// stands in the way.
  void describe(const Call& call, const Uuid& group, Json& body) {
    const auto kept = kept_group(parts_.database, call.organization.id, group);
    if (!kept.display_name.empty()) body["group_name"] = kept.display_name;
    if (kept.member_count) body["member_count"] = *kept.member_count;
    if (kept.synced_at) body["last_sync_at"] = to_rfc3339(*kept.synced_at);
    body["group_state"] = "unknown";
    const auto set_problem = [&](const std::string& code, const std::string& detail) {
      body["problem"] = {{"code", code}, {"detail", detail}, {"cure", std::string(cure_for(code))}};
    };
    try {
      auto graph = graph_for(parts_, call);
      if (const auto found = graph.group(group)) {
        body["group_state"] = to_string(GroupState::active);
        body["group_name"] = text_member(*found, "displayName");
        if (const auto count = graph.member_count(group)) body["member_count"] = *count;
        if (const auto problem = graph_messages::unmanageable(*found))
          set_problem(problem->code, problem->message);
        return;
      }
      const auto absence = examine_absence(parts_, call, graph, group);
      body["group_state"] = to_string(absence.state);
      if (!absence.restorable_until.empty()) body["restorable_until"] = absence.restorable_until;
      set_problem(absence.refusal.code, absence.refusal.detail);
      if (absence.state != GroupState::gone) return;
      body["linked"] = false;
      body["group_id"] = nullptr;
    } catch (const Refused& refused) {
      set_problem(refused.refusal().code, refused.refusal().detail);
    } catch (const Error& error) {
      if (error.fault() != Fault::denied && error.fault() != Fault::throttled &&
          error.code() != "graph_unavailable")
        throw;
      set_problem(error.code(), error.what());
    }
  }

  Response group_answer(int status, MicrosoftGraph& graph, const Json& group, const Call& call) const {
    http_server::Headers headers;
    if (status == 201) headers.emplace_back("Location", link_to(call, "group"));
    const auto id = Uuid::parse(text_member(group, "id"));
    return json_answer(status, group_document(group, id ? graph.member_count(*id) : std::nullopt),
                       std::move(headers));
  }

  void store_link(const Call& call, const Uuid& group) {
    publish_all(directory::transact_link(parts_.database, group, [&](postgres::Transaction& transaction) {
      const auto organization = directory::lock_organization(transaction, call.organization.id);
      if (organization.group != group) require_unlinked(organization);
      return directory::set_group(transaction, organization.id, group, call.asker());
    }));
  }

  void store_creation(const Call& call, const Uuid& group, const std::string& unique_name) {
    publish_all(directory::transact_link(parts_.database, group, [&](postgres::Transaction& transaction) {
      const auto organization = directory::lock_organization(transaction, call.organization.id);
      if (organization.group != group) require_unlinked(organization);
      std::vector<runs::Stored> stored{runs::store_audit(transaction,
                                                         {.tenant_id = organization.tenant_id,
                                                          .actor = call.caller.identity(),
                                                          .action = "group_created",
                                                          .organization_id = organization.id,
                                                          .group_id = group,
                                                          .detail = {{"unique_name", unique_name}}},
                                                         call.now)};
      for (auto& linked : directory::set_group(transaction, organization.id, group, call.asker()))
        stored.push_back(std::move(linked));
      end_creation(transaction, organization.id);
      return stored;
    }));
  }

  /// The answer of a creation that came to its end, but was not heard: the same request, sent again.
  std::optional<Response> made_already(const Call& call, MicrosoftGraph& graph) const {
    if (!call.organization.group || call.request.header("Idempotency-Key").empty()) return std::nullopt;
    const auto made = graph.named(unique_group_name(call.intent));
    if (!made || Uuid::parse(text_member(*made, "id")) != call.organization.group) return std::nullopt;
    return group_answer(201, graph, *made, call);
  }

  /// Those named, else whoever asks: a group without owners could not be changed by anybody.
  static std::vector<Uuid> owners_of(const Call& call) {
    std::vector<Uuid> owners;
    if (const auto named = call.body.find("owners"); named != call.body.end()) {
      for (const auto& owner : *named)
        owners.push_back(*Uuid::parse(owner.get<std::string>()));
    } else if (const auto person = Uuid::parse(call.caller.object_id); person && !call.caller.application) {
      owners.push_back(*person);
    }
    if (owners.empty())
      throw Refused({422,
                     "owners_missing",
                     "The caller is a program, and names no owner for the group.",
                     {{"/owners", "is needed where no person asks"}}});
    return owners;
  }

  Parts& parts_;
};

}  // namespace

MicrosoftGraph graph_for(const Parts& parts, const Call& call) {
  if (parts.graph == nullptr)
    throw Refused({404, "microsoft_disabled", "The Microsoft integration is switched off here."});
  if (call.organization.tenant_id != parts.tenant_id)
    throw Refused({409, "tenant_not_configured",
                   "The organization belongs to the tenant " + call.organization.tenant_id +
                       ", which is not the one that is configured here."});
  return {*parts.graph, call.organization.id};
}

Uuid linked_group(const Call& call) {
  if (call.organization.group) return *call.organization.group;
  throw Refused({404, "group_not_linked", "The organization has no Microsoft 365 group."});
}

namespace {

/// False where so many groups are missing at once that it is rather Graph that does not show them.
bool clear_reference(Parts& parts, const Call& call, const Uuid& group) {
  using group_health::Clearing;
  auto cleared = parts.database.transact([&](postgres::Transaction& transaction) {
    group_health::save(transaction, {{call.organization.id, group, group_health::found_nowhere()}});
    return group_health::clear_reference(transaction, call.organization.id, group, parts.absence,
                                         call.asker());
  });
  for (auto& one : cleared.stored)
    publish(parts, std::move(one));
  if (cleared.outcome == Clearing::cleared)
    log::warn("group_reference_cleared",
              {{"organization_id", call.organization.id.to_string()}, {"group_id", group.to_string()}});
  return cleared.outcome != Clearing::suspicious;
}

}  // namespace

Absence examine_absence(Parts& parts, const Call& call, MicrosoftGraph& graph, const Uuid& group) {
  const auto kept = kept_group(parts.database, call.organization.id, group);
  auto diagnosis = graph.diagnose(group, kept.linked_for);
  if (diagnosis.state == GroupState::gone && !clear_reference(parts, call, group))
    diagnosis.state = GroupState::missing;
  return {diagnosis.state, diagnosis.restorable_until,
          refusal_of(diagnosis.state, group, diagnosis.restorable_until)};
}

Operation microsoft_operation(std::string method, const std::string& path, std::string id,
                              std::string summary) {
  return {.method = std::move(method),
          .path = "/api/v1/organizations/{organization}/microsoft/" + path,
          .id = std::move(id),
          .summary = std::move(summary),
          .access = Access::organization_admin,
          .microsoft = true,
          .tag = "microsoft"};
}

Routes microsoft_routes(Parts& parts) {
  auto group = std::make_shared<Group>(parts);
  auto status = microsoft_operation("GET", "status", "get_microsoft_status",
                                    "Whether a Microsoft 365 group is linked, and how it is.");
  status.answers = {{200, "MicrosoftStatus", "As Microsoft Graph has it now, or as the last sync saw it."}};
  auto link = microsoft_operation("POST", "link-group", "link_microsoft_group",
                                  "Link an existing group by its object id.");
  link.body = "MicrosoftLinkGroup";
  link.answers = {{200, "MicrosoftGroup", "Linked; so it is where it was linked already."}};
  auto create = microsoft_operation("POST", "create-group", "create_microsoft_group",
                                    "Create a private Microsoft 365 group and link it.");
  create.body = "MicrosoftCreateGroup";
  create.answers = {{201, "MicrosoftGroup", "Created and linked."}};
  auto unlink = microsoft_operation("DELETE", "unlink-group", "unlink_microsoft_group",
                                    "Remove the link to the group; the group stays as it is.");
  unlink.answers = {{204, "", "No group is linked."}};
  auto details = microsoft_operation("GET", "group", "get_microsoft_group", "The linked group.");
  details.answers = {{200, "MicrosoftGroup", "The group, as Microsoft Graph has it."}};
  auto sync = microsoft_operation("POST", "sync-members", "sync_microsoft_members",
                                  "Bring the group's members in line with the roster, as a job.");
  sync.body = "MicrosoftSyncMembers";
  sync.body_optional = true;
  sync.answers = {{202, "MicrosoftJob", "Accepted; the job is at Operation-Location."}};
  Routes routes{{status, [group](const Call& call) { return group->status(call); }, {}},
                {link, [group](const Call& call) { return group->link(call); }, {}},
                {create, [group](const Call& call) { return group->create(call); }, {}},
                {unlink, [group](const Call& call) { return group->unlink(call); }, {}},
                {details, [group](const Call& call) { return group->details(call); }, {}},
                {sync, [group](const Call& call) { return group->sync(call); }, {}}};
  for (auto& route : microsoft_member_routes(parts))
    routes.push_back(std::move(route));
  return routes;
}

}  // namespace rollcall::front
