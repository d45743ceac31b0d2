#include "workers/audit_writer/core/reach.h"

#include <algorithm>

namespace rollcall::audit_writer {

bool overlaps(const Reached& chain, const Span& read) {
  return chain.seals > 0 && read.first < chain.next_offset;
}

std::optional<Reach> reach_of(const Reached& chain, const Span& read, bool known_before) {
  if (!overlaps(chain, read)) return Reach{chain.generation, read};
  if (!known_before) return Reach{chain.generation + 1, read};
  if (read.next <= chain.next_offset) return std::nullopt;
  return Reach{chain.generation, {chain.next_offset, read.next}};
}

}  // namespace rollcall::audit_writer
