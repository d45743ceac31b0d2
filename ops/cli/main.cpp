#include "common/log/log.h"
#include "ops/cli/app.h"

#include <csignal>
#include <cstdlib>
#include <iostream>

#include <unistd.h>

int main(int argc, char** argv) {
  using namespace rollcall;
  // 'rollcall … | head' ends quietly: writes then fail, and nothing is said about it. The default, death by
  // signal, could also come from a broken network connection.
  std::signal(SIGPIPE, SIG_IGN);
  log::init("rollcall", "error");
  const char* no_colour = std::getenv("NO_COLOR");
  const bool out = isatty(STDOUT_FILENO) == 1;
  const bool err = isatty(STDERR_FILENO) == 1;
  const bool colour = (no_colour == nullptr || *no_colour == '\0') && out;
  return cli::run({argv + 1, argv + argc},
                  {std::cout, std::cerr, std::cin, config::process_environment(), {out, err, colour}});
}
