#pragma once
#include <string>
#include <string_view>
#include <vector>

/// CSV as RFC 4180 has it: quotes, doubled quotes, line breaks within quotes, CRLF or LF, a UTF-8 byte order
/// mark. Pure.
namespace rollcall::cli::csv {

/// Where a thing begins, counted from 1 as editors do; columns in characters.
struct Position {
  int line = 1;
  int column = 1;
  bool operator==(const Position&) const = default;
};

struct Field {
  std::string text;
  Position at;
};
/// Never empty; blank lines are no records.
using Record = std::vector<Field>;

struct Mistake {
  Position at;
  std::string what;
  bool operator==(const Mistake&) const = default;
};

struct Document {
  std::vector<Record> records;
  std::vector<Mistake> mistakes;  ///< records with a mistake are still there, as far as they could be read
};

/// Never throws; stops after `mistakes_max`.
Document parse(std::string_view text, std::size_t mistakes_max);

}  // namespace rollcall::cli::csv
