#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "workers/front/core/operation.h"
#include "workers/front/core/problem.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rollcall::front {

/// The query parameters of a request, checked against those the operation declares: getters cannot fail.
class Query {
 public:
  Query() = default;
  explicit Query(std::map<std::string, std::string, std::less<>> values) : values_(std::move(values)) {}
  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  [[nodiscard]] std::string text(std::string_view name, std::string_view fallback = {}) const;
  [[nodiscard]] long integer(std::string_view name, long fallback) const;
  [[nodiscard]] bool flag(std::string_view name, bool fallback) const;
  [[nodiscard]] std::optional<Uuid> uuid(std::string_view name) const;
  [[nodiscard]] std::optional<WallTime> time(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

struct QueryReading {
  Query query;
  std::vector<Refusal::Field> mistakes;  ///< unknown, given twice, malformed; empty: all is well
};

/// `pairs`: decoded names and values in the order of the URL.
QueryReading read_query(const std::vector<std::pair<std::string, std::string>>& pairs,
                        const std::vector<QueryParameter>& declared,
                        bool others_pass = false);

}  // namespace rollcall::front
