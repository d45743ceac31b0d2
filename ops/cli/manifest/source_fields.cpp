#include "ops/cli/manifest/shape.h"

#include <algorithm>
#include <array>

/// Which keys the sources have, as tables. Names and limits are those of the published schemas (declarative
/// agent 1.8, plugin 2.4, app 1.30) and, where a schema gives no limit, of the pages that describe them; what
/// the generator does not carry has no row.
namespace rollcall::cli::manifest {
namespace {

using std::string_view;

// agent.yaml: the app
constexpr auto developer = std::to_array<Field>({
    {.name = "name", .required = true, .max = 32},
    {.name = "website_url", .required = true, .form = Form::https_url},
    {.name = "privacy_url", .required = true, .form = Form::https_url},
    {.name = "terms_of_use_url", .required = true, .form = Form::https_url},
});
constexpr auto app_name = std::to_array<Field>({
    {.name = "short", .required = true, .max = 30},
    {.name = "full", .required = true, .max = 100},
});
constexpr auto app_description = std::to_array<Field>({
    {.name = "short", .required = true, .max = 80},
    {.name = "full", .required = true, .max = 4'000},
});
constexpr auto icons = std::to_array<Field>({
    {.name = "color", .required = true, .form = Form::package_path},
    {.name = "outline", .required = true, .form = Form::package_path},
});
constexpr auto app = std::to_array<Field>({
    {.name = "id", .required = true, .form = Form::guid},
    {.name = "version", .required = true, .form = Form::version},
    {.name = "developer", .kind = Kind::object, .required = true, .fields = developer},
    {.name = "name", .kind = Kind::object, .required = true, .fields = app_name},
    {.name = "description", .kind = Kind::object, .required = true, .fields = app_description},
    {.name = "icons", .kind = Kind::object, .required = true, .fields = icons},
    {.name = "accent_color", .required = true, .form = Form::colour},
});

// agent.yaml: the declarative agent
constexpr auto disclaimer = std::to_array<Field>({{.name = "text", .required = true, .max = 500}});
constexpr auto dependencies = std::to_array<string_view>({"capabilities"});
constexpr auto depends_on = std::to_array<Field>({
    {.name = "name", .required = true, .choices = dependencies},
    {.name = "id", .required = true},
});
constexpr auto starter = std::to_array<Field>({
    {.name = "title"},
    {.name = "text", .required = true},
    {.name = "depends_on", .kind = Kind::objects, .fields = depends_on},
});
constexpr auto suggestions = std::to_array<Field>({{.name = "disabled", .kind = Kind::flag}});
constexpr auto special_instructions =
    std::to_array<Field>({{.name = "discourage_model_knowledge", .kind = Kind::flag}});
constexpr auto response_modes = std::to_array<string_view>({"Auto", "Quick response", "Think deeper"});
constexpr auto behavior_overrides = std::to_array<Field>({
    {.name = "suggestions", .kind = Kind::object, .fields = suggestions},
    {.name = "special_instructions", .kind = Kind::object, .fields = special_instructions},
    {.name = "default_response_mode", .choices = response_modes},
});
constexpr auto sensitivity_label =
    std::to_array<Field>({{.name = "id", .required = true, .form = Form::guid}});
constexpr auto agent = std::to_array<Field>({
    {.name = "name", .required = true, .max = 100},
    {.name = "description", .required = true, .max = 1'000},
    {.name = "instructions", .required = true, .max = 8'000, .form = Form::unbracketed},
    {.name = "disclaimer", .kind = Kind::object, .fields = disclaimer},
    {.name = "conversation_starters", .kind = Kind::objects, .required = true, .max = 12, .fields = starter},
    {.name = "behavior_overrides", .kind = Kind::object, .fields = behavior_overrides},
    {.name = "sensitivity_label", .kind = Kind::object, .fields = sensitivity_label},
});
constexpr auto agent_file = std::to_array<Field>({
    {.name = "name", .required = true, .max = 64, .form = Form::name},
    {.name = "app", .kind = Kind::object, .required = true, .fields = app},
    {.name = "agent", .kind = Kind::object, .required = true, .fields = agent},
});

// actions.yaml
constexpr auto plugin = std::to_array<Field>({
    {.name = "id", .required = true, .max = 64, .form = Form::unbracketed},
    {.name = "namespace", .required = true, .max = 64, .form = Form::namespace_},
    {.name = "name_for_human", .required = true, .max = 20},
    {.name = "description_for_human", .required = true, .max = 100},
    {.name = "description_for_model", .required = true, .max = 2'048},
    {.name = "contact_email"},
    {.name = "logo_url", .form = Form::https_url},
    {.name = "legal_info_url", .form = Form::https_url},
    {.name = "privacy_policy_url", .form = Form::https_url},
});
constexpr auto auth_types = std::to_array<string_view>({"None", "OAuthPluginVault", "ApiKeyPluginVault"});
constexpr auto auth = std::to_array<Field>({
    {.name = "type", .required = true, .choices = auth_types},
    {.name = "reference_id", .form = Form::reference},
});
constexpr auto data_handling =
    std::to_array<string_view>({"GetPublicData", "GetPrivateData", "DataTransform", "ResourceStateUpdate"});
constexpr auto security_info = std::to_array<Field>(
    {{.name = "data_handling", .kind = Kind::texts, .required = true, .choices = data_handling}});
constexpr auto confirmation = std::to_array<Field>({
    {.name = "title", .required = true},
    {.name = "body", .required = true},
    {.name = "isNonConsequential", .kind = Kind::flag},
});
constexpr auto semantic_properties = std::to_array<Field>({
    {.name = "title", .form = Form::answer_path},
    {.name = "subtitle", .form = Form::answer_path},
    {.name = "url", .form = Form::answer_path},
    {.name = "thumbnail_url", .form = Form::answer_path},
    {.name = "information_protection_label", .form = Form::answer_path},
});
constexpr auto response_semantics = std::to_array<Field>({
    {.name = "data_path", .required = true, .form = Form::answer_path},
    {.name = "properties", .kind = Kind::object, .fields = semantic_properties},
});
constexpr auto state = std::to_array<Field>({
    {.name = "description"},
    {.name = "instructions", .kind = Kind::texts},
    {.name = "examples", .kind = Kind::texts},
});
constexpr auto states = std::to_array<Field>({
    {.name = "reasoning", .kind = Kind::object, .fields = state},
    {.name = "responding", .kind = Kind::object, .fields = state},
});
constexpr auto parameter = std::to_array<Field>({
    {.name = "name", .required = true, .form = Form::name},
    {.name = "description", .required = true},
});
constexpr auto action = std::to_array<Field>({
    {.name = "id", .required = true, .form = Form::name},
    {.name = "description", .required = true},
    {.name = "parameters", .kind = Kind::objects, .fields = parameter},
    {.name = "security_info", .kind = Kind::object, .required = true, .fields = security_info},
    {.name = "confirmation", .kind = Kind::object, .fields = confirmation},
    {.name = "response_semantics", .kind = Kind::object, .fields = response_semantics},
    {.name = "states", .kind = Kind::object, .fields = states},
});
constexpr auto progress_styles =
    std::to_array<string_view>({"None", "ShowUsage", "ShowUsageWithInput", "ShowUsageWithInputAndOutput"});
constexpr auto openapi = std::to_array<Field>({
    {.name = "file", .required = true, .form = Form::source_path},
    {.name = "server_url", .required = true, .form = Form::https_url},
    {.name = "progress_style", .required = true, .choices = progress_styles},
    {.name = "auth", .kind = Kind::object, .required = true, .fields = auth},
    {.name = "actions", .kind = Kind::objects, .required = true, .fields = action},
});
constexpr auto tool = std::to_array<Field>({
    {.name = "id", .required = true, .form = Form::name},
    {.name = "security_info", .kind = Kind::object, .required = true, .fields = security_info},
    {.name = "confirmation", .kind = Kind::object, .fields = confirmation},
    {.name = "response_semantics", .kind = Kind::object, .fields = response_semantics},
    {.name = "states", .kind = Kind::object, .fields = states},
});
constexpr auto mcp = std::to_array<Field>({
    {.name = "file", .required = true, .form = Form::source_path},
    {.name = "url", .required = true, .form = Form::https_url},
    {.name = "auth", .kind = Kind::object, .required = true, .fields = auth},
    {.name = "tools", .kind = Kind::objects, .required = true, .fields = tool},
});
constexpr auto actions_file = std::to_array<Field>({
    {.name = "allowed_action_ids", .kind = Kind::texts, .required = true, .form = Form::name},
    {.name = "plugin", .kind = Kind::object, .required = true, .fields = plugin},
    {.name = "openapi", .kind = Kind::object, .required = true, .fields = openapi},
    {.name = "mcp", .kind = Kind::object, .fields = mcp},
});

// capabilities.yaml: what each entry may say besides its name is looked up by it.
constexpr auto capabilities_file =
    std::to_array<Field>({{.name = "capabilities", .kind = Kind::list, .required = true}});
constexpr Field capability_name = {.name = "name", .required = true};
constexpr auto name_only = std::to_array<Field>({capability_name});
constexpr auto https_item =
    std::to_array<Field>({{.name = "url", .required = true, .form = Form::https_url}});
constexpr auto web_search = std::to_array<Field>({
    capability_name,
    {.name = "sites", .kind = Kind::objects, .max = 4, .fields = https_item},
});
constexpr auto onedrive_and_sharepoint = std::to_array<Field>({
    capability_name,
    {.name = "items_by_url", .kind = Kind::objects, .fields = https_item},
});
constexpr auto connection = std::to_array<Field>({
    {.name = "connection_id", .required = true, .form = Form::unbracketed},
    {.name = "additional_search_terms"},
});
constexpr auto graph_connectors = std::to_array<Field>({
    capability_name,
    {.name = "connections", .kind = Kind::objects, .fields = connection},
});
constexpr auto teams_messages = std::to_array<Field>({
    capability_name,
    {.name = "urls", .kind = Kind::objects, .max = 5, .fields = https_item},
});
constexpr auto folder = std::to_array<Field>({{.name = "folder_id", .required = true}});
constexpr auto email = std::to_array<Field>({
    capability_name,
    {.name = "folders", .kind = Kind::objects, .fields = folder},
    {.name = "shared_mailbox"},
    {.name = "group_mailboxes", .kind = Kind::texts, .max = 25},
});
constexpr auto people =
    std::to_array<Field>({capability_name, {.name = "include_related_content", .kind = Kind::flag}});
constexpr auto meeting = std::to_array<Field>({
    {.name = "id", .required = true},
    {.name = "is_series", .kind = Kind::flag, .required = true},
});
constexpr auto meetings = std::to_array<Field>(
    {capability_name, {.name = "items_by_id", .kind = Kind::objects, .max = 5, .fields = meeting}});

struct Capability {
  string_view type;
  std::span<const Field> fields;
};
constexpr auto capabilities = std::to_array<Capability>({
    {"WebSearch", web_search},
    {"OneDriveAndSharePoint", onedrive_and_sharepoint},
    {"GraphConnectors", graph_connectors},
    {"GraphicArt", name_only},
    {"CodeInterpreter", name_only},
    {"TeamsMessages", teams_messages},
    {"Email", email},
    {"EmailActions", name_only},
    {"People", people},
    {"Meetings", meetings},
    {"MeetingActions", name_only},
});

}  // namespace

std::span<const Field> agent_fields() {
  return agent_file;
}

std::span<const Field> actions_fields() {
  return actions_file;
}

std::span<const Field> capabilities_fields() {
  return capabilities_file;
}

std::span<const Field> capability_fields(string_view type) {
  const auto* const found = std::ranges::find(capabilities, type, &Capability::type);
  return found == capabilities.end() ? std::span<const Field>() : found->fields;
}

std::string capability_types() {
  std::string list;
  for (const auto& one : capabilities)
    list += (list.empty() ? "" : ", ") + std::string(one.type);
  return list;
}

}  // namespace rollcall::cli::manifest
