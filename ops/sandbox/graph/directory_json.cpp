#include "ops/sandbox/graph/directory_json.h"

#include <iterator>

namespace rollcall::sandbox_graph {
namespace {

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

bool selects(const std::string& select, std::string_view name) {
  const std::string list = "," + select + ",";
  return list.find("," + std::string(name) + ",") != std::string::npos;
}

void select_only(Json& object, const std::string& select) {
  for (auto it = object.begin(); it != object.end();)
    it = selects(select, it.key()) ? std::next(it) : object.erase(it);
}

bool mail_enabled(GroupKind kind) {
  return kind == GroupKind::microsoft365 || kind == GroupKind::mail_security;
}

}  // namespace

Json user_json(const User& user, const std::string& select) {
  Json out{{"id", user.id.to_string()},
           {"displayName", text_or_null(user.display_name)},
           {"mail", text_or_null(user.mail)},
           {"userPrincipalName", user.upn},
           {"givenName", nullptr},
           {"surname", nullptr},
           {"jobTitle", nullptr},
           {"mobilePhone", nullptr},
           {"officeLocation", nullptr},
           {"preferredLanguage", nullptr},
           {"businessPhones", Json::array()}};
  if (select.empty()) return out;
  out["accountEnabled"] = user.enabled;
  out["userType"] = user.user_type;
  out["otherMails"] = Json::array();
  out["proxyAddresses"] = user.proxies;
  select_only(out, select);
  return out;
}

Json group_json(const Group& group, const std::string& select) {
  Json types = Json::array();
  if (group.kind == GroupKind::microsoft365) types.push_back("Unified");
  if (group.kind == GroupKind::dynamic) types.push_back("DynamicMembership");
  Json out{
      {"id", group.id.to_string()},
      {"displayName", group.display_name},
      {"description", text_or_null(group.description)},
      {"mailNickname", group.mail_nickname},
      {"uniqueName", text_or_null(group.unique_name)},
      {"mail", mail_enabled(group.kind) ? Json(group.mail_nickname + "@contoso.example") : Json(nullptr)},
      {"visibility", group.visibility},
      {"groupTypes", types},
      {"mailEnabled", mail_enabled(group.kind)},
      {"securityEnabled", group.kind != GroupKind::microsoft365 || group.also_security},
      {"onPremisesSyncEnabled", group.kind == GroupKind::on_premises ? Json(true) : Json(nullptr)},
      {"isAssignableToRole", group.kind == GroupKind::role_assignable ? Json(true) : Json(nullptr)},
      {"createdDateTime", to_rfc3339(group.created_at)},
      {"deletedDateTime", group.deleted_at ? Json(to_rfc3339(*group.deleted_at)) : Json(nullptr)}};
  if (!select.empty()) select_only(out, select);
  return out;
}

Json object_json(const Directory& directory, const Uuid& id, const std::string& select) {
  if (const auto at = directory.user_at.find(id); at != directory.user_at.end()) {
    if (select == "id") {  // pages of a large group: by hand, since initializer lists copy
      Json brief;
      brief["@odata.type"] = "#microsoft.graph.user";
      brief["id"] = id.to_string();
      return brief;
    }
    Json out = user_json(directory.users[at->second], select);
    out["@odata.type"] = "#microsoft.graph.user";
    return out;
  }
  const auto group = directory.groups.find(id);
  // An object of a kind the caller may not read: type and id only.
  if (group == directory.groups.end())
    return {{"@odata.type", "#microsoft.graph.device"}, {"id", id.to_string()}};
  Json out = group_json(group->second, select);
  out["@odata.type"] = "#microsoft.graph.group";
  return out;
}

}  // namespace rollcall::sandbox_graph
