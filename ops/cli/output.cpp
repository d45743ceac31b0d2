#include "ops/cli/output.h"

#include "common/core/error.h"
#include "common/core/reasons.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ostream>

namespace rollcall::cli {
namespace {

Exit exit_for(const Error& error) {
  switch (error.fault()) {
    case Fault::transient:
      return unreachable;
    case Fault::throttled:
      return failed;
    case Fault::conflict:
    case Fault::denied:
      return refused;
    case Fault::not_found:
      return not_found;
    case Fault::invalid:
      return error.code() == "setting_invalid" ? usage : failed;
    case Fault::config:
      return error.code() == "setting_invalid" ? usage : failed;
  }
  return failed;
}

constexpr std::string_view reset = "\x1b[0m";

}  // namespace

Failure::Failure(Exit exit, std::string code, const std::string& message, std::string cure, Json details)
    : std::runtime_error(message),
      exit_(exit),
      code_(std::move(code)),
      cure_(cure.empty() ? std::string(cure_for(code_)) : std::move(cure)),
      details_(std::move(details)) {}

Failure describe(const std::exception& error) {
  if (const auto* failure = dynamic_cast<const Failure*>(&error)) return *failure;
  if (const auto* ours = dynamic_cast<const Error*>(&error))
    return {exit_for(*ours), ours->code(), ours->what()};
  return {failed, "internal", error.what()};
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {  // ours only: printable() has removed all others
      while (i < text.size() && text[i] != 'm')
        ++i;
      continue;
    }
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) ++width;
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = ' ';
  }
  return clean;
}

std::string duration_text(long milliseconds) {
  if (milliseconds < 1'000) return std::to_string(milliseconds) + " ms";
  std::array<char, 48> text{};
  if (milliseconds < 60'000)
    std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(milliseconds) / 1'000.0);
  else
    std::snprintf(text.data(), text.size(), "%ld min %ld s", milliseconds / 60'000,
                  milliseconds / 1'000 % 60);
  return text.data();
}

std::string progress_bar(long finished, long total, int width) {
  if (total <= 0) return {};
  const long shown = std::clamp(finished, 0L, total);
  const auto filled = static_cast<std::size_t>(shown * width / total);
  std::array<char, 32> percent{};
  std::snprintf(percent.data(), percent.size(), "%3ld %%", shown * 100 / total);
  return std::string(percent.data()) + "  [" + std::string(filled, '#') +
         std::string(static_cast<std::size_t>(width) - filled, ' ') + "] " + std::to_string(shown) + "/" +
         std::to_string(total);
}

void Output::document(const Json& value) {
  if (json_) out_ << dump(value) << '\n' << std::flush;
}

void Output::line(std::string_view text) {
  if (!json_) out_ << text << '\n' << std::flush;
}

void Output::note(std::string_view text) {
  clear_progress();
  err_ << text << '\n' << std::flush;
}

void Output::table(const std::vector<std::string>& headings,
                   const std::vector<std::vector<std::string>>& rows, std::string_view empty) {
  if (json_) return;
  if (rows.empty()) {
    // Not an answer but a hint: a pipe that counts lines sees none.
    (terminal_.out ? out_ : err_) << empty << '\n' << std::flush;
    return;
  }
  std::vector<std::size_t> widths(headings.size(), 0);
  for (std::size_t i = 0; i < headings.size(); ++i)
    widths[i] = display_width(headings[i]);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i]));
  const auto print = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      out_ << row[i];
      if (last) break;
      if (terminal_.out)
        out_ << std::string(widths[i] - std::min(widths[i], display_width(row[i])) + 2, ' ');
      else
        out_ << '\t';
    }
    out_ << '\n';
  };
  print(headings);
  for (const auto& row : rows)
    print(row);
  out_ << std::flush;
}

void Output::failure(const Failure& failure) {
  clear_progress();
  if (json_) {
    Json error = {{"code", failure.code()}, {"message", failure.what()}, {"cure", failure.cure()}};
    if (failure.details().is_object()) error.update(failure.details());
    document({{"error", error}});
    return;
  }
  err_ << (terminal_.err && terminal_.colour ? "\x1b[31merror:\x1b[0m " : "error: ");
  // Lines are ours; anything else that steers a terminal came from outside.
  for (const char c : std::string_view(failure.what()))
    err_ << (c == '\n' ? "\n" : printable({&c, 1}));
  err_ << '\n';
  if (!failure.cure().empty()) err_ << "  what to do: " << failure.cure() << '\n';
  err_ << std::flush;
}

void Output::progress(std::string_view label, long finished, long total) {
  if (!terminal_.err) return;
  err_ << "\r\x1b[K" << printable(label);
  if (total > 0) err_ << "  " << progress_bar(finished, total, 30);
  err_ << std::flush;
  progress_shown_ = true;
}

void Output::clear_progress() {
  if (!progress_shown_) return;
  err_ << "\r\x1b[K" << std::flush;
  progress_shown_ = false;
}

bool Output::alive() {
  return out_.good();
}

std::string Output::coloured_state(std::string_view state) const {
  if (!terminal_.colour || !terminal_.out) return std::string(state);
  std::string_view colour = "\x1b[36m";
  if (state == "succeeded" || state == "ok" || state == "healthy") colour = "\x1b[32m";
  if (state == "failed" || state == "problem" || state == "lost") colour = "\x1b[31m";
  if (state == "needs_approval" || state == "waiting" || state == "paused") colour = "\x1b[33m";
  return std::string(colour) + std::string(state) + std::string(reset);
}

}  // namespace rollcall::cli
