#include "common/auth/token.h"

#include "common/auth/key_set.h"
#include "common/auth/verify.h"
#include "common/core/ids.h"
#include "common/crypto/crypto.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// What anybody may send in an Authorization header, and what an authority may answer. Whatever it is,
/// nothing breaks, and what is accepted is what the rules say.
namespace {

using namespace rollcall;

const std::string tenant = "11111111-2222-4333-8444-5555555555aa";
const std::string client = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const std::string authority = "https://login.example";
const std::string key_issuer = authority + "/{tenantid}/v2.0";
constexpr auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'767'225'600));

const auth::Policy& policy() {
  static const auth::Policy all = [] {
    auth::Policy made;
    made.audiences = {client, "api://" + client};
    made.tenants = {tenant};
    made.issuer_v2 = key_issuer;
    made.issuer_v1 = "https://sts.example/{tenantid}/";
    return made;
  }();
  return all;
}

void must(bool holds) {
  if (!holds) std::abort();
}

bool guid(const std::string& text) {
  const auto id = Uuid::parse(text);
  return id && id->to_string() == text;
}

void header(std::string_view text) {
  const auto token = auth::bearer_token(text);
  if (!token) return;
  must(!token->empty() && token->find_first_of(" ,\t") == std::string_view::npos && text.ends_with(*token));
}

/// A token that is taken apart can be put together again: no two texts mean the same.
void compact(std::string_view text) {
  const auto token = auth::parse(text);
  if (!token) return must(token.error().code == "token_invalid");
  must(text.size() <= auth::token_bytes_max && !token->kid.empty() && token->kid.size() <= 128);
  must(token->signed_part + "." + crypto::base64url(token->signature) == text);
}

void claims(std::string_view text) {
  const auto caller = auth::read_claims(text, key_issuer, policy(), now);
  if (!caller) return must(caller.error().code == "token_invalid");
  must(caller->tenant_id == tenant && guid(caller->object_id) && guid(caller->client_id));
  must(caller->expires_at + policy().skew > now);
  must(caller->application ? caller->scopes.empty() && !caller->roles.empty() : !caller->scopes.empty());
  must(std::ranges::none_of(caller->scopes, [](const auto& scope) {
    return scope.empty() || scope.find(' ') != std::string::npos;
  }));
}

/// A header that is to be looked at as if it came in a token.
void token_header(std::string_view text) {
  compact(crypto::base64url(text) + ".e30.AAAA");
}

void keys(std::string_view text) {
  const auto found = auth::read_key_set(text);
  if (!found) return must(found.error().code == "keys_not_available");
  must(!found->empty());
  for (const auto& key : *found)
    must(!key.kid.empty() && !key.rsa.verify_rs256(text, text));
}

void discovery(std::string_view text) {
  const auto where = auth::read_discovery(text, authority + "/" + tenant + "/v2.0", authority);
  must(!where || where->starts_with(authority + "/"));
}

constexpr void (*parts[])(std::string_view) = {header, compact, claims, token_header, keys, discovery};

}  // namespace

/// The first byte says which part reads the rest.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  parts[data[0] % std::size(parts)](text);
  return 0;
}
