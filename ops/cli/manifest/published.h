#pragma once
#include "ops/cli/manifest/package.h"

namespace rollcall::cli::manifest {

/// What Microsoft's published schemas forbid in the package's manifests, as mistakes of the generated
/// `folder`. They are read as they are published: copilot/declarative-agent/v1.8/schema.json,
/// copilot/plugin/v2.4/schema.json, teams/v1.30/MicrosoftTeams.schema.json. Throws Error{not_found} where one
/// is not there. Both Copilot schemas declare draft 4 and rely on later keywords: they are read as draft 7
/// whatever they declare. Their patterns with lookbehind are passed over, which no std::regex takes; the
/// tables of source_fields.cpp hold what those say.
std::vector<Mistake> check_published(const Package& package, const std::string& folder, const ReadFile& read);

}  // namespace rollcall::cli::manifest
