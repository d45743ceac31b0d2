#pragma once
#include "common/core/clock.h"

#include <optional>
#include <string>
#include <string_view>

/// A few of the time zones that Outlook knows, by their Windows and their IANA names, with the daylight rules
/// of today.
namespace rollcall::sandbox_graph {

bool known_zone(std::string_view name);
/// "2026-11-21T10:00:00.0000000", as Graph writes it, in a known zone.
std::string to_local(WallTime time, std::string_view zone);
/// Nothing where the text is no time without an offset, or the zone is unknown.
std::optional<WallTime> from_local(std::string_view text, std::string_view zone);
/// A time with an offset, with "Z", or with neither, which is UTC.
std::optional<WallTime> parse_iso(std::string_view text);

}  // namespace rollcall::sandbox_graph
