#include "ops/cli/roster_import.h"
#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::cli;

TEST_CASE("A good roster is read, whatever the order of its columns") {
  const RosterFile roster = read_roster(
      "role,object_id,email,display_name\r\n"
      "Admin,1B2D4C1E-0000-4000-8000-000000000001,Ada@Contoso.com,\"Lovelace, Ada\"\r\n"
      ",, bob@contoso.com ,Bob\r\n");
  REQUIRE(roster.mistakes.empty());
  CHECK(roster.roster.names_object_ids);
  REQUIRE(roster.roster.members.size() == 2);
  CHECK(roster.roster.members[0] ==
        directory::RosterMember{"ada@contoso.com", "Lovelace, Ada", "admin",
                                Uuid::parse("1b2d4c1e-0000-4000-8000-000000000001")});
  CHECK(roster.roster.members[1] ==
        directory::RosterMember{"bob@contoso.com", "Bob", "member", std::nullopt});
}

TEST_CASE("A header alone is an empty roster") {
  const RosterFile roster = read_roster("email,display_name,role\n");
  CHECK(roster.mistakes.empty());
  CHECK(roster.roster.members.empty());
  CHECK_FALSE(roster.roster.names_object_ids);
}

TEST_CASE("Mistakes in a roster are told with line and column") {
  const std::string head = "email,display_name,role,object_id\n";
  struct Case {
    std::string text;
    csv::Position at;
    std::string says;
  };
  for (const auto& [text, at, says] : std::vector<Case>{
           {"", {1, 1}, "empty"},
           {"email;display_name;role\n", {1, 1}, "semicolons"},
           {"email,display_name\n", {1, 1}, "'role' is missing"},
           {"email,display_name,role,role\n", {1, 25}, "twice"},
           {"email,display_name,role,objectid\n", {1, 25}, "unknown column 'objectid'"},
           {head + "a@b.c,A,member\n", {2, 1}, "3 fields"},
           {head + "a@b.c,A,member,,\n", {2, 1}, "5 fields"},
           {head + ",A,member,\n", {2, 1}, "missing"},
           {head + "nobody,A,member,\n", {2, 1}, "no email address"},
           {head + "a@b@c,A,member,\n", {2, 1}, "no email address"},
           {head + "a b@c.d,A,member,\n", {2, 1}, "no email address"},
           {head + "j\xC3\xB6rg@b.c,A,member,\n", {2, 1}, "cannot have"},
           {head + "a@b.c,A,m,\nA@B.C,A,m,\n", {3, 1}, "already in line 2"},
           {head + "a@b.c,A,two words,\n", {2, 9}, "role"},
           {head + "a@b.c,A,m,123\n", {2, 11}, "no GUID"},
           {head + "a@b.c,A,m,1b2d4c1e-0000-4000-8000-000000000001\nb@b.c,A,m,1B2D4C1E-0000-4000-8000-"
                   "000000000001\n",
            {3, 11},
            "already in line 2"},
           {head + "a@b.c,\"A\nB\",m,\n", {2, 7}, "line break"},
       }) {
    INFO(text);
    const RosterFile roster = read_roster(text);
    REQUIRE(roster.mistakes.size() == 1);
    CHECK(roster.mistakes[0].at.line == at.line);
    CHECK(roster.mistakes[0].at.column == at.column);
    INFO(roster.mistakes[0].what);
    CHECK(roster.mistakes[0].what.find(says) != std::string::npos);
  }
}

TEST_CASE("All mistakes are told at once, in the order of the file, at most twenty") {
  const RosterFile some = read_roster("email,display_name,role\nnobody,A,m\na@b.c,\"A\"x,m\nc@d.e,C,m m\n");
  REQUIRE(some.mistakes.size() == 3);
  CHECK(some.mistakes[0].at.line == 2);
  CHECK(some.mistakes[1].at.line == 3);
  CHECK(some.mistakes[2].at.line == 4);

  std::string text = "email,display_name,role\n";
  for (int i = 0; i < 100; ++i)
    text += "nobody,A,m\n";
  CHECK(read_roster(text).mistakes.size() == roster_mistakes_max);
}
