#pragma once
#include "workers/member_sync/core/plan.h"

#include <algorithm>
#include <cstddef>

namespace rollcall::member_sync {

/// Rows per statement: large enough that round trips vanish, small enough that no parameter is huge.
inline constexpr std::size_t rows_per_block = 10'000;

template <class Work>
void for_blocks(std::size_t size, Work work) {
  for (std::size_t first = 0; first < size; first += rows_per_block)
    work(first, std::min(size, first + rows_per_block));
}

inline Ids block(const Ids& ids, std::size_t first, std::size_t last) {
  return {ids.begin() + static_cast<std::ptrdiff_t>(first), ids.begin() + static_cast<std::ptrdiff_t>(last)};
}

}  // namespace rollcall::member_sync
