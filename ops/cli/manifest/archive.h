#pragma once
#include "ops/cli/manifest/package.h"

namespace rollcall::cli::manifest {

/// The app package: one ZIP file of the documents and icons. Its bytes depend on theirs alone: entries in the
/// order of their names, stored and not compressed (a compressor's output changes with its version), with one
/// fixed time and fixed permissions. Throws Error{config, "internal"} where the library cannot make it.
std::string archive_of(const Package& package);

}  // namespace rollcall::cli::manifest
