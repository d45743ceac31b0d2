#include "workers/front/core/office_text.h"

#include "common/core/lower.h"
#include "common/core/utf8.h"

#include <algorithm>
#include <array>

namespace rollcall::front::office {
namespace {

constexpr std::array<std::string_view, 8> text_types{
    "application/json", "application/xml",        "application/yaml",     "application/x-yaml",
    "application/sql",  "application/javascript", "application/x-ndjson", "application/toml"};
constexpr std::array<std::string_view, 22> text_ends{
    ".txt", ".md",  ".markdown", ".csv", ".tsv",  ".json", ".jsonl", ".ndjson", ".xml", ".yaml", ".yml",
    ".log", ".ini", ".toml",     ".sql", ".html", ".htm",  ".css",   ".js",     ".py",  ".sh",   ".ps1"};

/// How many bytes of a well-formed character begin here; 0: none does.
std::size_t character_at(std::string_view text, std::size_t at) {
  for (std::size_t length = 1; length <= 4 && length <= text.size() - at; ++length)
    if (is_utf8(text.substr(at, length))) return length;
  return 0;
}

bool shown(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  return first == '\t' || first == '\n' || first == '\r' || (first >= 0x20 && first != 0x7F);
}

}  // namespace

Text bounded(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  Text out;
  out.text.reserve(std::min(text.size(), bytes_max));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_at(text, at);
    const auto character = length == 0 ? replacement : text.substr(at, length);
    if (length == 0) out.replaced = true;
    if (out.text.size() + character.size() > bytes_max) {
      out.truncated = true;
      break;
    }
    if (shown(character)) out.text += character;
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::optional<Text> file_text(std::string_view bytes, bool more) {
  if (bytes.find('\0') != std::string_view::npos) return std::nullopt;
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  // The cut may go through a character, which is then not malformed but unfinished.
  for (std::size_t cut = 1; more && cut <= 3 && cut < bytes.size(); ++cut) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - cut]);
    if (byte < 0x80) break;
    if (byte < 0xC0) continue;
    if (character_at(bytes, bytes.size() - cut) == 0) bytes.remove_suffix(cut);
    break;
  }
  Text text = bounded(bytes, file_text_max);
  text.truncated = text.truncated || more;
  return text;
}

bool reads_as_text(std::string_view mime_type, std::string_view name) {
  const std::string type = lower(std::string(mime_type.substr(0, mime_type.find(';'))));
  if (type.starts_with("text/") || std::ranges::find(text_types, type) != text_types.end()) return true;
  const std::string low = lower(std::string(name));
  return (type.empty() || type == "application/octet-stream") &&
         std::ranges::any_of(text_ends, [&](std::string_view end) { return low.ends_with(end); });
}

std::string_view readable_types() {
  return "plain text, Markdown, CSV, HTML source, JSON, XML, YAML, TOML, SQL, logs and program text";
}

}  // namespace rollcall::front::office
