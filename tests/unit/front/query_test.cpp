#include "workers/front/core/query.h"

#include "tests/support/catch.h"

using namespace rollcall::front;

namespace {

const std::vector<QueryParameter> declared = {
    {.name = "state", .type = ParameterType::one_of, .choices = {"queued", "failed"}},
    {.name = "limit", .type = ParameterType::integer, .min = 1, .max = 100},
    {.name = "since", .type = ParameterType::time},
    {.name = "all", .type = ParameterType::boolean},
    {.name = "job", .type = ParameterType::uuid},
    {.name = "name", .type = ParameterType::text, .text_max = 5}};

std::string mistake(const std::string& name, const std::string& value) {
  const auto reading = read_query({{name, value}}, declared);
  return reading.mistakes.empty() ? "" : reading.mistakes[0].pointer + " " + reading.mistakes[0].detail;
}

}  // namespace

TEST_CASE("Query parameters are read by their type") {
  const auto reading =
      read_query({{"state", "failed"}, {"limit", "7"}, {"all", "true"}, {"name", "héa"}}, declared);
  REQUIRE(reading.mistakes.empty());
  CHECK(reading.query.text("state") == "failed");
  CHECK(reading.query.integer("limit", 50) == 7);
  CHECK(reading.query.flag("all", false));
  CHECK_FALSE(reading.query.time("since"));
  CHECK(Query().integer("limit", 50) == 50);
}

TEST_CASE("A query mistake names its parameter and what would be right") {
  CHECK(mistake("state", "done") == "state is none of queued, failed");
  for (const auto* number : {"0", "101", "-1", "1e1", "", "0x5", "99999999999999999999", "7 "})
    CHECK(mistake("limit", number) == "limit is no whole number from 1 to 100");
  CHECK(mistake("since", "yesterday") == "since is no time in UTC such as 2026-11-21T09:30:00Z");
  CHECK(mistake("all", "1") == "all is neither true nor false");
  CHECK(mistake("job", "7") == "job is no UUID");
  CHECK(mistake("name", "sixsix") == "name is longer than 5 bytes");
  CHECK(mistake("name", std::string("a\0b", 3)) == "name holds a NUL character");
  CHECK(mistake("nome", "x") == "nome is no parameter of this operation");
  CHECK(read_query({{"limit", "1"}, {"limit", "2"}}, declared).mistakes[0].detail == "is given twice");
}

TEST_CASE("A parameter that is needed is missed") {
  const std::vector<QueryParameter> declared{{.name = "id", .required = true}};
  CHECK(read_query({{"id", "1"}}, declared).mistakes.empty());
  const auto missed = read_query({}, declared).mistakes;
  REQUIRE(missed.size() == 1);
  CHECK(missed[0].pointer == "id");
}
