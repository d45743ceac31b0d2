#pragma once
#include "common/runs/runs.h"

#include <chrono>
#include <string>
#include <vector>

namespace rollcall::runs {

/// Inserts runs that begin only after `wait`: state waiting, code "debounced"; the scheduler resumes them. A
/// run equal to one that still waits like this, or that is queued and was never begun, is left out: that one
/// will see all that this one would. Atomic, whoever else does the same. Each run has an organization, and no
/// two in a block the same. `why`: what the runs say they wait for. Returns how many were inserted.
long enqueue_debounced(postgres::Transaction& transaction, const std::vector<NewRun>& runs,
                       std::chrono::milliseconds wait,
                       const std::string& why = "More changes may follow: one sync will serve them all.");

}  // namespace rollcall::runs
