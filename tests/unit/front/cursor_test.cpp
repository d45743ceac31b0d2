#include "workers/front/core/cursor.h"

#include "tests/support/catch.h"

using namespace rollcall::front;

TEST_CASE("A cursor carries its position, and only to its own list and filter") {
  const std::string cursor = write_cursor("jobs state=failed", "2026|é");
  CHECK(*read_cursor("jobs state=failed", cursor) == "2026|é");
  CHECK(read_cursor("jobs state=queued", cursor).error().code == "cursor_invalid");
  for (const std::string& bad :
       {std::string(), std::string("zz"), cursor + "0", cursor + "zz", cursor.substr(0, 8)})
    CHECK_FALSE(read_cursor("jobs state=failed", bad));
}
