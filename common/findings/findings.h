#pragma once
#include "common/core/ids.h"
#include "common/core/json.h"
#include "common/postgres/postgres.h"

#include <optional>
#include <string>
#include <vector>

/// What an operator should look at (table advisor.findings). Workers raise findings and resolve them; people
/// acknowledge and dismiss them, which raising again leaves alone.
namespace rollcall::findings {

struct Finding {
  std::string tenant_id;
  /// Null: about the tenant as a whole.
  std::optional<Uuid> organization_id;
  /// Which rule found it: stable, dotted, lower case, led by the worker's name ("group_health.ownerless").
  std::string rule;
  /// What it is about within the organization or tenant, such as a schedule's id; empty: that as a whole.
  std::string subject;
  /// security, reliability, cost, performance or operations.
  std::string pillar;
  /// low, medium, high or critical.
  std::string severity;
  std::string title;
  /// What it rests on: an object, without personal data beyond object ids.
  Json evidence = Json::object();
  /// What to do about it.
  std::string remedy;
};

/// What one finding is, and what stands once: tenant, organization, rule and subject.
struct Key {
  std::string tenant_id;
  std::optional<Uuid> organization_id;
  std::string rule, subject;
};

/// A finding that opened or closed by a call, for whoever tells of it.
struct Changed {
  Uuid id;
  Key key;
  std::string severity;
};

/// Opens what does not stand yet and brings what stands up to date (severity, title, evidence, remedy) where
/// it differs. The answer: those that opened. Two entries of one key are a mistake of the caller (Error,
/// invalid).
std::vector<Changed> raise(postgres::Transaction& transaction, const std::vector<Finding>& found);

/// The cause is gone: what stands of these becomes resolved. The answer: those that did.
std::vector<Changed> resolve(postgres::Transaction& transaction, const std::vector<Key>& gone);

}  // namespace rollcall::findings
