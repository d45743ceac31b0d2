#pragma once
#include "common/config/settings.h"
#include "ops/cli/output.h"

#include <iosfwd>
#include <string>
#include <vector>

namespace rollcall::cli {

struct World {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  config::Environment environment;
  Terminal terminal;
};

/// The whole program but for the process: `words` are the arguments without the program's name. Never throws.
int run(std::vector<std::string> words, World world);

}  // namespace rollcall::cli
