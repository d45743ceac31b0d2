#pragma once
#include "common/group_health/store.h"
#include "ops/cli/output.h"

/// How a linked group is, for people.
namespace rollcall::cli {

void print_health(Output& output, const group_health::Health& health);

}  // namespace rollcall::cli
