#include "workers/front/adapters/sight.h"

#include "workers/front/adapters/standing.h"

namespace rollcall::front {

std::string seen_condition(const std::string& organization, const std::string& tenant, int first) {
  const auto parameter = [&](int i) { return "$" + std::to_string(first + i); };
  return "(" + tenant + " = " + parameter(1) + " AND (" + parameter(2) + "::boolean OR " +
         administered_condition(organization, first) + "))";
}

std::vector<postgres::Value> seen_values(const Sight& sight) {
  return {postgres::value(sight.person), postgres::value(sight.tenant_id), postgres::value(sight.operates)};
}

}  // namespace rollcall::front
