#include "ops/cli/manifest/mistakes.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace rollcall::cli::manifest {
namespace {

constexpr auto cures = std::to_array<std::pair<std::string_view, std::string_view>>({
    // how the sources are written
    {"file_missing", "Put the file there, or correct the name."},
    {"yaml_malformed", "Correct the YAML at that line."},
    {"yaml_not_plain", "Write the value out: anchors, aliases and tags are not read."},
    {"json_malformed", "Make the file anew by its own generator."},
    {"key_unknown", "Correct the name, or take the key out."},
    {"key_twice", "Keep one of the two."},
    {"key_missing", "Add it."},
    {"type_wrong",
     "Write the value in the type that is named; text that looks like a number stands in quotes."},
    {"value_missing", "Add it to the environment's file, or give it by --set NAME=VALUE."},
    {"value_unused", "Correct the name, or take the value out."},
    {"value_secret", "Keep secrets in the Teams developer portal: a manifest holds references only."},
    // single values
    {"text_blank", "Write something, or take the key out where it may be absent."},
    {"text_too_long", "Shorten it."},
    {"list_too_long", "Shorten the list."},
    {"list_empty", "Add an entry, or take the key out where it may be absent."},
    {"choice_unknown", "Choose one of those that are listed."},
    {"localization_malformed", "Write plain text without [[ and ]]: the package holds no translations."},
    {"url_not_https", "Give an absolute URL that begins with https:// and has a host."},
    {"guid_malformed", "Give a GUID, as 1b2d4c1e-0000-4000-8000-000000000001."},
    {"colour_malformed", "Give a colour as #1F5FA8."},
    {"version_malformed", "Give three numbers, as 1.0.0."},
    {"path_outside", "Name a file in the package: relative, without '..' and without backslashes."},
    {"name_malformed", "Use letters, digits and _ only."},
    {"namespace_malformed", "Use lower-case letters and digits only."},
    {"reference_malformed", "Copy the id from the Teams developer portal: no blanks."},
    {"path_malformed", "Begin with $, as $.results."},
    // the agent
    {"starter_twice", "Keep one of the two."},
    {"starter_dependency_unknown", "Depend on a capability that capabilities.yaml has, by its name."},
    {"capability_twice", "Keep one entry of each type."},
    {"capability_unknown", "Choose one of those that are listed."},
    {"site_too_deep", "Name a site by https, with at most two path segments and no query."},
    {"icon_not_png", "Save it as PNG."},
    {"icon_size_wrong", "Save it in the size that is named."},
    {"icon_not_transparent", "Save it as white on a transparent ground, with an alpha channel."},
    // actions
    {"action_not_allowed", "Add the id to allowed_action_ids, or take the action out."},
    {"action_without_runtime",
     "Add the action under openapi or mcp, or take the id out of allowed_action_ids."},
    {"action_twice", "Keep one of the two."},
    {"action_of_two_runtimes", "Leave it to one runtime: two must not claim the same function."},
    {"operation_missing", "Correct the id, or add the operation to the front."},
    {"parameter_unknown", "Name a parameter that the operation has."},
    {"parameter_twice", "Keep one of the two."},
    {"data_handling_wrong",
     "List ResourceStateUpdate where the operation changes something, and only there."},
    {"confirmation_missing", "Add a confirmation with a title and a body: the operation changes something."},
    {"confirmation_waived", "Take isNonConsequential out: the operation changes something."},
    {"semantics_path_unknown", "Point at something that the operation's answer has."},
    {"auth_type_wrong", "Use OAuthPluginVault or None: an MCP runtime takes no API key."},
    {"auth_reference_missing", "Add reference_id: the id that the Teams developer portal gives."},
    {"auth_reference_unused", "Take reference_id out, or choose a type that uses it."},
    // the OpenAPI document
    {"openapi_version_wrong", "Give a document of OpenAPI 3.0: Copilot's tooling reads no newer one."},
    {"openapi_description_missing", "Describe it: the model chooses and fills by descriptions."},
    {"operation_id_twice", "Give each operation an id of its own."},
    {"operation_id_malformed", "Use letters, digits and _ only."},
    {"openapi_nested", "Make it flat: Copilot reads no objects within a body or a parameter."},
    {"openapi_composition", "Say it without oneOf, anyOf and allOf: Copilot does not read them."},
    {"openapi_circular", "Take the circle out of the schemas."},
    {"openapi_reference_unknown", "Make the document anew: a $ref points at nothing."},
    {"openapi_security_wrong",
     "Name one scheme for each operation: bearer, or OAuth 2.0 with an authorization code."},
    {"openapi_media_type_wrong", "Take the body as application/json."},
    {"consequential_missing",
     "Mark the operation x-openai-isConsequential: true, so that Copilot asks before it is called."},
    // the MCP server's tools
    {"tools_malformed", "Make the file anew: {\"tools\": [...]} as tools/list answers."},
    {"tool_missing", "Correct the id, or add the tool to the MCP server."},
    // what stands generated
    {"drift", "Run 'rollcall manifest build' and commit what it writes; never edit it by hand."},
    {"file_not_ours",
     "Take it out: the folder holds what 'rollcall manifest build' writes and nothing else."},
    {"published_schema", "Correct the source of that field: Microsoft's published schema forbids it."},
});

}  // namespace

std::string_view cure_of(std::string_view code) {
  const auto* const found =
      std::ranges::find(cures, code, &std::pair<std::string_view, std::string_view>::first);
  return found == cures.end() ? std::string_view{} : found->second;
}

Json to_json(const Mistake& mistake) {
  Json out = {{"code", mistake.code},
              {"file", mistake.file},
              {"field", mistake.field},
              {"message", mistake.what},
              {"cure", cure_of(mistake.code)}};
  if (mistake.line > 0) out["line"] = mistake.line;
  return out;
}

std::string to_text(const Mistake& mistake) {
  return mistake.file + (mistake.line > 0 ? ":" + std::to_string(mistake.line) : "") + ": " +
         (mistake.field.empty() ? "" : mistake.field + ": ") + mistake.what + " (" + mistake.code + "). " +
         std::string(cure_of(mistake.code));
}

void Report::add(std::string code, std::string file, std::string field, std::string what) {
  mistakes_.push_back({std::move(code), std::move(file), std::move(field), std::move(what)});
}

std::vector<Mistake> Report::sorted() const {
  auto list = mistakes_;
  for (auto& mistake : list) {
    const auto file = lines_.find(mistake.file);
    if (file == lines_.end()) continue;
    // What is missing has no line: its parent's is the nearest.
    for (std::string at = mistake.field;; at.erase(at.rfind('/'))) {
      const auto line = file->second.find(at);
      if (line != file->second.end()) mistake.line = line->second;
      if (line != file->second.end() || at.empty()) break;
    }
  }
  std::ranges::sort(list, {}, [](const Mistake& one) {
    return std::tie(one.file, one.line, one.field, one.code, one.what);
  });
  list.erase(std::ranges::unique(list).begin(), list.end());
  return list;
}

std::string below(const std::string& pointer, std::string_view member) {
  std::string out = pointer + "/";
  for (const char c : member)
    out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

std::string below(const std::string& pointer, std::size_t index) {
  return pointer + "/" + std::to_string(index);
}

}  // namespace rollcall::cli::manifest
