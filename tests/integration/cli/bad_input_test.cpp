#include "tests/integration/cli/shell.h"

#include <cstdio>
#include <cstdlib>

/// What an operator gets wrong: each is refused by name, and nothing is changed.
using namespace rollcall;
using namespace rollcall::test;

TEST_CASE("A bad roster of any kind is refused with line and column, and changes nothing") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  const std::string head = "email,display_name,role\n";
  REQUIRE(rollcall({"roster", "import", org, "-"}, head + "ada@contoso.com,Ada,admin\n").exit == 0);
  struct Case {
    std::string name, text;
    int line, column;
  };
  for (const auto& [name, text, line, column] : std::vector<Case>{
           {"empty file", "", 1, 1},
           {"no header", "ada@contoso.com,Ada,admin\n", 1, 1},
           {"missing column", "email,display_name\na@b.c,A\n", 1, 1},
           {"wrong column", "email,display_name,role,phone\na@b.c,A,m,1\n", 1, 25},
           {"extra column", head + "a@b.c,A,m,extra\n", 2, 1},
           {"unterminated quote", head + "a@b.c,\"A,m\nb@b.c,B,m\n", 2, 7},
           {"bad address", head + "nobody,A,m\n", 2, 1},
           {"the same address twice", head + "a@b.c,A,m\nb@b.c,B,m\nA@b.c,A,m\n", 4, 1},
           {"NUL", head + std::string("a@b.c,A\0,m\n", 11), 2, 8},
           {"not UTF-8", head + "a@b.c,A\xFF,m\n", 2, 8},
           {"UTF-16",
            "\xFF\xFE"
            "e\0m\0",
            1, 1},
           {"huge field", head + std::string(4'000'000, 'x') + ",A,m\n", 2, 1},
           {"huge role", head + "a@b.c,A," + std::string(4'000'000, 'x') + "\n", 2, 9},
       }) {
    INFO(name);
    const auto answer = rollcall({"roster", "import", org, "-", "--json"}, text);
    CHECK(answer.exit == 2);
    CHECK(answer.out.size() < 5'000);  // a mistake is quoted, not the file
    const Json error = answer.json()["error"];
    CHECK(error["code"] == "roster_invalid");
    REQUIRE_FALSE(error["mistakes"].empty());
    CHECK(error["mistakes"][0]["line"] == line);
    CHECK(error["mistakes"][0]["column"] == column);
    const auto said = rollcall({"roster", "import", org, "-"}, text);
    CHECK(said.err.find("line " + std::to_string(line) + ", column " + std::to_string(column)) !=
          std::string::npos);
  }
  CHECK(rollcall.json({"org", "show", org})["roster_version"] == 1);
  CHECK(rollcall.json({"roster", "show", org})["members"].size() == 1);
}

TEST_CASE("Spreadsheets' habits are no mistakes: a byte order mark, CRLF, quotes, a missing last line end") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  const std::string plain = "email,display_name,role\nada@contoso.com,\"Lovelace, Ada\",admin\n";
  REQUIRE(rollcall.json({"roster", "import", org, "-"}, plain)["added"] == 1);
  for (const std::string text :
       {"\xEF\xBB\xBF"
        "email,display_name,role\r\nada@contoso.com,\"Lovelace, Ada\",admin\r\n",
        "\"email\",\"display_name\",\"role\"\nada@contoso.com,\"Lovelace, Ada\",admin"}) {
    INFO(text);
    CHECK(rollcall.json({"roster", "import", org, "-"}, text)["unchanged"] == 1);
  }
}

TEST_CASE("Ids that are no GUIDs are mistakes of usage that name the argument") {
  const Shell rollcall;
  const std::string org = rollcall.add("Contoso");
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"org", "add", "--name", "X", "--group", "1b2d4c1e"},
                                             {"org", "link", org, "{1b2d4c1e-0000-4000-8000-00000000000g}"},
                                             {"org", "link", org, "00000000-0000-0000-0000-000000000000"},
                                             {"runs", "show", "17"},
                                             {"runs", "watch", "17"},
                                             {"runs", "approve", ""},
                                             {"audit", "list", "--run", "17"}}) {
    const auto answer = rollcall(words);
    INFO(answer.err);
    CHECK(answer.exit == 2);
    CHECK(answer.err.find("GUID") != std::string::npos);
  }
}

TEST_CASE("On a database that nothing was migrated on, every command says to migrate") {
  const Shell rollcall({}, false);
  for (const auto& words : std::vector<std::vector<std::string>>{{"org", "list"},
                                                                 {"org", "add", "--name", "X"},
                                                                 {"sync", "--all"},
                                                                 {"runs", "list"},
                                                                 {"schedules", "list"},
                                                                 {"audit", "list"}}) {
    auto asked = words;
    asked.push_back("--json");
    const auto answer = rollcall(asked);
    CHECK(answer.exit == 1);
    CHECK(answer.json()["error"]["code"] == "migrations_waiting");
    CHECK(answer.json()["error"]["cure"] == "Run 'rollcall migrate'.");
  }
}

TEST_CASE("A migration that was edited after it ran is named, and nothing is migrated") {
  const Shell rollcall;
  rollcall.query("UPDATE public.rollcall_migrations SET sha256 = repeat('0', 64) WHERE name LIKE '0002%'");
  const auto answer = rollcall({"migrate", "--json"});
  CHECK(answer.exit == 1);
  const Json error = answer.json()["error"];
  CHECK(error["code"] == "migration_edited");
  CHECK(error["message"].get<std::string>().find("0002") != std::string::npos);
}

TEST_CASE("doctor names every setting that is missing or wrong at once, and still checks the rest") {
  const Shell rollcall(Variables{{"MS_AUTH_ENABLED", "perhaps"}, {"MS_GRAPH_URL", "graph"}});
  const auto answer = rollcall({"doctor", "--json"});
  CHECK(answer.exit == 1);
  const Json checks = answer.json()["checks"];
  REQUIRE(checks.size() == 3);
  const std::string says = checks[0]["message"];
  for (const char* name : {"KAFKA_BROKERS", "MS_AUTH_ENABLED", "MS_GRAPH_URL", "MS_AUTH_TENANT_ID",
                           "MS_AUTH_CLIENT_ID", "MS_AUTH_SECRET"}) {
    INFO(says);
    CHECK(says.find(name) != std::string::npos);
  }
  CHECK(checks[1]["state"] == "ok");  // postgresql
  CHECK(checks[2]["state"] == "ok");  // migrations
}

TEST_CASE("Each worker's --check-config names every wrong setting at once") {
  const char* bin = std::getenv("ROLLCALL_BIN");
  REQUIRE(bin != nullptr);
  for (const std::string worker :
       {"member-sync", "group-health", "token-renewal", "audit-writer", "scheduler"}) {
    INFO(worker);
    const std::string command = "env -i ROLLCALL_OPS_PORT=70000 '" + std::string(bin) + "/rollcall-" +
                                worker + "' --check-config 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string said;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
      said += static_cast<char>(c);
    CHECK(WEXITSTATUS(pclose(pipe)) == 78);
    for (const char* name : {"DATABASE_URL", "KAFKA_BROKERS", "ROLLCALL_OPS_PORT"}) {
      INFO(said);
      CHECK(said.find(name) != std::string::npos);
    }
  }
}
