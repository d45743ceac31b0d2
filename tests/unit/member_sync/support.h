#pragma once
#include "workers/member_sync/core/plan.h"

#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace rollcall::member_sync::test {

/// A readable id: the number in its last bytes.
inline Uuid id(unsigned number) {
  Uuid uuid;
  for (int i = 0; i < 4; ++i)
    uuid.bytes[static_cast<std::size_t>(15 - i)] = static_cast<std::uint8_t>(number >> (8 * i));
  return uuid;
}

inline Ids ids(std::initializer_list<unsigned> numbers) {
  Ids result;
  for (const unsigned number : numbers)
    result.push_back(id(number));
  normalize(result);
  return result;
}

inline Ids ids(const std::set<unsigned>& numbers) {
  Ids result;
  for (const unsigned number : numbers)
    result.push_back(id(number));
  return result;
}

/// first, first + 1, … as ids.
inline Ids range(unsigned first, unsigned count) {
  Ids result;
  for (unsigned i = 0; i < count; ++i)
    result.push_back(id(first + i));
  return result;
}

inline const Uuid group_id = id(0xF0000000U);

}  // namespace rollcall::member_sync::test
