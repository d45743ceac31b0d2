#pragma once
#include "workers/front/core/operation.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::front {

using PathParameters = std::map<std::string, std::string, std::less<>>;

struct Match {
  enum class Kind { found, no_such_path, no_such_method };
  Kind kind = Kind::no_such_path;
  std::size_t index = 0;      ///< of the operation, where found
  PathParameters parameters;  ///< decoded
  std::string allow;          ///< "GET, POST", where the path is known by other methods
};

/// Finds operations by method and path. A segment written out goes before a parameter. Immutable: safe from
/// any thread.
class Router {
 public:
  /// Throws std::logic_error where two operations are the same.
  explicit Router(const std::vector<Operation>& operations);
  /// `path` as sent, still percent-encoded. HEAD is answered by GET's operation.
  [[nodiscard]] Match match(std::string_view method, std::string_view path) const;

 private:
  struct Entry {
    std::string method;
    std::vector<std::string> segments;
    std::size_t index;
  };
  std::vector<Entry> entries_;
};

}  // namespace rollcall::front
