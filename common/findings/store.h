#pragma once
#include "common/core/clock.h"
#include "common/postgres/postgres.h"
#include "common/runs/audit.h"

#include <optional>
#include <string>
#include <vector>

/// Findings as people list and decide them, through the command line and the front.
namespace rollcall::findings {

/// Whose findings whoever asks may see: SQL over advisor.findings `f`, with its parameters from $1 on.
struct Seen {
  std::string condition;
  std::vector<postgres::Value> values;
};

struct Filter {
  std::optional<Uuid> organization = std::nullopt;
  std::string state = {}, pillar = {}, severity = {}, rule = {};  ///< empty: any
};

/// One page of a list. `next`, the time the last one was opened and its id, is where the page after it
/// begins; empty on the last page.
struct Page {
  Json items = Json::array();
  std::vector<std::string> next;
};
/// Newest first. `position`: `next` of the page before, or empty.
Page list(postgres::Database& database, const Seen& seen, const Filter& filter,
          const std::vector<std::string>& position, long limit);
/// Throws Error{not_found, "finding_not_found"}.
Json show(postgres::Database& database, const Seen& seen, const Uuid& id);

/// What someone decided about a finding.
struct Decision {
  std::string state;  ///< acknowledged or dismissed
  std::string why;
  std::optional<WallTime> until;  ///< then it counts as open again
};
struct Decided {
  Json finding;                      ///< as it is now
  std::vector<runs::Stored> stored;  ///< none where it was decided so already
};
/// Throws as show(), and Error{conflict, "finding_resolved"} where there is nothing left to decide.
Decided decide(postgres::Transaction& transaction, const Seen& seen, const Uuid& id, const Decision& decision,
               const runs::Asker& asker);

}  // namespace rollcall::findings
