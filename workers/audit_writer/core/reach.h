#pragma once
#include <cstdint>
#include <optional>

/// Which part of what was read is new to its chain, decided from offsets alone.
namespace rollcall::audit_writer {

/// Offsets of one partition, the end not included.
struct Span {
  std::int64_t first = 0;
  std::int64_t next = 0;
};

/// How far a chain has come.
struct Reached {
  std::int64_t generation = 1;
  std::int64_t seals = 0;
  std::int64_t next_offset = 0;
};

/// What the next seal of the chain covers.
struct Reach {
  std::int64_t generation = 1;
  Span span;
};

/// Whether anything was read again from before the chain's end, so that it must be asked whether it is known.
bool overlaps(const Reached& chain, const Span& read);

/// What was read before, and stands, is left out: a writer that lost its partition, or died before its
/// commit, read it too. Where something from before the chain's end is not known, the topic began anew, and
/// so does the chain's count of it. Nothing where all was sealed already.
std::optional<Reach> reach_of(const Reached& chain, const Span& read, bool known_before);

}  // namespace rollcall::audit_writer
