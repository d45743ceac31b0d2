#include "ops/cli/manifest/shape.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace rollcall::cli::manifest {
namespace {

/// A limit for what the published pages give none: "strings should be at most 4K".
constexpr std::size_t text_max = 4'000;

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

constexpr std::string_view digits = "0123456789";
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";
constexpr std::string_view lower_digits = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view name_characters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

bool is_guid(std::string_view text) {
  constexpr std::string_view pattern = "00000000-0000-0000-0000-000000000000";
  return std::ranges::equal(text, pattern, [](char c, char wanted) {
    return wanted == '-' ? c == '-' : hex_digits.find(c) != std::string_view::npos;
  });
}

bool is_version(std::string_view text) {
  for (int part = 0; part < 3; ++part) {
    const auto end = part < 2 ? text.find('.') : text.size();
    if (end == std::string_view::npos) return false;
    const auto number = text.substr(0, end);
    if (!all_of(number, digits) || number.size() > 5 || (number.size() > 1 && number[0] == '0')) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

bool is_https(std::string_view text) {
  constexpr std::string_view scheme = "https://";
  if (!text.starts_with(scheme) || text.size() > 2048) return false;
  const auto host = text.substr(scheme.size(), text.find_first_of("/?#", scheme.size()) - scheme.size());
  return !host.empty() && host.find_first_of(" @\\") == std::string_view::npos &&
         std::ranges::none_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

bool is_relative(std::string_view text, bool may_lead_out) {
  if (text.empty() || text[0] == '/' || text.find('\\') != std::string_view::npos) return false;
  return may_lead_out || ("/" + std::string(text) + "/").find("/../") == std::string::npos;
}

bool has_brackets(std::string_view text) {
  return text.find("[[") != std::string_view::npos || text.find("]]") != std::string_view::npos;
}

struct Rule {
  Form form;
  const char* code;
  const char* what;
  bool (*holds)(std::string_view);
};

constexpr auto rules = std::to_array<Rule>({
    {Form::free, "localization_malformed", "[[ and ]] mark a translation's key",
     [](std::string_view text) { return !has_brackets(text); }},
    {Form::unbracketed, "localization_malformed", "must not begin with [[ nor end with ]]",
     [](std::string_view text) { return !text.starts_with("[[") && !text.ends_with("]]"); }},
    {Form::https_url, "url_not_https", "is no absolute https:// URL", is_https},
    {Form::guid, "guid_malformed", "is no GUID", is_guid},
    {Form::colour, "colour_malformed", "is no colour",
     [](std::string_view text) {
       return text.size() == 7 && text[0] == '#' && all_of(text.substr(1), hex_digits);
     }},
    {Form::version, "version_malformed", "is no version", is_version},
    {Form::package_path, "path_outside", "is no path within the package",
     [](std::string_view text) { return is_relative(text, false); }},
    {Form::source_path, "path_outside", "is no relative path",
     [](std::string_view text) { return is_relative(text, true); }},
    {Form::name, "name_malformed", "is no name of a function",
     [](std::string_view text) { return all_of(text, name_characters); }},
    {Form::namespace_, "namespace_malformed", "is no namespace",
     [](std::string_view text) { return all_of(text, lower_digits); }},
    {Form::reference, "reference_malformed", "holds a blank",
     [](std::string_view text) { return text.find_first_of(" \t\r\n") == std::string_view::npos; }},
    {Form::answer_path, "path_malformed", "does not begin at the answer's root",
     [](std::string_view text) { return text == "$" || text.starts_with("$.") || text.starts_with("$["); }},
});

/// Code points of well-formed UTF-8, which read_yaml() has made sure of.
template <class Each>
void for_each_code_point(std::string_view text, Each each) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t point = length == 1 ? lead : lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length && at + i < text.size(); ++i)
      point = (point << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
    each(point);
    at += length;
  }
}

bool is_blank(std::string_view text) {
  bool blank = true;
  for_each_code_point(text, [&](char32_t c) {
    const bool space = c <= ' ' || c == 0x7f || c == 0x85 || c == 0xa0 || (c >= 0x2000 && c <= 0x200f) ||
                       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x2060 ||
                       c == 0x3000 || c == 0xfeff;
    blank = blank && space;
  });
  return blank;
}

std::string list_of(std::span<const std::string_view> choices) {
  std::string list;
  for (const auto choice : choices)
    list += (list.empty() ? "" : ", ") + std::string(choice);
  return list;
}

class Checker {
 public:
  Checker(const std::string& file, Report& report) : file_(file), report_(report) {}

  void object(const Json& value, std::span<const Field> fields, const std::string& pointer) {
    if (!value.is_object()) return wrong_type(pointer, "an object");
    for (const auto& [name, member] : value.items()) {
      const auto field = std::ranges::find(fields, name, &Field::name);
      if (field == fields.end()) {
        add("key_unknown", below(pointer, name), "there is no such key here");
      } else {
        this->member(member, *field, below(pointer, name));
      }
    }
    for (const auto& field : fields)
      if (field.required && !value.contains(field.name))
        add("key_missing", below(pointer, field.name), "the key is missing");
  }

 private:
  void add(const char* code, const std::string& pointer, const std::string& what) {
    report_.add(code, file_, pointer, what);
  }
  void wrong_type(const std::string& pointer, const char* wanted) {
    add("type_wrong", pointer, std::string("must be ") + wanted);
  }

  void member(const Json& value, const Field& field, const std::string& pointer) {
    switch (field.kind) {
      case Kind::text:
        return text(value, field, pointer, field.max == 0 ? text_max : field.max);
      case Kind::flag:
        return value.is_boolean() ? void() : wrong_type(pointer, "true or false");
      case Kind::object:
        return object(value, field.fields, pointer);
      case Kind::texts:
      case Kind::objects:
      case Kind::list:
        return list(value, field, pointer);
    }
  }

  void list(const Json& value, const Field& field, const std::string& pointer) {
    if (!value.is_array()) return wrong_type(pointer, "a list");
    if (field.kind == Kind::list) return;
    if (value.empty()) add("list_empty", pointer, "the list is empty");
    if (field.max > 0 && value.size() > field.max)
      add("list_too_long", pointer,
          std::to_string(value.size()) + " entries, and " + std::to_string(field.max) + " are allowed");
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (field.kind == Kind::objects) {
        object(value[i], field.fields, below(pointer, i));
      } else {
        text(value[i], field, below(pointer, i), text_max);
      }
    }
  }

  void text(const Json& value, const Field& field, const std::string& pointer, std::size_t max) {
    if (!value.is_string()) return wrong_type(pointer, "text");
    const auto& words = value.get_ref<const std::string&>();
    if (is_blank(words)) return add("text_blank", pointer, "says nothing");
    if (const auto units = utf16_units(words); units > max)
      add("text_too_long", pointer,
          std::to_string(units) + " characters (UTF-16), and " + std::to_string(max) + " are allowed");
    if (!field.choices.empty() && std::ranges::find(field.choices, words) == field.choices.end())
      add("choice_unknown", pointer, "'" + words + "' is none of " + list_of(field.choices));
    const auto* const rule = std::ranges::find(rules, field.form, &Rule::form);
    if (!rule->holds(words)) {
      const bool quote = words.size() <= 80;
      add(rule->code, pointer, (quote ? "'" + words + "' " : "") + rule->what);
    }
  }

  const std::string& file_;
  Report& report_;
};

}  // namespace

std::size_t utf16_units(std::string_view text) {
  std::size_t units = 0;
  for_each_code_point(text, [&](char32_t point) { units += point >= 0x10000 ? 2 : 1; });
  return units;
}

void check_shape(const Json& value, std::span<const Field> fields, const std::string& file,
                 const std::string& pointer, Report& report) {
  Checker(file, report).object(value, fields, pointer);
}

}  // namespace rollcall::cli::manifest
