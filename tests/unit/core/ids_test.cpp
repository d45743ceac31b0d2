#include "common/core/ids.h"

#include "tests/support/catch.h"

#include <unordered_set>

using rollcall::Uuid;

TEST_CASE("an id reads either case and prints lower case", "[unit][ids]") {
  const auto id = Uuid::parse("00112233-4455-6677-8899-AABBCCDDEEFF");
  REQUIRE(id);
  CHECK(id->to_string() == "00112233-4455-6677-8899-aabbccddeeff");
  CHECK(Uuid::parse(id->to_string()) == id);
  CHECK(id->bytes[15] == 0xff);
}

TEST_CASE("anything but 8-4-4-4-12 hexadecimal digits is not an id", "[unit][ids]") {
  for (const char* text : {"", "00112233445566778899aabbccddeeff", "{00112233-4455-6677-8899-aabbccddeeff}",
                           "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeefff",
                           "0011223-34455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeefg",
                           "00112233-4455-6677-8899-aabbccddee-f", "00112233_4455_6677_8899_aabbccddeeff",
                           " 0112233-4455-6677-8899-aabbccddeeff"})
    CHECK_FALSE(Uuid::parse(text));
}

TEST_CASE("ids sort as their texts do", "[unit][ids]") {
  const auto low = *Uuid::parse("7f000000-0000-0000-0000-0000000000ff");
  const auto high = *Uuid::parse("80000000-0000-0000-0000-000000000000");
  CHECK(low < high);
  CHECK(low.to_string() < high.to_string());
}

TEST_CASE("a default id is nil and ids serve as keys", "[unit][ids]") {
  CHECK(Uuid{}.is_nil());
  std::unordered_set<Uuid> ids{Uuid{}, *Uuid::parse("00112233-4455-6677-8899-aabbccddeeff"), Uuid{}};
  CHECK(ids.size() == 2);
}
