#include "common/core/cron.h"

#include "tests/support/catch.h"

using rollcall::Cron;
using rollcall::parse_rfc3339;
using rollcall::to_rfc3339;

namespace {

struct Due {
  const char* expression;
  const char* zone;
  const char* after;
  const char* due;
};

void check_table(std::initializer_list<Due> table) {
  for (const Due& row : table) {
    CAPTURE(row.expression, row.zone, row.after);
    const auto cron = Cron::parse(row.expression);
    REQUIRE(cron);
    const auto due = cron->next_after(parse_rfc3339(row.after).value(), row.zone);
    REQUIRE(due);
    CHECK(to_rfc3339(*due) == row.due);
  }
}

}  // namespace

TEST_CASE("the next due time is the first one strictly later", "[unit][cron]") {
  check_table({
      {"* * * * *", "UTC", "2026-01-01T09:00:00.500Z", "2026-01-01T09:01:00.000Z"},
      {"0 9 * * *", "UTC", "2026-01-01T08:59:59.999Z", "2026-01-01T09:00:00.000Z"},
      {"0 9 * * *", "UTC", "2026-01-01T09:00:00Z", "2026-01-02T09:00:00.000Z"},
      {"*/5 * * * *", "UTC", "2026-01-01T09:02:00Z", "2026-01-01T09:05:00.000Z"},
      {"59 23 31 12 *", "UTC", "2025-12-31T23:59:00Z", "2026-12-31T23:59:00.000Z"},
      {"0 3 * * *", "Europe/Berlin", "2026-01-10T02:00:00Z", "2026-01-11T02:00:00.000Z"},
      {"0 3 * * *", "Asia/Kathmandu", "2026-01-10T00:00:00Z", "2026-01-10T21:15:00.000Z"},
      {"0 0 1 1 *", "Pacific/Kiritimati", "2026-12-31T09:00:00Z", "2026-12-31T10:00:00.000Z"},
  });
}

TEST_CASE("lists, ranges, steps and names are read as in crontab(5)", "[unit][cron]") {
  check_table({
      {"5,10-20/5,50 * * * *", "UTC", "2026-01-01T09:15:00Z", "2026-01-01T09:20:00.000Z"},
      {"0 9-17/4 * * MON-FRI", "UTC", "2026-01-02T17:30:00Z", "2026-01-05T09:00:00.000Z"},
      {"0 0 1 jan-mar/2 *", "UTC", "2026-01-15T00:00:00Z", "2026-03-01T00:00:00.000Z"},
      {"0 0 * * 7", "UTC", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00.000Z"},
      {"0 0 * * 5-7", "UTC", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00.000Z"},
      {"  0\t0  *   Dec   Sun ", "UTC", "2026-01-01T00:00:00Z", "2026-12-06T00:00:00.000Z"},
  });
}

TEST_CASE("where both day fields are restricted either matches, with a star both must", "[unit][cron]") {
  check_table({
      {"0 12 13 * fri", "UTC", "2026-02-28T00:00:00Z", "2026-03-06T12:00:00.000Z"},
      {"0 12 13 * fri", "UTC", "2026-04-11T00:00:00Z", "2026-04-13T12:00:00.000Z"},
      {"0 0 */2 * mon", "UTC", "2026-01-01T00:00:00Z", "2026-01-05T00:00:00.000Z"},
      {"0 0 */2 * mon", "UTC", "2026-01-05T00:00:00Z", "2026-01-19T00:00:00.000Z"},
  });
}

TEST_CASE("a leap day is found years ahead, across a century without one", "[unit][cron]") {
  check_table({
      {"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00.000Z"},
      {"0 0 29 2 *", "UTC", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00.000Z"},
      {"0 0 29 2 */7", "UTC", "2076-03-01T00:00:00Z", "2088-02-29T00:00:00.000Z"},
      // The longest wait there is: 40 years from one leap day on a Sunday to the next.
      {"0 0 29 2 */7", "UTC", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00.000Z"},
  });
}

TEST_CASE("a local time that a DST change skips is due at the instant of the change", "[unit][cron]") {
  check_table({
      {"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00.000Z"},
      {"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00.000Z"},
      {"30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:00:00.000Z"},
      {"30 2 * * *", "America/New_York", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00.000Z"},
      {"*/20 * * * *", "Europe/Berlin", "2026-03-29T00:40:00Z", "2026-03-29T01:00:00.000Z"},
      {"*/20 * * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T01:20:00.000Z"},
      // Midnight itself is skipped, and in Samoa a whole day was.
      {"0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00.000Z"},
      {"0 12 30 12 *", "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-30T10:00:00.000Z"},
  });
}

TEST_CASE("a local time that comes twice is due the first time only", "[unit][cron]") {
  check_table({
      {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00.000Z"},
      {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00.000Z"},
      {"30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00.000Z"},
      {"30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00.000Z"},
      {"0 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00.000Z"},
      {"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00.000Z"},
  });
}

TEST_CASE("a wrong expression is refused with the field and what it may hold", "[unit][cron]") {
  struct Wrong {
    const char* expression;
    const char* named;
  };
  for (const Wrong& row : std::initializer_list<Wrong>{
           {"", "five"},
           {"* * * *", "five"},
           {"* * * * * *", "five"},
           {"@daily", "five"},
           {"60 * * * *", "'minute'"},
           {"-1 * * * *", "'minute'"},
           {"1, * * * *", "'minute'"},
           {"*/0 * * * *", "'minute'"},
           {"5/10 * * * *", "'minute'"},
           {"1-2-3 * * * *", "'minute'"},
           {"*/5/5 * * * *", "'minute'"},
           {"99999999999999999999 * * * *", "'minute'"},
           {"* 24 * * *", "'hour'"},
           {"* 17-9 * * *", "'hour'"},
           {"* * 0 * *", "'day of month'"},
           {"* * 32 * *", "'day of month'"},
           {"* * * 13 *", "'month'"},
           {"* * * mon *", "'month'"},
           {"* * * * 8", "'day of week'"},
           {"* * * * montag", "'day of week'"},
       }) {
    CAPTURE(row.expression);
    const auto cron = Cron::parse(row.expression);
    REQUIRE_FALSE(cron);
    CHECK(cron.error().code == "setting_invalid");
    CHECK(cron.error().message.find(row.named) != std::string::npos);
  }
}

TEST_CASE("an unknown zone is a problem that names it", "[unit][cron]") {
  const auto cron = Cron::parse("0 3 * * *").value();
  for (const char* zone : {"", "Europe/Atlantis", "../../etc/passwd", "CEST+1"}) {
    const auto due = cron.next_after({}, zone);
    REQUIRE_FALSE(due);
    CHECK(due.error().code == "setting_invalid");
    CHECK(due.error().message.find("'" + std::string(zone) + "'") != std::string::npos);
  }
}

TEST_CASE("a day that never comes is a problem, not an endless search", "[unit][cron]") {
  const auto due = Cron::parse("0 0 30 2 *").value().next_after({}, "Europe/Berlin");
  REQUIRE_FALSE(due);
  CHECK(due.error().code == "setting_invalid");
}

TEST_CASE("expressions that mean the same are equal", "[unit][cron]") {
  CHECK(Cron::parse("0 0 * jan sun").value() == Cron::parse("00 0 * 1 7").value());
  CHECK_FALSE(Cron::parse("0 0 * * *").value() == Cron::parse("1 0 * * *").value());
}
