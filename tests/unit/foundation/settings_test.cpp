#include "common/config/settings.h"

#include "common/core/error.h"
#include "tests/support/catch.h"
#include "tests/unit/foundation/temporary_file.h"

#include <map>

using namespace std::chrono_literals;
using rollcall::Error;
using rollcall::config::Settings;

namespace {

Settings settings_of(std::map<std::string, std::string> values) {
  return Settings([values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string mistakes_of(const Settings& settings) {
  try {
    settings.finish();
  } catch (const Error& error) {
    CHECK(error.fault() == rollcall::Fault::config);
    CHECK(error.code() == "setting_invalid");
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a setting that is unset or empty has its default", "[unit][settings]") {
  auto settings = settings_of({{"LEVEL", ""}});
  CHECK(settings.text("LEVEL", "info", "h") == "info");
  CHECK(settings.flag("FLAG", true, "h"));
  CHECK(settings.number("NUMBER", 7, 1, 9, "h") == 7);
  CHECK(settings.duration("DURATION", 90s, 1s, 1h, "h") == 90s);
  CHECK(settings.url("URL", "http://localhost:9000/", "h") == "http://localhost:9000");
  CHECK(settings.url("OTHER_URL", "", "h").empty());
  CHECK(settings.secret("SECRET", "h").empty());
  CHECK_NOTHROW(settings.finish());
}

TEST_CASE("values are read in every form that the contract names", "[unit][settings]") {
  auto settings = settings_of({{"A", "250ms"},
                               {"B", "30s"},
                               {"C", "5m"},
                               {"D", "2h"},
                               {"N", "-3"},
                               {"ON", "Yes"},
                               {"OFF", "0"},
                               {"URL", "https://graph.example/v1.0/"},
                               {"TEXT", "x"}});
  CHECK(settings.duration("A", 1s, 0s, 24h, "h") == 250ms);
  CHECK(settings.duration("B", 1s, 0s, 24h, "h") == 30s);
  CHECK(settings.duration("C", 1s, 0s, 24h, "h") == 5min);
  CHECK(settings.duration("D", 1s, 0s, 24h, "h") == 2h);
  CHECK(settings.number("N", 1, -5, 5, "h") == -3);
  CHECK(settings.flag("ON", false, "h"));
  CHECK_FALSE(settings.flag("OFF", true, "h"));
  CHECK(settings.url("URL", "", "h") == "https://graph.example/v1.0");
  CHECK(settings.required("TEXT", "h") == "x");
  CHECK_NOTHROW(settings.finish());
}

TEST_CASE("all mistakes are reported at once, each with its setting", "[unit][settings]") {
  auto settings = settings_of(
      {{"NUMBER", "12x"}, {"BIG", "10"}, {"DURATION", "5 m"}, {"FLAG", "maybe"}, {"URL", "localhost"}});
  settings.number("NUMBER", 1, 0, 9, "h");
  settings.number("BIG", 1, 0, 9, "h");
  settings.duration("DURATION", 1s, 1s, 1h, "h");
  settings.flag("FLAG", false, "h");
  settings.url("URL", "", "h");
  settings.required("DATABASE_URL", "where the database is");
  settings.required_secret("KEY", "the key");
  settings.mistake("OTHER", "does not go with URL");
  const std::string message = mistakes_of(settings);
  CHECK(contains(message, "8 settings are wrong"));
  for (const char* part :
       {"NUMBER is '12x', not a whole number from 0 to 9", "BIG is '10'", "DURATION is '5 m'", "1s to 1h",
        "FLAG is 'maybe'", "URL is not a URL", "DATABASE_URL is required", "KEY or KEY_FILE is required",
        "OTHER does not go with URL"}) {
    CAPTURE(message, part);
    CHECK(contains(message, part));
  }
}

TEST_CASE("durations without a unit, out of range or too long for the clock are mistakes",
          "[unit][settings]") {
  for (const char* text : {"30", "s", "-5s", "1.5s", "5M", "3h", "99999999999999999999h",
                           "9223372036854775807h", "1s ", "1s1s"}) {
    auto settings = settings_of({{"WAIT", text}});
    CHECK(settings.duration("WAIT", 1s, 1s, 2h, "h") == 1s);
    CAPTURE(text);
    CHECK(contains(mistakes_of(settings), "WAIT"));
  }
}

TEST_CASE("a URL needs a scheme of the web and a host", "[unit][settings]") {
  for (const char* text : {"ftp://host", "http://", "https:///path", "http://a b", "http:/host", "//host"}) {
    auto settings = settings_of({{"URL", text}});
    settings.url("URL", "", "h");
    CAPTURE(text);
    CHECK(contains(mistakes_of(settings), "URL"));
  }
}

TEST_CASE("a secret is read from the file that NAME_FILE names, without its last newline",
          "[unit][settings]") {
  const TemporaryFile file("hunter2\n\n");
  auto settings = settings_of({{"KEY_FILE", file.path}});
  CHECK(settings.required_secret("KEY", "h").reveal() == "hunter2\n");
  CHECK_NOTHROW(settings.finish());
}

TEST_CASE("a secret file that is missing, empty or a folder is one mistake", "[unit][settings]") {
  const TemporaryFile empty("");
  for (const std::string& path : {std::string("/nonexistent/key"), empty.path, std::string("/tmp")}) {
    auto settings = settings_of({{"KEY_FILE", path}});
    CHECK(settings.required_secret("KEY", "h").empty());
    const auto message = mistakes_of(settings);
    CAPTURE(message);
    CHECK(contains(message, "1 setting is wrong"));
    CHECK(contains(message, "KEY_FILE names '" + path + "'"));
  }
}

TEST_CASE("a secret given twice is a mistake", "[unit][settings]") {
  const TemporaryFile file("one");
  auto settings = settings_of({{"KEY", "two"}, {"KEY_FILE", file.path}});
  settings.secret("KEY", "h");
  CHECK(contains(mistakes_of(settings), "KEY is set, and KEY_FILE too"));
}

TEST_CASE("NAME_FILE is not read for settings that are not secret", "[unit][settings]") {
  auto settings = settings_of({{"LEVEL_FILE", "/etc/hostname"}});
  CHECK(settings.text("LEVEL", "info", "h") == "info");
}

TEST_CASE("neither mistakes nor the table contain a secret or the password in a URL", "[unit][settings]") {
  auto settings = settings_of({{"KEY", "hunter2"}, {"KEY_FILE", "/tmp"}, {"URL", "ftp://user:hunter2@host"}});
  settings.required_secret("KEY", "h");
  settings.url("URL", "", "h");
  CHECK_FALSE(contains(mistakes_of(settings), "hunter2"));
  CHECK_FALSE(contains(settings.describe(), "hunter2"));
}

TEST_CASE("the table names each setting once, with default and meaning", "[unit][settings]") {
  auto settings = settings_of({});
  settings.text("LEVEL", "info", "how much is logged");
  settings.text("LEVEL", "info", "how much is logged");
  settings.duration("WAIT", 90s, 1s, 1h, "how long to wait");
  settings.required_secret("KEY", "the key");
  const auto table = settings.describe();
  CHECK(contains(table, "LEVEL  info               how much is logged\n"));
  CHECK(contains(table, "WAIT   90s                how long to wait\n"));
  CHECK(contains(table, "KEY    (required secret)  the key (or KEY_FILE)\n"));
  CHECK(table.find("LEVEL") == table.rfind("LEVEL"));
}
