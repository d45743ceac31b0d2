#include "ops/cli/manifest/archive.h"
#include "ops/cli/manifest/package.h"
#include "tests/support/catch.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

/// Each file of tests/data/agent/right and wrong changes the sources of schemas/agent a little, and says what
/// is found then. The OpenAPI document and the MCP server's tools are fixtures beside them: the front's own
/// may grow.
using namespace rollcall;
using namespace rollcall::cli;
namespace fs = std::filesystem;

namespace {

using Files = std::map<std::string, std::string>;

fs::path root() {
  const char* folder = std::getenv("ROLLCALL_SOURCE");
  REQUIRE(folder != nullptr);  // ctest sets it
  return folder;
}

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  INFO(path);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

Files good_sources() {
  Files files;
  for (const auto* path : {"agent.yaml", "actions.yaml", "capabilities.yaml", "environments/contoso.yaml",
                           "color.png", "outline.png"})
    files[path] = contents(root() / "schemas/agent" / path);
  files["../openapi/openapi-copilot.json"] = contents(root() / "tests/data/agent/openapi.json");
  files["../mcp/tools.json"] = contents(root() / "tests/data/agent/tools.json");
  return files;
}

void change(Files& files, const Json& changes) {
  for (const auto& one : changes) {
    std::string& file = files[one["file"]];
    if (one.contains("find")) {
      const auto at = file.find(one["find"].get<std::string>());
      INFO("the source has no " << one["find"]);
      REQUIRE(at != std::string::npos);
      file.replace(at, one["find"].get<std::string>().size(), one["put"].get<std::string>());
    }
    if (one.contains("append")) file += one["append"].get<std::string>();
    if (one.contains("write")) file = one["write"].get<std::string>();
    if (one.contains("merge")) {
      Json document = Json::parse(file);
      document.merge_patch(one["merge"]);
      file = document.dump();
    }
    if (one.contains("byte")) file.at(one["at"]) = static_cast<char>(one["byte"].get<int>());
    if (one.contains("gone")) files.erase(one["file"].get<std::string>());
  }
}

manifest::Built built_from(const Files& files) {
  const auto read = [&files](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  return manifest::build(read, "contoso", {});
}

Json case_of(const std::string& kind, const std::string& name) {
  return Json::parse(contents(root() / "tests/data/agent" / kind / (name + ".json")));
}

Files changed(const Json& one) {
  Files files = good_sources();
  if (one.contains("on")) change(files, case_of("right", one["on"])["changes"]);
  change(files, one["changes"]);
  return files;
}

std::set<std::string> cases(const std::string& kind) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(root() / "tests/data/agent" / kind))
    names.insert(entry.path().stem().string());
  return names;
}

std::string all_of(const std::vector<manifest::Mistake>& mistakes) {
  std::string text;
  for (const auto& mistake : mistakes)
    text += manifest::to_text(mistake) + "\n";
  return text;
}

}  // namespace

TEST_CASE("The sources of the agent make a package, and so does every right change of them") {
  const auto plain = built_from(good_sources());
  INFO(all_of(plain.mistakes));
  REQUIRE(plain.package);
  const auto names = cases("right");
  CHECK(names.size() >= 4);
  for (const auto& name : names) {
    const auto built = built_from(changed(case_of("right", name)));
    INFO(name << "\n" << all_of(built.mistakes));
    CHECK(built.package);
  }
}

TEST_CASE("Every wrong input is told by code, file and field, and nothing else is, and makes no package") {
  const auto names = cases("wrong");
  CHECK(names.size() >= 20);
  for (const auto& name : names) {
    const Json one = case_of("wrong", name);
    const auto built = built_from(changed(one));
    INFO(name << "\n" << all_of(built.mistakes));
    CHECK_FALSE(built.package);
    std::set<std::string> found, expected;
    for (const auto& mistake : built.mistakes) {
      found.insert(mistake.code + " " + mistake.file + " " + mistake.field);
      CHECK(manifest::cure_of(mistake.code) != "");
    }
    for (const auto& mistake : one["expect"]) {
      expected.insert(mistake["code"].get<std::string>() + " " + mistake["file"].get<std::string>() + " " +
                      mistake["field"].get<std::string>());
      if (mistake.contains("line")) CHECK(built.mistakes.at(0).line == mistake["line"].get<int>());
    }
    CHECK(found == expected);
  }
}

TEST_CASE("Every code of a mistake in the sources has a wrong input that shows it") {
  const std::string table = contents(root() / "ops/cli/manifest/mistakes.cpp");
  const std::regex entry(R"re(\n    \{"([a-z_]+)",)re");
  std::set<std::string> codes, shown;
  for (auto at = std::sregex_iterator(table.begin(), table.end(), entry); at != std::sregex_iterator(); ++at)
    codes.insert((*at)[1].str());
  CHECK(codes.size() > 50);
  for (const auto& name : cases("wrong")) {
    const Json one = case_of("wrong", name);
    for (const auto& mistake : one["expect"])
      shown.insert(mistake["code"].get<std::string>());
  }
  // These are of what stands generated: other tests show them.
  for (const auto* generated : {"drift", "file_not_ours", "published_schema"})
    codes.erase(generated);
  CHECK(codes == shown);
}

TEST_CASE("The manifests name each other, and the plugin's functions are the allowed actions") {
  const auto built = built_from(changed(case_of("right", "mcp")));
  REQUIRE(built.package);
  const auto document = [&](const char* path) { return Json::parse(built.package->documents.at(path)); };
  const Json app = document(manifest::app_document), agent = document(manifest::agent_document),
             plugin = document(manifest::plugin_document);
  CHECK(app["manifestVersion"] == "1.30");
  CHECK(app["id"] == "7e2a1c00-5a1e-4c0d-8e11-0000000000a9");
  CHECK(app["copilotAgents"]["declarativeAgents"][0]["file"] == manifest::agent_document);
  CHECK(agent["version"] == "v1.8");
  CHECK(agent["actions"][0]["file"] == manifest::plugin_document);
  CHECK_FALSE(agent.contains("capabilities"));
  CHECK(plugin["schema_version"] == "v2.4");

  std::set<std::string> functions, claimed;
  for (const auto& function : plugin["functions"])
    functions.insert(function["name"]);
  for (const auto& runtime : plugin["runtimes"])
    for (const auto& name : runtime["run_for_functions"])
      CHECK(claimed.insert(name).second);
  CHECK(functions == claimed);
  CHECK(functions == std::set<std::string>{"query_advisor_findings", "query_ops_runs", "trigger_advisor_scan",
                                           "acknowledge_finding", "search_mail", "create_event"});
  const Json& parameters = plugin["functions"][3]["parameters"];
  CHECK(parameters["required"] == Json({"finding_id", "why"}));
  CHECK(parameters["properties"]["why"] ==
        Json({{"type", "string"}, {"description", "Why, for whoever looks next."}}));
  CHECK(plugin["functions"][3]["capabilities"]["confirmation"]["type"] == "AdaptiveCard");
  CHECK(plugin["runtimes"][0]["spec"]["url"] == manifest::openapi_document);

  // Tools are pinned as the server lists them, and no others.
  const Json& tools = plugin["runtimes"][1]["spec"]["mcp_tool_description"]["tools"];
  const Json listed = Json::parse(contents(root() / "tests/data/agent/tools.json"))["tools"];
  CHECK(tools == Json({listed[0], listed[1]}));

  const Json openapi = document(manifest::openapi_document);
  CHECK(openapi["servers"] == Json::array({{{"url", "https://rollcall.contoso.example"}}}));
  CHECK(openapi["paths"].size() == 4);
}

TEST_CASE("The same sources make the same bytes, whatever the time zone") {
  const auto first = built_from(good_sources()), second = built_from(good_sources());
  REQUIRE(first.package);
  const std::string archive = manifest::archive_of(*first.package);
  CHECK(archive == manifest::archive_of(*second.package));
  const char* before = std::getenv("TZ");
  const std::string zone = before == nullptr ? "" : before;
  setenv("TZ", "Pacific/Auckland", 1);
  CHECK(archive == manifest::archive_of(*first.package));
  before == nullptr ? unsetenv("TZ") : setenv("TZ", zone.c_str(), 1);
  // The first entry's header: its time is fixed, 1 January 1980, and not that of the build.
  CHECK(archive.substr(10, 4) == std::string("\0\0\x21\0", 4));
  // Stored, and each of the six files once: its bytes stand in the archive as they are.
  for (const auto& [path, text] : first.package->documents)
    CHECK(archive.find(text) != std::string::npos);
  CHECK(first.package->documents.size() + first.package->icons.size() == 6);
}

TEST_CASE("What is committed drifts when it is edited, missing or not ours") {
  const auto built = built_from(good_sources());
  REQUIRE(built.package);
  auto committed = built.package->documents;
  CHECK(manifest::drift(*built.package, committed, "generated").empty());

  Json plugin = Json::parse(committed[manifest::plugin_document]);
  plugin["functions"][0]["name"] = "delete_everything";
  committed[manifest::plugin_document] = plugin.dump(2) + "\n";
  committed.erase(manifest::app_document);
  committed["notes.txt"] = "by hand";
  const auto found = manifest::drift(*built.package, committed, "generated");
  REQUIRE(found.size() == 3);
  CHECK(found[0] == manifest::Mistake{"drift", "generated/manifest.json", "", "is missing"});
  CHECK(found[1].code == "file_not_ours");
  CHECK(found[2].code == "drift");
  CHECK(found[2].field == "/functions/0/name");

  // Other blanks are drift too: what is committed is what a build writes, byte for byte.
  committed = built.package->documents;
  committed[manifest::agent_document] += "\n";
  CHECK(manifest::drift(*built.package, committed, "generated").size() == 1);
}

TEST_CASE("Typed values go over the environment's, and one that nothing uses is a mistake") {
  const Files files = good_sources();
  const auto read = [&files](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  const auto ours = manifest::build(read, "contoso", {{"base_url", "https://rollcall.fabrikam.example"}});
  REQUIRE(ours.package);
  CHECK(Json::parse(ours.package->documents.at(manifest::openapi_document))["servers"][0]["url"] ==
        "https://rollcall.fabrikam.example");
  const auto wrong = manifest::build(read, "contoso", {{"bas_url", "https://rollcall.fabrikam.example"}});
  REQUIRE(wrong.mistakes.size() == 1);
  CHECK(wrong.mistakes[0].code == "value_unused");
  CHECK(wrong.mistakes[0].file == manifest::typed_values);
  const auto nobody = manifest::build(read, "fabrikam", {});
  CHECK_FALSE(nobody.package);
  CHECK(nobody.mistakes.size() > 1);  // no such file, and every value is missing
}
