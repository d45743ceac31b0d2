#include "ops/sandbox/graph/filter.h"

#include <cctype>
#include <optional>

namespace rollcall::sandbox_graph {
namespace {

constexpr std::size_t depth_max = 20;

/// Recursive descent; every step says whether the text went on as it should.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  bool whole() { return either(0) && (skip(), rest_.empty()); }
  std::vector<Clause> take() { return std::move(clauses_); }

 private:
  bool either(std::size_t depth) {
    if (depth > depth_max) return false;
    do {
      if (!term(depth)) return false;
    } while (word("or"));
    return true;
  }

  bool term(std::size_t depth) {
    if (symbol('(')) return either(depth + 1) && symbol(')');
    const std::string property = name();
    if (property.empty()) return false;
    if (word("eq")) return value(property);
    if (word("in")) return list(property);
    return any(property);
  }

  bool list(const std::string& property) {
    if (!symbol('(')) return false;
    do {
      if (!value(property)) return false;
    } while (symbol(','));
    return symbol(')');
  }

  /// proxyAddresses/any(p:p eq 'smtp:a@b')
  bool any(const std::string& path) {
    constexpr std::string_view tail = "/any";
    if (!path.ends_with(tail) || !symbol('(')) return false;
    const std::string variable = name();
    if (!symbol(':') || variable.empty() || name() != variable || !word("eq")) return false;
    return value(path.substr(0, path.size() - tail.size())) && symbol(')');
  }

  bool value(const std::string& property) {
    if (!symbol('\'')) return false;
    std::string text;
    while (!rest_.empty()) {
      const char c = take_char();
      if (c != '\'') {
        text += c;
      } else if (!rest_.empty() && rest_.front() == '\'') {
        text += take_char();  // a doubled quote stands for one
      } else {
        clauses_.push_back({property, std::move(text)});
        return true;
      }
    }
    return false;
  }

  void skip() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())))
      rest_.remove_prefix(1);
  }
  char take_char() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool symbol(char c) {
    skip();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  static bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_'; }
  std::string name() {
    skip();
    std::size_t end = 0;
    while (end < rest_.size() && in_name(rest_[end]))
      ++end;
    std::string out(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return out;
  }
  bool word(std::string_view expected) {
    skip();
    if (!rest_.starts_with(expected)) return false;
    if (rest_.size() > expected.size() && in_name(rest_[expected.size()])) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  std::string_view rest_;
  std::vector<Clause> clauses_;
};

}  // namespace

Result<std::vector<Clause>> parse_filter(std::string_view text) {
  Parser parser(text);
  if (!parser.whole())
    return unexpected(
        Problem{"Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified."});
  return parser.take();
}

}  // namespace rollcall::sandbox_graph
