#pragma once
#include <string>

namespace rollcall::member_sync {

/// SQL: whether the group of a sync.groups row `g` is due its full read. `interval`: the parameter with the
/// longest time between two, in milliseconds. Each organization has its own share of the last quarter, so
/// that what was read in one sweep is not due in one.
inline std::string full_read_due(const std::string& interval) {
  return "g.full_read_at <= now() - " + interval +
         "::bigint * (1 - (hashtextextended(g.organization_id::text, 0) & 1023) / 4096.0) * interval "
         "'1 millisecond'";
}

}  // namespace rollcall::member_sync
