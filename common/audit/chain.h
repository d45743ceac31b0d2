#pragma once
#include "common/core/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Seals: each closes a batch of events over the seal before it. Pure.
namespace rollcall::audit {

/// An event as its seal knows it.
struct Entry {
  Uuid event_id;
  std::uint16_t month = 0;  ///< month_of() the event: what retention may take away
  std::string content;      ///< content_hash(), 32 bytes
};

/// Sorts by event id; 50 bytes an entry.
std::string write_manifest(std::vector<Entry> entries);
/// Nothing where these bytes are no manifest.
std::optional<std::vector<Entry>> read_manifest(const std::string& bytes);

/// A chain: what one partition of one topic brought. Chain 0 holds what stood before there were chains.
struct Chain {
  std::int64_t chain = 0;
  std::string topic;
  std::int64_t partition = 0;
};

/// A row of audit.seals.
struct Seal {
  std::int64_t chain = 0, number = 0;
  std::int64_t generation = 0;                     ///< one more each time the topic began anew
  std::int64_t first_offset = 0, next_offset = 0;  ///< what was read of the partition, the end not included
  std::int64_t events = 0;
  std::int64_t sealed_at = 0;  ///< microseconds since 1970
  std::string previous;        ///< the root before it; 32 zero bytes for the first
  std::string manifest;
  std::string root;
};

std::string first_root();
/// SHA-256 over where it belongs, everything it says, the root before it and its manifest.
std::string root_of(const Chain& chain, const Seal& seal);

}  // namespace rollcall::audit
