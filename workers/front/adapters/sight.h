#pragma once
#include "common/core/ids.h"
#include "common/postgres/postgres.h"

#include <optional>
#include <string>
#include <vector>

namespace rollcall::front {

/// What lists over many organizations show their caller: those it administers, or all of its tenant.
struct Sight {
  std::string tenant_id;
  std::optional<Uuid> person;  ///< nothing for a program: it is on no roster
  bool operates = false;
};

/// SQL: whether a row of this organization and tenant is to be shown. Takes three parameters from `$first` on.
std::string seen_condition(const std::string& organization, const std::string& tenant, int first);
/// Those parameters.
std::vector<postgres::Value> seen_values(const Sight& sight);

}  // namespace rollcall::front
