#pragma once
#include "common/runs/runs.h"

#include <string>

/// What people do to a run: each locks it, stores its new state with who asked for it, and leaves the news in
/// the outbox. All throw Error{not_found,"run_not_found"} for an unknown id.
namespace rollcall::runs {

/// needs_approval → queued with the digest approved (valid for 24 h), command in the outbox. Throws
/// Error{conflict,"not_waiting_for_approval"} in any other state.
Stored approve(postgres::Transaction& transaction, const Uuid& run, const std::string& by, WallTime now);
/// needs_approval → cancelled with code "rejected". Errors as approve().
Stored reject(postgres::Transaction& transaction, const Uuid& run, const std::string& by, WallTime now);

struct Cancelled {
  bool at_once = false;  ///< else its worker has been asked, and ends it at its next checkpoint
  Stored stored;
};
/// queued, waiting, needs_approval → cancelled at once; whatever joined the run goes on without it. running:
/// its worker is asked to stop, once. Throws Error{conflict,"run_finished"} where the run is over.
Cancelled cancel(postgres::Transaction& transaction, const Uuid& run, const std::string& by, WallTime now);

/// failed, cancelled → queued as on its first day: no attempt spent, its age counted from now, nothing left
/// of an approval, of a request to stop or of what it had joined. Throws Error{conflict,"run_not_failed"} in
/// any other state.
Stored retry(postgres::Transaction& transaction, const Uuid& run, const std::string& by, WallTime now);

}  // namespace rollcall::runs
