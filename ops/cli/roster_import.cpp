#include "ops/cli/roster_import.h"

#include <algorithm>
#include <array>

namespace rollcall::cli {
namespace {

using directory::in_quotes;
using directory::RosterField;
using directory::trimmed;
using directory::trimmed_lower;

/// In the order of RosterField.
enum Column : std::size_t { email, display_name, role, object_id, column_count };
constexpr std::array<std::string_view, column_count> column_names = {"email", "display_name", "role",
                                                                     "object_id"};

class Reader {
 public:
  explicit Reader(csv::Document document) : document_(std::move(document)) {
    file_.mistakes = document_.mistakes;
  }

  RosterFile run() {
    if (document_.records.empty()) {
      if (file_.mistakes.empty())
        mistake({}, "the file is empty: its first line is email,display_name,role[,object_id]");
      return std::move(file_);
    }
    if (read_header(document_.records.front()))
      for (std::size_t i = 1; i < document_.records.size(); ++i)
        read_member(document_.records[i]);
    std::ranges::stable_sort(file_.mistakes, [](const csv::Mistake& a, const csv::Mistake& b) {
      return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
    });
    if (file_.mistakes.size() > roster_mistakes_max) file_.mistakes.resize(roster_mistakes_max);
    file_.roster = members_.take();
    return std::move(file_);
  }

 private:
  bool read_header(const csv::Record& header) {
    const std::size_t before = file_.mistakes.size();
    if (header.size() == 1 && header[0].text.find(';') != std::string::npos) {
      mistake(header[0].at, "fields are separated by semicolons: save the file with commas");
      return false;
    }
    width_ = header.size();
    for (std::size_t i = 0; i < header.size(); ++i) {
      const std::string name = trimmed_lower(header[i].text);
      const auto found = std::ranges::find(column_names, name);
      if (found == column_names.end()) {
        mistake(header[i].at,
                "unknown column " + in_quotes(name) + ": there are email, display_name, role and object_id");
        continue;
      }
      auto& place = places_[static_cast<std::size_t>(found - column_names.begin())];
      if (place) mistake(header[i].at, "column '" + name + "' stands twice");
      place = i;
    }
    for (const Column column : {email, display_name, role})
      if (!places_[column])
        mistake(header[0].at, "column '" + std::string(column_names[column]) + "' is missing");
    members_.names_object_ids = places_[object_id].has_value();
    return file_.mistakes.size() == before;
  }

  void read_member(const csv::Record& record) {
    if (record.size() != width_) {
      // A line that the CSV reader gave up on is short for that reason, which is reported already.
      const bool known = std::ranges::any_of(document_.mistakes, [&](const csv::Mistake& m) {
        return m.at.line >= record.front().at.line && m.at.line <= record.back().at.line;
      });
      if (!known)
        mistake(record.front().at, "the line has " + std::to_string(record.size()) + " fields, the header " +
                                       std::to_string(width_));
      return;
    }
    const auto field = [&](Column column) -> const csv::Field& { return record[*places_[column]]; };
    directory::RosterBuilder::Text text{field(email).text, field(display_name).text, field(role).text, {}};
    if (places_[object_id]) text.object_id = field(object_id).text;
    for (auto& [wrong, what] : members_.add(text, "line " + std::to_string(field(email).at.line)))
      mistake(field(static_cast<Column>(wrong)).at, std::move(what));
  }

  // All are collected, then sorted and cut: the CSV reader's own come first here but not in the file.
  void mistake(csv::Position at, std::string what) {
    if (file_.mistakes.size() < 2 * roster_mistakes_max) file_.mistakes.push_back({at, std::move(what)});
  }

  csv::Document document_;
  RosterFile file_;
  std::size_t width_ = 0;
  std::array<std::optional<std::size_t>, column_count> places_;
  directory::RosterBuilder members_;
};

}  // namespace

RosterFile read_roster(std::string_view text) {
  return Reader(csv::parse(text, roster_mistakes_max)).run();
}

}  // namespace rollcall::cli
