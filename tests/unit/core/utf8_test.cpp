#include "common/core/utf8.h"

#include "tests/support/catch.h"

#include <string>

using namespace rollcall;

TEST_CASE("Text is UTF-8 or it is not") {
  for (const std::string good : {"", "a", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF",
                                 "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    INFO(good);
    CHECK(is_utf8(good));
    CHECK(is_utf8("x" + good + "y"));
  }
  for (const std::string bad :
       {"\x80", "\xC3", "\xC0\xAF", "\xC1\xBF", "\xE2\x82", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3x"}) {
    CHECK_FALSE(is_utf8(bad));
    CHECK_FALSE(is_utf8("x" + bad + "y"));
  }
}
