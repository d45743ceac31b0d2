#pragma once
#include "common/config/settings.h"
#include "common/core/clock.h"
#include "common/directory/organizations.h"
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"
#include "common/runs/runs.h"
#include "ops/cli/output.h"

#include <chrono>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rollcall::cli {

/// Who asked, in runs, events and the audit trail.
inline constexpr const char* actor = "cli";

using directory::Organization;

/// What a command works with. Connections are opened when first asked for, so that a command needs only the
/// settings it uses.
class Context {
 public:
  Context(config::Environment environment, Output& output, std::istream& in);
  ~Context();

  Output& output;
  std::istream& in;

  [[nodiscard]] const config::Environment& environment() const { return environment_; }
  [[nodiscard]] WallTime now() const { return clock_.wall(); }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  /// MS_AUTH_TENANT_ID, or "default".
  [[nodiscard]] std::string tenant() const;
  /// Whether the setting, or its _FILE, is given.
  [[nodiscard]] bool has(const std::string& name) const;
  /// The setting, or Failure{usage} that says how to set it.
  [[nodiscard]] std::string required(const std::string& name, const std::string& example) const;
  postgres::Database& database();
  [[nodiscard]] kafka::Options kafka() const;
  /// Kafka's topics; within seconds Error{transient} where no broker answers.
  [[nodiscard]] std::vector<kafka::TopicDescription> topics() const;

  /// By id, or by name where only one has it. Throws Failure: not_found, or refused where several do.
  Organization organization(const std::string& id_or_name);
  /// Publishes what a transaction left in the outbox. Where Kafka does not take it in time, says that the
  /// scheduler will.
  void publish(std::vector<runs::Stored> stored);

 private:
  config::Environment environment_;
  SystemClock clock_;
  std::unique_ptr<postgres::Database> database_;
};

/// Parses or throws Failure{usage}.
Uuid require_uuid(const std::string& text, const std::string& what);

}  // namespace rollcall::cli
