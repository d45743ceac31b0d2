#include "workers/token_renewal/core/tally.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::token_renewal;

TEST_CASE("outcomes are counted, over all attempts of a run") {
  Tally first(3, nullptr);
  for (const char* outcome : {"renewed", "renewed", "reconnect", "busy", "not_due"})
    first.add(outcome);
  CHECK(first.total() == 3);
  Tally second(3, first.json());
  second.add("unreadable");
  CHECK(second.json() ==
        Json{{"renewed", 2}, {"postponed", 0}, {"reconnect", 1}, {"refused", 0}, {"unreadable", 1}});
}

TEST_CASE("failures of Entra ID's in a row end it; others do not, and one that is renewed forgives them") {
  Tally tally(3, Json::object());
  for (const char* outcome : {"postponed", "refused", "renewed", "postponed", "unreadable", "refused"})
    tally.add(outcome);
  CHECK_FALSE(tally.hopeless());
  tally.add("postponed");
  CHECK(tally.hopeless());
  CHECK_FALSE(Tally(3, tally.json()).hopeless());
}

TEST_CASE("what a newer program carried is no trouble") {
  CHECK(Tally(3, Json{{"renewed", "many"}, {"http", 7}}).total() == 0);
}
