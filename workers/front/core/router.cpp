#include "workers/front/core/router.h"

#include "common/core/percent.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace rollcall::front {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  segments.reserve(8);
  while (!path.empty()) {
    path.remove_prefix(1);  // '/'
    const auto end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(const std::string& segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string_view>& segments) {
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
    const auto segments = split(operation.path);
    entries_.push_back({operation.method, {segments.begin(), segments.end()}, i});
  }
  std::ranges::stable_sort(
      entries_, {}, [](const Entry& entry) { return std::ranges::count_if(entry.segments, is_parameter); });
}

Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const auto segments = split(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const auto& entry : entries_) {
    if (entry.method != wanted || !fits(entry.segments, segments)) continue;
    match.kind = Match::Kind::found;
    match.index = entry.index;
    for (std::size_t i = 0; i < segments.size(); ++i)
      if (const auto& name = entry.segments[i]; is_parameter(name))
        match.parameters.emplace(name.substr(1, name.size() - 2), percent_decode(segments[i]));
    return match;
  }
  std::set<std::string> allowed;
  for (const auto& entry : entries_)
    if (fits(entry.segments, segments)) allowed.insert(entry.method);
  if (allowed.empty()) return match;
  match.kind = Match::Kind::no_such_method;
  if (allowed.contains("GET")) allowed.insert("HEAD");
  for (const auto& one : allowed)
    match.allow += (match.allow.empty() ? "" : ", ") + one;
  return match;
}

}  // namespace rollcall::front
