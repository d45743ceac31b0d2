#pragma once
#include "common/core/json.h"

#include <iosfwd>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What the command line says, and how: for people or, with --json, for programs.
namespace rollcall::cli {

/// Promises: scripts branch on them.
enum Exit : int { done = 0, failed = 1, usage = 2, not_found = 3, refused = 4, unreachable = 5 };

/// Ends a command: how it ended, a stable code of common/core/reasons, what happened, and what to do about
/// it. The cure is the code's own; another is given only where it can be said more exactly, with an id or a
/// command's name.
class Failure : public std::runtime_error {
 public:
  Failure(Exit exit, std::string code, const std::string& message, std::string cure = {},
          Json details = nullptr);
  [[nodiscard]] Exit exit() const { return exit_; }
  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] const std::string& cure() const { return cure_; }
  [[nodiscard]] const Json& details() const { return details_; }  ///< more members of the JSON error, or null

 private:
  Exit exit_;
  std::string code_, cure_;
  Json details_;
};

/// Translates any exception into the one form that is shown.
Failure describe(const std::exception& error);

struct Terminal {
  bool out = false;     ///< stdout is one: tables are aligned, not tab-separated
  bool err = false;     ///< stderr is one: progress may be drawn
  bool colour = false;  ///< and NO_COLOR is not set
};

class Output {
 public:
  Output(std::ostream& out, std::ostream& err, bool json, Terminal terminal)
      : out_(out), err_(err), json_(json), terminal_(terminal) {}

  [[nodiscard]] bool json() const { return json_; }
  /// One JSON document on a line; only with --json.
  void document(const Json& value);
  void line(std::string_view text);
  /// Rows under headings; `empty` says what to do next where there are none.
  void table(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows,
             std::string_view empty);
  /// Something to know that is not the answer: on stderr.
  void note(std::string_view text);
  void failure(const Failure& failure);
  /// Draws a bar on stderr, over the last one; nothing where stderr is no terminal.
  void progress(std::string_view label, long finished, long total);
  void clear_progress();
  /// False once the reader has gone (broken pipe): then there is nobody to write for.
  [[nodiscard]] bool alive();
  /// In the colour that a state deserves; the text itself where colours are off.
  [[nodiscard]] std::string coloured_state(std::string_view state) const;

 private:
  std::ostream& out_;
  std::ostream& err_;
  bool json_;
  Terminal terminal_;
  bool progress_shown_ = false;
};

/// Characters, not bytes, of UTF-8 text; escape sequences count nothing.
std::size_t display_width(std::string_view text);
/// Control characters become spaces, so that a name from outside cannot steer the terminal.
std::string printable(std::string_view text);
/// "1.2 s", "3 min 5 s".
std::string duration_text(long milliseconds);
/// "12 %  [####      ]": without colour or cursor movement.
std::string progress_bar(long finished, long total, int width);

}  // namespace rollcall::cli
