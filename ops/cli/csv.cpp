#include "ops/cli/csv.h"

namespace rollcall::cli::csv {
namespace {

/// Length of the UTF-8 character that starts at `i`, 0 where it is none (RFC 3629: no overlong forms, no
/// surrogates).
std::size_t character_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) -> unsigned {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U;
  };
  const auto tail = [&](std::size_t k) { return (byte(k) & 0xC0U) == 0x80U; };
  const unsigned first = byte(i);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(i + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if ((first == 0xE0 && byte(i + 1) < 0xA0) || (first == 0xED && byte(i + 1) > 0x9F)) return 0;
    return tail(i + 1) && tail(i + 2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if ((first == 0xF0 && byte(i + 1) < 0x90) || (first == 0xF4 && byte(i + 1) > 0x8F)) return 0;
    return tail(i + 1) && tail(i + 2) && tail(i + 3) ? 4 : 0;
  }
  return 0;
}

class Parser {
 public:
  Parser(std::string_view text, std::size_t mistakes_max) : text_(text), mistakes_max_(mistakes_max) {}

  Document run() {
    if (text_.starts_with("\xEF\xBB\xBF")) i_ = 3;
    if (text_.starts_with("\xFF\xFE") || text_.starts_with("\xFE\xFF")) {
      mistake(at_, "the file is UTF-16: save it as UTF-8");
      return std::move(document_);
    }
    while (i_ < text_.size() && document_.mistakes.size() < mistakes_max_)
      read_record();
    return std::move(document_);
  }

 private:
  void read_record() {
    Record record;
    for (;;) {
      record.push_back(i_ < text_.size() && text_[i_] == '"' ? read_quoted() : read_plain());
      if (i_ < text_.size() && text_[i_] == ',') {
        advance();
        continue;
      }
      break;
    }
    const bool blank = record.size() == 1 && record[0].text.empty() && !quoted_;
    take_line_end();
    if (!blank) document_.records.push_back(std::move(record));
  }

  Field read_plain() {
    quoted_ = false;
    Field field{{}, at_};
    while (i_ < text_.size() && text_[i_] != ',' && !at_line_end()) {
      if (text_[i_] == '"') {
        mistake(at_, "a quote within a field: put the whole field in quotes and double the quotes in it");
        skip_line();
        break;
      }
      take_character(field.text);
    }
    return field;
  }

  Field read_quoted() {
    quoted_ = true;
    Field field{{}, at_};
    const Position opened = at_;
    advance();
    for (;;) {
      if (i_ >= text_.size()) {
        mistake(opened, "a quote is opened here and never closed");
        return field;
      }
      if (text_[i_] == '"') {
        advance();
        if (i_ >= text_.size() || text_[i_] != '"') break;
        field.text += '"';
        advance();
      } else if (at_line_end()) {
        field.text += '\n';
        take_line_end();
      } else {
        take_character(field.text);
      }
    }
    if (i_ < text_.size() && text_[i_] != ',' && !at_line_end()) {
      mistake(at_, "text after the closing quote: expected a comma or the end of the line");
      skip_line();
    }
    return field;
  }

  /// One character, checked.
  void take_character(std::string& into) {
    const std::size_t length = character_length(text_, i_);
    if (length == 0) {
      mistake(at_, "bytes that are not UTF-8: save the file as UTF-8");
      into += '?';
      advance();
      return;
    }
    const auto byte = static_cast<unsigned char>(text_[i_]);
    if (length == 1 && (byte < 0x20 || byte == 0x7F) && byte != '\t') {
      mistake(at_, byte == '\r' ? "a carriage return without a line feed" : "a control character");
      advance();
      return;
    }
    into.append(text_.substr(i_, length));
    i_ += length;
    ++at_.column;
  }

  void advance() {
    ++i_;
    ++at_.column;
  }
  [[nodiscard]] bool at_line_end() const {
    return i_ < text_.size() &&
           (text_[i_] == '\n' || (text_[i_] == '\r' && i_ + 1 < text_.size() && text_[i_ + 1] == '\n'));
  }
  void take_line_end() {
    if (i_ >= text_.size()) return;
    if (text_[i_] == '\r') ++i_;
    ++i_;
    ++at_.line;
    at_.column = 1;
  }
  /// After a mistake within a line the next one is a fresh start, so that one slip is reported once.
  void skip_line() {
    while (i_ < text_.size() && !at_line_end())
      ++i_;
  }
  void mistake(Position at, std::string what) {
    if (document_.mistakes.size() < mistakes_max_) document_.mistakes.push_back({at, std::move(what)});
  }

  std::string_view text_;
  std::size_t mistakes_max_;
  std::size_t i_ = 0;
  Position at_;
  bool quoted_ = false;
  Document document_;
};

}  // namespace

Document parse(std::string_view text, std::size_t mistakes_max) {
  return Parser(text, mistakes_max).run();
}

}  // namespace rollcall::cli::csv
