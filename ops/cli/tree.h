#pragma once
#include "ops/cli/arguments.h"

#include <string>

#include <CLI/CLI.hpp>

namespace rollcall::cli {

/// The tree of commands: one method per noun. Holds references into the Arguments that parsing fills.
class Tree {
 public:
  explicit Tree(Arguments& arguments);

  CLI::App& app() { return app_; }

 private:
  // tree_work.cpp
  void organizations();
  void synchronization();
  void runs();
  void schedules();
  // tree_operations.cpp
  void workers();
  void topics();
  void dead();
  void audit();
  void findings();
  void vault();
  void manifest();
  void sandbox();

  CLI::App& group(const std::string& name, const std::string& purpose);
  CLI::App& leaf(CLI::App& parent, const std::string& name, const std::string& purpose,
                 const std::string& example);
  /// For the help text; take_json_flag() has taken the flag out before the parser looks.
  void json(CLI::App& app);
  void organization(CLI::App& app);
  void run(CLI::App& app);
  void kind(CLI::App& app);
  void schedule(CLI::App& app);
  void finding(CLI::App& app);
  void decision(CLI::App& app);
  void full_read(CLI::App& app);
  void limit(CLI::App& app);
  void timeout(CLI::App& app);

  Arguments& a_;
  CLI::App app_;
};

}  // namespace rollcall::cli
