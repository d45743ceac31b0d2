#include "common/graph/client.h"

#include <cassert>
#include <stdexcept>

namespace rollcall::graph {

std::string member_removal_path(const Uuid& group, const Uuid& member) {
  std::string path = "/groups/" + group.to_string() + "/members/" + member.to_string() + "/$ref";
  assert(path.ends_with("/$ref"));
  if (!path.ends_with("/$ref")) throw std::logic_error("a removal URL without /$ref would delete the user");
  return path;
}

}  // namespace rollcall::graph
