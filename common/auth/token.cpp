#include "common/auth/token.h"

#include "common/core/json.h"
#include "common/crypto/crypto.h"

#include <algorithm>
#include <array>
#include <optional>

namespace rollcall::auth {
namespace {

constexpr std::size_t kid_length_max = 128;
constexpr JsonLimits header_limits{.bytes_max = 8 * 1024, .depth_max = 4, .unique_members = true};

auto refused(std::string why) {
  return unexpected(Problem{"token_invalid", std::move(why)});
}

bool same_letters(std::string_view text, std::string_view lower_case) {
  return std::ranges::equal(text, lower_case, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

bool usable_kid(const std::string& kid) {
  return !kid.empty() && kid.size() <= kid_length_max && std::ranges::all_of(kid, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

/// A string member's text; nothing where it is absent or of another type.
std::optional<std::string> text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

/// The kid of a header that is to our taste.
Result<std::string> kid_of(const Json& header) {
  // A list of what is allowed: lists of what is not have always missed a spelling of "none".
  if (text_of(header, "alg") != "RS256") return refused("the header's alg is not RS256");
  for (const char* extension : {"crit", "b64", "zip"})
    if (header.contains(extension)) return refused(std::string("the header has ") + extension);
  if (const auto type = text_of(header, "typ"); header.contains("typ") && type != "JWT" && type != "at+jwt")
    return refused("the header's typ is neither JWT nor at+jwt");
  auto kid = text_of(header, "kid");
  if (!kid) return refused("the header names no kid");
  if (!usable_kid(*kid)) return refused("the header's kid is not 1 to 128 letters, digits, '-' or '_'");
  return std::move(*kid);
}

}  // namespace

Result<std::string_view> bearer_token(std::string_view header) {
  constexpr std::string_view scheme = "bearer";
  const auto missing =
      unexpected(Problem{"token_missing", "the request has no Authorization: Bearer header"});
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return missing;
  if (!same_letters(header.substr(0, scheme.size()), scheme)) return missing;
  header.remove_prefix(std::min(header.find_first_not_of(' ', scheme.size()), header.size()));
  if (header.empty()) return missing;
  if (header.find_first_of(" ,\t") != std::string_view::npos)
    return refused("the Authorization header holds more than one token");
  return header;
}

Result<UnverifiedToken> parse(std::string_view compact) {
  if (compact.size() > token_bytes_max) return refused("the token is longer than 16 KiB");
  if (std::ranges::count(compact, '.') != 2) return refused("the token has not three segments");
  const auto first = compact.find('.');
  const auto second = compact.find('.', first + 1);
  const auto header_text = crypto::base64url_decode(compact.substr(0, first));
  auto payload = crypto::base64url_decode(compact.substr(first + 1, second - first - 1));
  auto signature = crypto::base64url_decode(compact.substr(second + 1));
  if (!header_text || !payload || !signature) return refused("a segment is not base64url");
  if (header_text->empty() || payload->empty() || signature->empty()) return refused("a segment is empty");
  const auto header = parse_json(*header_text, header_limits);
  if (!header) return refused("the header: " + header.error().code);
  if (!header->is_object()) return refused("the header is no JSON object");
  auto kid = kid_of(*header);
  if (!kid) return unexpected(kid.error());
  return UnverifiedToken{std::move(*kid), std::string(compact.substr(0, second)), std::move(*payload),
                         std::move(*signature)};
}

}  // namespace rollcall::auth
