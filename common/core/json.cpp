#include "common/core/json.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace rollcall {
namespace {

bool deeper_than(std::string_view text, int depth_max) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

/// Reads along: which members each open object has had so far, and the first that came twice. Not a callback
/// of the parser that builds the document: that one looks through the whole array after each object in it.
class UniqueMembers final : public nlohmann::json_sax<Json> {
 public:
  std::optional<std::string> twice;

  bool key(string_t& name) override {
    if (open_.back().insert(name).second) return true;
    twice = name;
    return false;
  }
  bool start_object(std::size_t) override {
    open_.emplace_back();
    return true;
  }
  bool end_object() override {
    open_.pop_back();
    return true;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  std::vector<std::set<std::string>> open_;
};

Result<Json> parse_unique(std::string_view text) {
  Json parsed = Json::parse(text);  // what is no JSON at all is told as that
  UniqueMembers members;
  Json::sax_parse(text, &members);
  if (!members.twice) return parsed;
  return unexpected(Problem{"json_member_twice", "the JSON text has an object with the member \"" +
                                                     members.twice->substr(0, 64) + "\" more than once"});
}

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes_max)
    return unexpected(Problem{"json_too_large", "the JSON text is " + std::to_string(text.size()) +
                                                    " bytes long, more than " +
                                                    std::to_string(limits.bytes_max)});
  if (deeper_than(text, limits.depth_max))
    return unexpected(
        Problem{"json_too_deep", "the JSON text nests deeper than " + std::to_string(limits.depth_max)});
  try {
    return limits.unique_members ? parse_unique(text) : Json::parse(text);
  } catch (const Json::exception& error) {
    return unexpected(Problem{"json_malformed", error.what()});
  }
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string text_member(const Json& value, const char* name) {
  if (!value.is_object()) return {};
  const auto found = value.find(name);
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace rollcall
