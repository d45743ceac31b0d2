#pragma once
#include "common/core/json.h"

#include <string>
#include <vector>

namespace rollcall::front {

/// Where a page begins: the columns that a list is sorted by, of the last row before it. Empty: at the start.
using Position = std::vector<std::string>;

/// One page of a list, and the position behind it; empty on the last one.
struct Page {
  Json items = Json::array();
  Position next;
};

}  // namespace rollcall::front
