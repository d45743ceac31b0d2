#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Where a reader of all news stands, and how it goes on from there.
namespace rollcall::front {

/// The next offset of each partition, by its number. A partition beyond the end has its first one to come: it
/// was added later.
using Positions = std::vector<std::int64_t>;

/// As an event's id: the same on every front, since all read the same topic.
std::string write_positions(const Positions& positions);
/// Nothing where it is not one of ours.
std::optional<Positions> read_positions(std::string_view id);

/// 0 beyond the end.
std::int64_t position_of(const Positions& positions, std::size_t partition);
/// The message at this offset has been seen.
void advance(Positions& positions, std::size_t partition, std::int64_t offset);
/// Whether `left` is nowhere behind `right`.
bool covers(const Positions& left, const Positions& right);

/// The later one of each partition.
Positions later_of(Positions left, const Positions& right);

/// What the topic holds of a partition.
struct Held {
  std::int64_t first = 0, next = 0;
};
/// Whether a reader that stands at `wanted` can be brought up to `now`: not where something of it is gone,
/// where it names what never was, or where it would be more than `messages_max`. It may be ahead of `now`:
/// another front had told it more than this one has seen yet.
bool can_resume(const std::vector<Held>& held, const Positions& wanted, const Positions& now,
                std::int64_t messages_max);

}  // namespace rollcall::front
