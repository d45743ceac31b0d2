#include "ops/cli/roster_import.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_map>

namespace rollcall::cli {
namespace {

using directory::display_name_mistake;
using directory::email_mistake;
using directory::in_quotes;
using directory::role_mistake;
using directory::RosterMember;

enum Column : std::size_t { email, display_name, role, object_id, column_count };
constexpr std::array<std::string_view, column_count> column_names = {"email", "display_name", "role",
                                                                     "object_id"};

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::string lower(std::string text) {
  for (char& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

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
      const std::string name = lower(trimmed(header[i].text));
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
    file_.roster.names_object_ids = places_[object_id].has_value();
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
    RosterMember member{lower(trimmed(field(email).text)),
                        trimmed(field(display_name).text),
                        lower(trimmed(field(role).text)),
                        {}};
    if (const std::string what = email_mistake(member.email); !what.empty()) {
      mistake(field(email).at, what);
    } else if (const auto [first, inserted] = lines_.emplace(member.email, field(email).at.line); !inserted) {
      mistake(field(email).at,
              "'" + member.email + "' stands already in line " + std::to_string(first->second));
    }
    if (const std::string what = display_name_mistake(member.display_name); !what.empty())
      mistake(field(display_name).at, what);
    if (member.role.empty()) member.role = "member";
    if (const std::string what = role_mistake(member.role); !what.empty()) mistake(field(role).at, what);
    if (file_.roster.names_object_ids) read_object_id(field(object_id), member);
    file_.roster.members.push_back(std::move(member));
  }

  void read_object_id(const csv::Field& field, RosterMember& member) {
    const std::string text = trimmed(field.text);
    if (text.empty()) return;
    member.object_id = Uuid::parse(text);
    if (!member.object_id) {
      mistake(field.at, "object_id " + in_quotes(text) + " is no GUID");
    } else if (const auto [first, inserted] = objects_.emplace(*member.object_id, field.at.line); !inserted) {
      mistake(field.at, "object_id '" + text + "' stands already in line " + std::to_string(first->second));
    }
  }

  // All are collected, then sorted and cut: the CSV reader's own come first here but not in the file.
  void mistake(csv::Position at, std::string what) {
    if (file_.mistakes.size() < 2 * roster_mistakes_max) file_.mistakes.push_back({at, std::move(what)});
  }

  csv::Document document_;
  RosterFile file_;
  std::size_t width_ = 0;
  std::array<std::optional<std::size_t>, column_count> places_;
  std::unordered_map<std::string, int> lines_;
  std::unordered_map<Uuid, int> objects_;
};

}  // namespace

RosterFile read_roster(std::string_view text) {
  return Reader(csv::parse(text, roster_mistakes_max)).run();
}

}  // namespace rollcall::cli
