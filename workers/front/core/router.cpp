#include "workers/front/core/router.h"

#include "common/core/percent.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace rollcall::front {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // '/'
    const auto end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(const std::string& segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments) {
  return pattern.size() == segments.size() &&
         std::equal(pattern.begin(), pattern.end(), segments.begin(), [](const auto& want, const auto& has) {
           return is_parameter(want) ? !has.empty() : want == has;
         });
}

}  // namespace

Router::Router(const std::vector<Operation>& operations) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const auto& operation = operations[i];
    if (!seen.insert(operation.method + " " + operation.path).second || !seen.insert(operation.id).second)
      throw std::logic_error("two operations are " + operation.method + " " + operation.path + " or " +
                             operation.id);
    entries_.push_back({operation.method, split(operation.path), i});
  }
  std::ranges::stable_sort(
      entries_, {}, [](const Entry& entry) { return std::ranges::count_if(entry.segments, is_parameter); });
}

Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const auto segments = split(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  std::set<std::string> allowed;
  for (const auto& entry : entries_) {
    if (!fits(entry.segments, segments)) continue;
    allowed.insert(entry.method);
    if (entry.method != wanted) continue;
    match.kind = Match::Kind::found;
    match.index = entry.index;
    for (std::size_t i = 0; i < segments.size(); ++i)
      if (is_parameter(entry.segments[i]))
        match.parameters.emplace(entry.segments[i].substr(1, entry.segments[i].size() - 2),
                                 percent_decode(segments[i]));
    return match;
  }
  if (allowed.empty()) return match;
  match.kind = Match::Kind::no_such_method;
  if (allowed.contains("GET")) allowed.insert("HEAD");
  for (const auto& one : allowed)
    match.allow += (match.allow.empty() ? "" : ", ") + one;
  return match;
}

}  // namespace rollcall::front
