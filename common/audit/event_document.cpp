#include "common/audit/event_document.h"

#include "common/postgres/columns.h"

namespace rollcall::audit {

std::string event_columns(const std::string& table) {
  const auto of = [&](const char* column) { return table + "." + column; };
  return of("event_id") + ", " + postgres::time_of(of("occurred_at")) + ", " + of("tenant_id") + ", " +
         of("organization_id") + ", " + of("group_id") + ", " + of("run_id") + ", " + of("actor") + ", " +
         of("action") + ", " + of("member_object_id") + ", " + of("graph_request_id") + ", " + of("detail");
}

Json event_document(const postgres::Row& row) {
  using postgres::or_null;
  return {{"event_id", row.text(0)},
          {"occurred_at", row.text(1)},
          {"tenant_id", row.text(2)},
          {"organization_id", or_null(row, 3)},
          {"group_id", or_null(row, 4)},
          {"run_id", or_null(row, 5)},
          {"actor", row.text(6)},
          {"action", row.text(7)},
          {"member_object_id", or_null(row, 8)},
          {"graph_request_id", or_null(row, 9)},
          {"detail", row.json(10)}};
}

}  // namespace rollcall::audit
