#pragma once
#include "tests/unit/foundation/temporary_file.h"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include <unistd.h>

/// Sends a standard stream into a file while it lives; text() is what came so far.
class Captured {
 public:
  explicit Captured(std::FILE* stream) : stream_(stream), file_("") {
    std::fflush(stream_);
    saved_ = ::dup(::fileno(stream_));
    std::FILE* target = std::fopen(file_.path.c_str(), "w");
    ::dup2(::fileno(target), ::fileno(stream_));
    std::fclose(target);
  }
  ~Captured() {
    std::fflush(stream_);
    ::dup2(saved_, ::fileno(stream_));
    ::close(saved_);
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  [[nodiscard]] std::string text() const {
    std::fflush(stream_);
    std::ostringstream content;
    content << std::ifstream(file_.path).rdbuf();
    return content.str();
  }

 private:
  std::FILE* stream_;
  TemporaryFile file_;
  int saved_ = -1;
};
