#include "common/core/json.h"

#include "common/core/json_writer.h"
#include "tests/support/catch.h"

using rollcall::dump;
using rollcall::Json;
using rollcall::parse_json;

TEST_CASE("JSON within the limits is read", "[unit][json]") {
  const auto parsed = parse_json(R"({"a":[1,{"b":"]]]{{{\"["}]})");
  REQUIRE(parsed);
  CHECK((*parsed)["a"][0] == 1);
}

TEST_CASE("JSON longer than the limit is refused unread", "[unit][json]") {
  const auto parsed = parse_json("[1,2,3", {.bytes_max = 5});
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == "json_too_large");
  CHECK(parse_json("[1,2]", {.bytes_max = 5}));
}

TEST_CASE("JSON deeper than the limit is refused, at the limit it is not", "[unit][json]") {
  CHECK(parse_json(R"([[{"a":1}]])", {.depth_max = 3}));
  CHECK(parse_json(R"([[{"a":1}]])", {.depth_max = 2}).error().code == "json_too_deep");
}

// A recursive parser would overflow the stack here.
TEST_CASE("a million open brackets are refused without harm", "[unit][json]") {
  CHECK(parse_json(std::string(1'000'000, '[')).error().code == "json_too_deep");
  CHECK(parse_json("]" + std::string(100, '[')).error().code == "json_too_deep");
}

TEST_CASE("brackets inside strings do not count as depth", "[unit][json]") {
  CHECK(parse_json(R"(["[[[[\"[[[[\\"])", {.depth_max = 1}));
}

TEST_CASE("malformed JSON is refused with its position", "[unit][json]") {
  for (const char* text : {"", "{", "[1,]", "{'a':1}", "nul", "\"\xff\"", "1 2", "[\"\\"}) {
    CAPTURE(text);
    const auto parsed = parse_json(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == "json_malformed");
    CHECK(parsed.error().message.find("column") != std::string::npos);
  }
}

TEST_CASE("dumping never throws and stays on one line", "[unit][json]") {
  CHECK(dump(Json("a\xff"
                  "b")) ==
        "\"a\xEF\xBF\xBD"
        "b\"");
  CHECK(dump(Json{{"text", "two\nlines"}}) == R"({"text":"two\nlines"})");
}

TEST_CASE(
    "where members must be unique, one that comes twice is refused by name, in any object and any spelling",
    "[unit][json]") {
  constexpr rollcall::JsonLimits unique{.unique_members = true};
  for (const char* text : {R"({"a":1,"a":2})", R"({"a":1,"b":2,"a":1})", R"([{"b":{"a":{},"a":[]}}])",
                           R"({"a":1,"\u0061":2})", R"({"x":{"a":1},"a":1,"a":{"a":2}})"}) {
    CAPTURE(text);
    CHECK(parse_json(text));
    const auto parsed = parse_json(text, unique);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == "json_member_twice");
    CHECK(parsed.error().message.find("\"a\"") != std::string::npos);
  }
  for (const char* text :
       {R"({"a":1,"A":2})", R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]})", "[]", "1", "{}"}) {
    CAPTURE(text);
    const auto parsed = parse_json(text, unique);
    REQUIRE(parsed);
    CHECK(*parsed == Json::parse(text));
  }
  CHECK(parse_json(R"({"a":1,"a":)", unique).error().code == "json_malformed");
}

TEST_CASE("an object written member by member is what dump makes of it", "[unit][json]") {
  std::string every_byte;
  for (int c = 0; c < 256; ++c)
    every_byte += static_cast<char>(c);
  rollcall::JsonWriter writer;
  Json object;
  for (const std::string& text : {std::string{}, std::string{"plain"}, std::string{R"("quoted" \ \\)"},
                                  std::string{"d\u00e9j\u00e0 vu"}, std::string{"line\nbreak"}, every_byte}) {
    const std::string name = std::to_string(object.size());
    object[name] = text;
    writer.text(name, text);
  }
  object["n"] = -7;
  writer.number("n", -7);
  object["o"] = {{"b", 1}, {"a", Json::array({nullptr, "x"})}};
  writer.json("o", object["o"]);
  CHECK(writer.take() == dump(object));
  CHECK(writer.take() == "{}");
}

TEST_CASE("watching for members that come twice costs no more than the text is long") {
  // Looking back over the array after each object would take hours here.
  std::string text = "[";
  for (int i = 0; i < 2'000'000; ++i)
    text += "{},";
  text += "{}]";
  const auto parsed = rollcall::parse_json(text, {.unique_members = true});
  REQUIRE(parsed);
  CHECK(parsed->size() == 2'000'001);
}
