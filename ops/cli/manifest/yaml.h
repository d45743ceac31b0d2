#pragma once
#include "ops/cli/manifest/mistakes.h"

#include <optional>
#include <string>

namespace rollcall::cli::manifest {

/// Reads one YAML document, more strictly than YAML is: a key stands once, nothing is anchored, aliased or
/// tagged, and a plain value is text unless it is true, false, null or a number as JSON writes it. Reports
/// what is wrong, with its line, and the lines of all fields; nothing where the document cannot be read.
std::optional<Json> read_yaml(const std::string& file, const std::string& text, Report& report);

}  // namespace rollcall::cli::manifest
