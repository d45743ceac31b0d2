#pragma once
#include "common/postgres/postgres.h"

#include <string>

namespace rollcall::postgres {

/// What the URL does not say itself. Keepalives and tcp_user_timeout: a peer that vanished without a word (a
/// host gone, a link cut) is noticed in half a minute instead of two hours.
std::string connection_string(const Options& options);

}  // namespace rollcall::postgres
