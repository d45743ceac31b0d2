#define CATCH_CONFIG_RUNNER  // version 2 wants it; version 3 does not mind
#include "tests/support/catch.h"

int main(int argc, char** argv) {
  return Catch::Session().run(argc, argv);
}
