#pragma once
#include "common/core/json.h"
#include "common/postgres/postgres.h"
#include "ops/cli/app.h"
#include "tests/support/catch.h"
#include "tests/support/services.h"

#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace rollcall::test {

struct Answer {
  int exit = 0;
  std::string out, err;
  [[nodiscard]] Json json() const { return Json::parse(out); }
};

using Variables = std::map<std::string, std::string>;

/// The command line in this process, on a database of its own. `more` are further settings.
class Shell {
 public:
  explicit Shell(Variables more = {}, bool migrated = true) : variables_(std::move(more)) {
    variables_.emplace("DATABASE_URL", migrated ? migrated_database() : fresh_database());
  }

  Answer operator()(std::vector<std::string> words, const std::string& input = {},
                    cli::Terminal terminal = {}) const {
    std::ostringstream out, err;
    std::istringstream in(input);
    const auto environment = [variables = variables_](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    const int exit = cli::run(std::move(words), {out, err, in, environment, terminal});
    return {exit, out.str(), err.str()};
  }
  [[nodiscard]] Json json(std::vector<std::string> words, const std::string& input = {}) const {
    words.push_back("--json");
    return (*this)(std::move(words), input).json();
  }
  postgres::Rows query(const std::string& sql) const {  // also for statements
    postgres::Options options;
    options.url = variables_.at("DATABASE_URL");
    return postgres::Database(options).query(sql);
  }
  [[nodiscard]] std::string add(const std::string& name) const {
    return json({"org", "add", "--name", name})["id"];
  }

 private:
  Variables variables_;
};

}  // namespace rollcall::test
