#pragma once
#include "common/core/ids.h"

#include <cstdint>
#include <optional>
#include <string>

/// What is hashed of an audit event (ops/docs/adr/0013-audit-chain.md). Pure: the writer, which seals, and
/// whoever verifies agree because both are this code.
namespace rollcall::audit {

using Text = std::optional<std::string>;

/// A row of audit.events, every column as PostgreSQL shows it: ids in lower case, `detail` as jsonb is
/// written, times in microseconds since 1970. Commitments are 32 bytes; they stand only where their part was
/// erased.
struct Content {
  Uuid event_id;
  std::int64_t occurred_at = 0, recorded_at = 0;
  std::string tenant_id;
  Text organization_id, group_id, run_id;
  std::string action;
  Text graph_request_id;
  std::string actor;
  Text actor_salt, actor_commitment, actor_erasure;
  Text member_object_id;
  std::string detail = "{}";
  Text subject_salt, subject_commitment, subject_erasure;
};

/// What stands in for an actor who was erased.
inline constexpr const char* erased_actor = "erased";

/// SHA-256 of everything in the row but its place in the chain. Who did it, and whom and what it was about,
/// go in as salted commitments, so that either can be erased and the hash stays.
std::string content_hash(const Content& row);

/// Whether each part is wholly there or wholly erased.
bool well_formed(const Content& row);

/// Months since January 1970, UTC: which partition holds it.
std::uint16_t month_of(std::int64_t occurred_at);

}  // namespace rollcall::audit
