#pragma once
#include <array>

namespace rollcall::cli {

/// The kinds of worker that take commands and ticks: they have topics of their own, and can be paused.
inline constexpr std::array worker_kinds{"member-sync"};

}  // namespace rollcall::cli
