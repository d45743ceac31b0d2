#include "ops/cli/manifest/yaml.h"

#include "common/core/utf8.h"

#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace rollcall::cli::manifest {
namespace {

constexpr std::size_t bytes_max = std::size_t{256} * 1024;
constexpr std::size_t depth_max = 32;

/// A plain scalar by YAML's core schema, as far as JSON has the type; everything else is text.
Json plain(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  const bool number = !text.empty() && text.find_first_not_of("-0123456789.") == std::string::npos;
  if (!number) return text;
  const Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_number() ? parsed : Json(text);
}

/// Builds the JSON value out of the parser's events. The library's own tree would resolve aliases and keep
/// neither duplicate keys apart nor the lines of keys.
class Builder : public YAML::EventHandler {
 public:
  Builder(const std::string& file, Report& report) : file_(file), report_(report) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(anchor);
    put(mark, nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    report_.add("yaml_not_plain", file_, here(), "line " + std::to_string(mark.line + 1) + " has an alias");
    put(mark, nullptr);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    refuse_anchor(anchor);
    if (wants_key()) return key(mark, text);
    // "?": plain; "!": quoted or a block; anything else somebody wrote.
    if (tag != "?" && tag != "!" && !tag.empty())
      report_.add("yaml_not_plain", file_, here(), "the value has the tag " + tag);
    put(mark, tag == "?" ? plain(text) : Json(text));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::object());
  }
  void OnMapEnd() override { close(); }

  Json value;
  Lines lines;

 private:
  struct Level {
    Json value;
    std::string pointer;
    std::optional<std::string> key;  ///< of a map: read, its value not yet
  };

  [[nodiscard]] bool wants_key() const {
    return !levels_.empty() && levels_.back().value.is_object() && !levels_.back().key;
  }
  /// Where the next value goes.
  [[nodiscard]] std::string here() const {
    if (levels_.empty()) return "";
    const Level& level = levels_.back();
    if (level.value.is_array()) return below(level.pointer, level.value.size());
    return level.key ? below(level.pointer, *level.key) : level.pointer;
  }
  void refuse_anchor(YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) report_.add("yaml_not_plain", file_, here(), "there is an anchor");
  }
  void key(const YAML::Mark& mark, const std::string& name) {
    Level& level = levels_.back();
    level.key = name;
    const std::string pointer = here();
    if (!lines.emplace(pointer, mark.line + 1).second)
      report_.add("key_twice", file_, pointer,
                  "the key stands on lines " + std::to_string(lines[pointer]) + " and " +
                      std::to_string(mark.line + 1));
  }
  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Json empty) {
    refuse_anchor(anchor);
    if (wants_key()) throw YAML::ParserException(mark, "a key must be text");
    if (levels_.size() == depth_max) throw YAML::ParserException(mark, "nested too deeply");
    const std::string pointer = here();
    lines.emplace(pointer, mark.line + 1);
    levels_.push_back({std::move(empty), pointer, std::nullopt});
  }
  void close() {
    Json done = std::move(levels_.back().value);
    levels_.pop_back();
    put(YAML::Mark::null_mark(), std::move(done));
  }
  void put(const YAML::Mark& mark, Json made) {
    if (wants_key()) throw YAML::ParserException(mark, "a key must be text");
    if (!mark.is_null()) lines.emplace(here(), mark.line + 1);
    if (levels_.empty()) {
      value = std::move(made);
    } else if (Level& level = levels_.back(); level.value.is_array()) {
      level.value.push_back(std::move(made));
    } else {
      level.value.emplace(*std::exchange(level.key, std::nullopt), std::move(made));
    }
  }

  const std::string& file_;
  Report& report_;
  std::vector<Level> levels_;
};

}  // namespace

std::optional<Json> read_yaml(const std::string& file, const std::string& text, Report& report) {
  const auto malformed = [&](const std::string& what) {
    report.add("yaml_malformed", file, "", what);
    return std::nullopt;
  };
  if (text.size() > bytes_max) return malformed("the file is larger than 256 KiB");
  if (!is_utf8(text)) return malformed("the file is not UTF-8");
  std::istringstream in(text);
  Builder builder(file, report);
  try {
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) return malformed("the file is empty");
    Report ignored;
    if (Builder second(file, ignored); parser.HandleNextDocument(second))
      return malformed("there is a second document");
  } catch (const YAML::Exception& error) {
    const int line = error.mark.is_null() ? 0 : error.mark.line + 1;
    report.know_lines(file, {{"", line}});
    return malformed(error.msg);
  }
  report.know_lines(file, builder.lines);
  return std::move(builder.value);
}

}  // namespace rollcall::cli::manifest
