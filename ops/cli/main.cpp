#include "common/log/log.h"
#include "ops/cli/app.h"

#include <csignal>
#include <iostream>

#include <poll.h>
#include <unistd.h>

namespace {

/// Whoever read standard output has closed it, as 'head' does.
bool reader_gone() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace rollcall;
  // 'rollcall … | head' ends quietly: writes then fail, and nothing is said about it. The default, death by
  // signal, could also come from a broken network connection.
  std::signal(SIGPIPE, SIG_IGN);
  log::init("rollcall", "error");
  const auto environment = config::process_environment();
  const bool dumb = environment("TERM") == "dumb";  // neither colours nor a cursor that moves
  const bool out = isatty(STDOUT_FILENO) == 1;
  const bool err = isatty(STDERR_FILENO) == 1 && !dumb;
  const bool colour = out && !dumb && environment("NO_COLOR").value_or("").empty();
  const int exit =
      cli::run({argv + 1, argv + argc}, {std::cout, std::cerr, std::cin, environment, {out, err, colour}});
  if (std::cout.flush() || reader_gone()) return exit;
  std::cerr << "error: the answer could not be written in full\n";
  return exit == cli::done ? cli::failed : exit;
}
