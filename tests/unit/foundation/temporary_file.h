#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

/// A file with the given content, gone at the end of the test.
struct TemporaryFile {
  explicit TemporaryFile(const std::string& content) {
    path = (std::filesystem::temp_directory_path() / "rollcall-test-XXXXXX").string();
    ::close(::mkstemp(path.data()));
    std::ofstream(path) << content;
  }
  ~TemporaryFile() { ::unlink(path.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::string path;
};
