#pragma once
#include "common/core/json.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::cli::manifest {

/// One thing that is wrong with the sources of the manifest or with what stands generated.
struct Mistake {
  std::string code;   ///< stable; cure_of() knows what to do about it
  std::string file;   ///< relative to the folder of the sources
  std::string field;  ///< JSON pointer (RFC 6901); empty: the file itself
  std::string what;
  int line = 0;  ///< from 1; 0: not known, or of no meaning
  bool operator==(const Mistake&) const = default;
};

/// What to do about a mistake of that code.
std::string_view cure_of(std::string_view code);
Json to_json(const Mistake& mistake);
/// "actions.yaml:12: /openapi/actions/1/id: outside allowed_action_ids (action_not_allowed). Cure."
std::string to_text(const Mistake& mistake);

/// The lines at which the fields of a file begin, by JSON pointer.
using Lines = std::map<std::string, int>;

/// Collects mistakes and knows their lines.
class Report {
 public:
  void add(std::string code, std::string file, std::string field, std::string what);
  void know_lines(const std::string& file, Lines lines) { lines_[file] = std::move(lines); }
  [[nodiscard]] bool empty() const { return mistakes_.empty(); }
  /// By file, line and field, so that the same sources always give the same list.
  [[nodiscard]] std::vector<Mistake> sorted() const;

 private:
  std::vector<Mistake> mistakes_;
  std::map<std::string, Lines> lines_;
};

/// Adds a member or an index to a JSON pointer.
std::string below(const std::string& pointer, std::string_view member);
std::string below(const std::string& pointer, std::size_t index);

}  // namespace rollcall::cli::manifest
