#pragma once
#include "common/core/result.h"

#include <string>
#include <string_view>

namespace rollcall::front {

/// Where the next page of a list begins, as text that callers hand back untouched. Bound to the list and its
/// filter, so that a cursor of another list is refused rather than misread; it opens nothing that the caller
/// could not list anyway.
std::string write_cursor(std::string_view list_and_filter, std::string_view position);
/// The position. Problem `cursor_invalid`.
Result<std::string> read_cursor(std::string_view list_and_filter, std::string_view cursor);

}  // namespace rollcall::front
