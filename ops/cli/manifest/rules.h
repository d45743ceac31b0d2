#pragma once
#include "ops/cli/manifest/sources.h"

namespace rollcall::cli::manifest {

/// What must hold between the fields and files of the sources: no schema can say it.
void check_rules(const Sources& sources, Report& report);

}  // namespace rollcall::cli::manifest
