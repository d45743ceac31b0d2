#pragma once
#include "ops/cli/manifest/mistakes.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// From the sources of the Microsoft 365 Copilot agent (schemas/agent) to the package that is uploaded, and
/// what is wrong on the way. Nothing here reads a file, a clock or the environment: the same sources give the
/// same bytes.
namespace rollcall::cli::manifest {

/// A file's bytes by its path relative to the sources' folder; nothing where there is none.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;
/// What differs between deployments: stands for ${NAME} in the sources.
using Values = std::map<std::string, std::string>;
/// The "file" of a mistake in values that were typed.
inline constexpr const char* typed_values = "--set";

struct Package {
  std::string name;                              ///< of the archive, without extension
  std::map<std::string, std::string> documents;  ///< the generated JSON, by its path in the package
  std::map<std::string, std::string> icons;      ///< copied as they are
};

struct Built {
  std::optional<Package> package;  ///< nothing where there are mistakes
  std::vector<Mistake> mistakes;
};

/// Where the parts of a package are.
inline constexpr const char* app_document = "manifest.json";
inline constexpr const char* agent_document = "declarativeAgent.json";
inline constexpr const char* plugin_document = "plugin.json";
inline constexpr const char* openapi_document = "openapi.json";

/// The sources with the values of environments/<environment>.yaml (empty: none), over which `set` goes.
Built build(const ReadFile& read, const std::string& environment, const Values& set);

/// What differs between the package and the files of the folder that holds the committed one.
std::vector<Mistake> drift(const Package& package, const std::map<std::string, std::string>& committed,
                           const std::string& folder);

}  // namespace rollcall::cli::manifest
