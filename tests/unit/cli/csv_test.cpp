#include "ops/cli/csv.h"

#include "tests/support/catch.h"

using namespace rollcall::cli;

namespace {

std::vector<std::vector<std::string>> texts(const csv::Document& document) {
  std::vector<std::vector<std::string>> all;
  for (const auto& record : document.records) {
    all.emplace_back();
    for (const auto& field : record)
      all.back().push_back(field.text);
  }
  return all;
}

}  // namespace

TEST_CASE("CSV that RFC 4180 allows is read as it says") {
  using Texts = std::vector<std::vector<std::string>>;
  struct Case {
    std::string name, text;
    Texts expected;
  };
  for (const auto& [name, text, expected] : std::vector<Case>{
           {"lines end with LF", "a,b\nc,d\n", {{"a", "b"}, {"c", "d"}}},
           {"lines end with CRLF", "a,b\r\nc,d\r\n", {{"a", "b"}, {"c", "d"}}},
           {"the last line has no end", "a,b\nc,d", {{"a", "b"}, {"c", "d"}}},
           {"byte order mark",
            "\xEF\xBB\xBF"
            "a,b\n",
            {{"a", "b"}}},
           {"comma in quotes", "\"a,b\",c\n", {{"a,b", "c"}}},
           {"doubled quotes", "\"say \"\"hi\"\"\",c\n", {{"say \"hi\"", "c"}}},
           {"line break in quotes", "\"a\r\nb\",c\n", {{"a\nb", "c"}}},
           {"empty fields", ",,\n", {{"", "", ""}}},
           {"an empty field in quotes is a record", "\"\"\n", {{""}}},
           {"a trailing comma is an empty field", "a,", {{"a", ""}}},
           {"blank lines are no records", "a\n\n\r\nb\n", {{"a"}, {"b"}}},
           {"letters beyond ASCII", "Zo\xC3\xAB,\xF0\x9F\x90\x8E\n", {{"Zo\xC3\xAB", "\xF0\x9F\x90\x8E"}}},
           {"nothing", "", {}},
       }) {
    INFO(name);
    const auto document = csv::parse(text, 20);
    CHECK(document.mistakes.empty());
    CHECK(texts(document) == expected);
  }
}

TEST_CASE("CSV mistakes are told with line and column") {
  struct Case {
    std::string name, text;
    csv::Position at;
  };
  for (const auto& [name, text, at] : std::vector<Case>{
           {"quote within a field", "a,b\nc,d\"e\n", {2, 4}},
           {"text after a closing quote", "\"a\"b,c\n", {1, 4}},
           {"quote never closed", "a\nb,\"c\nd\n", {2, 3}},
           {"not UTF-8", "a,b\xFF\n", {1, 4}},
           {"overlong UTF-8", "\xC0\xAF\n", {1, 1}},
           {"surrogate in UTF-8", "x\xED\xA0\x80\n", {1, 2}},
           {"columns count characters", "\xC3\xAB\xC3\xAB\"\n", {1, 3}},
           {"NUL", std::string("a\0b\n", 4), {1, 2}},
           {"lone carriage return", "a\rb\n", {1, 2}},
           {"after a line break in quotes", "\"a\nb\",c\"\n", {2, 5}},
           {"UTF-16",
            "\xFF\xFE"
            "a",
            {1, 1}},
       }) {
    INFO(name);
    const auto document = csv::parse(text, 20);
    REQUIRE_FALSE(document.mistakes.empty());
    CHECK(document.mistakes[0].at.line == at.line);
    CHECK(document.mistakes[0].at.column == at.column);
  }
}

TEST_CASE("A slip spoils its own line only, and the count of mistakes is bounded") {
  const auto document = csv::parse("a\"b,c\nd,e\n", 20);
  CHECK(document.mistakes.size() == 1);
  CHECK(texts(document).back() == std::vector<std::string>{"d", "e"});

  std::string text;
  for (int i = 0; i < 100; ++i)
    text += "a\"b\n";
  CHECK(csv::parse(text, 20).mistakes.size() == 20);
}
