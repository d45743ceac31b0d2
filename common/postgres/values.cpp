#include "common/core/error.h"
#include "common/postgres/copy.h"
#include "common/postgres/postgres.h"

#include <algorithm>
#include <charconv>

namespace rollcall::postgres {
namespace {

/// One element of an array literal. Always quoted, so that an empty text, "NULL" and commas stay text.
void append_quoted(std::string& out, const std::string& text) {
  out += '"';
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t special = std::min(text.find_first_of("\"\\", from), text.size());
    out.append(text, from, special - from);
    if (special < text.size()) (out += '\\') += text[special];
    from = special + 1;
  }
  out += '"';
}

std::size_t length_of(const Uuid&) {
  return 36;
}
std::size_t length_of(const std::string& text) {
  return text.size() + 2;
}
std::size_t length_of(const Value& item) {
  return item ? item->size() + 2 : 4;
}
std::size_t length_of(long) {
  return 8;
}

/// PostgreSQL's documentation of COPY, "Text Format".
void append_copied(std::string& out, const std::string& text) {
  constexpr std::string_view special = "\\\t\n\r";
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t at = std::min(text.find_first_of(special, from), text.size());
    out.append(text, from, at - from);
    if (at < text.size()) {
      const char c = text[at];
      (out += '\\') += c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : '\\';
    }
    from = at + 1;
  }
}

template <class Items, class Append>
Value literal(const Items& items, Append append) {
  std::size_t length = 2;
  for (const auto& item : items)
    length += length_of(item) + 1;
  std::string out;
  out.reserve(length);
  out += '{';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(out, item);
  }
  out += '}';
  return out;
}

Error unreadable(const std::string& text, const char* type) {
  return {Fault::invalid, "database_refused",
          "the database returned '" + text.substr(0, 60) + "' where " + type + " was expected"};
}

}  // namespace

std::string copy_lines(const std::vector<std::vector<Value>>& rows) {
  std::size_t length = 0;
  for (const auto& row : rows)
    for (const auto& column : row)
      length += (column ? column->size() : 2) + 1;
  std::string out;
  out.reserve(length);
  for (const auto& row : rows) {
    for (const Value& column : row) {
      column ? append_copied(out, *column) : void(out += "\\N");
      out += '\t';
    }
    out.back() = '\n';
  }
  out.pop_back();
  return out;
}

Value value(const Uuid& id) {
  return id.to_string();
}
Value value(const std::optional<Uuid>& id) {
  return id ? Value(id->to_string()) : std::nullopt;
}
Value value(const std::string& text) {
  return text;
}
Value value(const char* text) {
  return text ? Value(text) : std::nullopt;
}
Value value(bool flag) {
  return flag ? "t" : "f";
}
Value value(long number) {
  return std::to_string(number);
}
Value value(int number) {
  return std::to_string(number);
}
Value value(const Json& json) {
  return dump(json);
}
Value value(WallTime time) {
  return to_rfc3339(time);
}

Value array(const std::vector<Uuid>& ids) {
  return literal(ids, [](std::string& out, const Uuid& id) { out += id.to_string(); });
}
Value array(const std::vector<std::string>& texts) {
  return literal(texts, append_quoted);
}
Value array(const std::vector<Value>& values) {
  return literal(values, [](std::string& out, const Value& item) {
    if (item) {
      append_quoted(out, *item);
    } else {
      out += "NULL";
    }
  });
}
Value array(const std::vector<long>& numbers) {
  return literal(numbers, [](std::string& out, long number) { out += std::to_string(number); });
}

long Row::number(std::size_t i) const {
  const auto& column = columns[i];
  if (!column) return 0;
  long result = 0;
  const char* end = column->data() + column->size();
  const auto [at, problem] = std::from_chars(column->data(), end, result);
  if (problem != std::errc{} || at != end) throw unreadable(*column, "a whole number");
  return result;
}

Uuid Row::uuid(std::size_t i) const {
  if (!columns[i]) return {};
  const auto id = Uuid::parse(*columns[i]);
  if (!id) throw unreadable(*columns[i], "a UUID");
  return *id;
}

Json Row::json(std::size_t i) const {
  if (!columns[i]) return nullptr;
  // Not parse_json(): what the database holds was checked on its way in, and may be larger than one message.
  Json parsed = Json::parse(*columns[i], nullptr, false);
  if (parsed.is_discarded()) throw unreadable(*columns[i], "JSON");
  return parsed;
}

}  // namespace rollcall::postgres
