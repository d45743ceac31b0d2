#pragma once
#include <span>
#include <string_view>

/// Files of the source tree compiled into the programs (cmake/embed.cmake), in order of their names.
namespace rollcall::embedded {
struct File {
  std::string_view name;
  std::string_view text;
};
std::span<const File> message_schemas();
std::span<const File> openapi_schemas();
std::span<const File> migration_files();
}  // namespace rollcall::embedded
