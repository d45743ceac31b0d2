#include "ops/cli/manifest/archive.h"

#include "common/core/error.h"

#include <memory>
#include <tuple>

#include <zip.h>

namespace rollcall::cli::manifest {
namespace {

// 1 January 1980, 00:00: the first time that the format can say. As DOS writes it, so that no time zone
// matters.
constexpr zip_uint16_t dos_time = 0, dos_date = (1U << 5U) | 1U;
constexpr zip_uint32_t regular_file_rw_r_r = 0100644U << 16U;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Fault::config, "internal", "The package cannot be made: " + what);
}

void add(zip_t* archive, const std::string& path, const std::string& bytes) {
  zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
  if (source == nullptr) refuse(zip_strerror(archive));
  const auto index = zip_file_add(archive, path.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    refuse(path + ": " + zip_strerror(archive));
  }
  const auto at = static_cast<zip_uint64_t>(index);
  if (zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive, at, dos_time, dos_date, 0) != 0 ||
      zip_file_set_external_attributes(archive, at, 0, ZIP_OPSYS_UNIX, regular_file_rw_r_r) != 0)
    refuse(path + ": " + zip_strerror(archive));
}

/// What the library wrote into its buffer.
std::string contents(zip_source_t* buffer) {
  zip_stat_t about;
  zip_stat_init(&about);
  if (zip_source_stat(buffer, &about) != 0 || (about.valid & ZIP_STAT_SIZE) == 0 ||
      zip_source_open(buffer) != 0)
    refuse("its buffer cannot be read");
  std::string bytes(about.size, '\0');
  const auto read = zip_source_read(buffer, bytes.data(), bytes.size());
  zip_source_close(buffer);
  if (read < 0 || static_cast<zip_uint64_t>(read) != about.size) refuse("its buffer cannot be read");
  return bytes;
}

}  // namespace

std::string archive_of(const Package& package) {
  using Buffer = std::unique_ptr<zip_source_t, decltype(&zip_source_free)>;
  const Buffer buffer(zip_source_buffer_create(nullptr, 0, 0, nullptr), &zip_source_free);
  if (!buffer) refuse("out of memory");
  auto files = package.documents;  // zip_close() reads the bytes from here
  files.insert(package.icons.begin(), package.icons.end());
  std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open_from_source(buffer.get(), ZIP_TRUNCATE, nullptr), &zip_discard);
  if (!archive) refuse("it cannot be opened");
  zip_source_keep(buffer.get());  // the archive gives up one hold when it ends
  for (const auto& [path, bytes] : files)
    add(archive.get(), path, bytes);
  if (zip_close(archive.get()) != 0) refuse(zip_strerror(archive.get()));
  std::ignore = archive.release();
  return contents(buffer.get());
}

}  // namespace rollcall::cli::manifest
