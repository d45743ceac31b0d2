#include "workers/front/core/query.h"

#include "common/core/utf8.h"

#include <algorithm>
#include <charconv>

namespace rollcall::front {
namespace {

std::optional<long> integer_of(std::string_view text) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// What is wrong with a value; empty where nothing is.
std::string mistake_in(const std::string& value, const QueryParameter& parameter) {
  switch (parameter.type) {
    case ParameterType::text:
      if (value.size() > parameter.text_max)
        return "is longer than " + std::to_string(parameter.text_max) + " bytes";
      if (value.find('\0') != std::string::npos) return "holds a NUL character";
      return is_utf8(value) ? "" : "is no UTF-8";
    case ParameterType::integer: {
      const auto number = integer_of(value);
      return number && *number >= parameter.min && *number <= parameter.max
                 ? ""
                 : "is no whole number from " + std::to_string(parameter.min) + " to " +
                       std::to_string(parameter.max);
    }
    case ParameterType::boolean:
      return value == "true" || value == "false" ? "" : "is neither true nor false";
    case ParameterType::uuid:
      return Uuid::parse(value) ? "" : "is no UUID";
    case ParameterType::time:
      return parse_rfc3339(value) ? "" : "is no time in UTC such as 2026-11-21T09:30:00Z";
    case ParameterType::one_of:
      return std::ranges::find(parameter.choices, value) != parameter.choices.end()
                 ? ""
                 : "is none of " + joined(parameter.choices);
  }
  return {};
}

}  // namespace

std::string Query::text(std::string_view name, std::string_view fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string(fallback) : found->second;
}

long Query::integer(std::string_view name, long fallback) const {
  return has(name) ? integer_of(text(name)).value_or(fallback) : fallback;
}

bool Query::flag(std::string_view name, bool fallback) const {
  return has(name) ? text(name) == "true" : fallback;
}

std::optional<Uuid> Query::uuid(std::string_view name) const {
  return has(name) ? Uuid::parse(text(name)) : std::nullopt;
}

std::optional<WallTime> Query::time(std::string_view name) const {
  return has(name) ? parse_rfc3339(text(name)) : std::nullopt;
}

QueryReading read_query(const std::vector<std::pair<std::string, std::string>>& pairs,
                        const std::vector<QueryParameter>& declared, bool others_pass) {
  QueryReading reading;
  std::map<std::string, std::string, std::less<>> values;
  for (const auto& [name, value] : pairs) {
    const auto parameter = std::ranges::find(declared, name, &QueryParameter::name);
    if (parameter == declared.end()) {
      if (!others_pass) reading.mistakes.push_back({name.substr(0, 64), "is no parameter of this operation"});
    } else if (!values.emplace(name, value).second) {
      reading.mistakes.push_back({name, "is given twice"});
    } else if (const auto what = mistake_in(value, *parameter); !what.empty()) {
      reading.mistakes.push_back({name, what});
    }
  }
  for (const auto& parameter : declared)
    if (parameter.required && !values.contains(parameter.name))
      reading.mistakes.push_back({parameter.name, "is needed"});
  reading.query = Query(std::move(values));
  return reading;
}

}  // namespace rollcall::front
