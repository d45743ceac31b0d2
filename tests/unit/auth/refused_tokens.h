#pragma once
#include <string>
#include <vector>

/// Every way for a token to be refused, one row each (RFC 8725 and the identity platform's rules): whatever
/// takes tokens is asked with all of them.
namespace rollcall::auth_test {

struct RefusedToken {
  std::string name;
  std::string compact;  ///< the token
  std::string why;      ///< a part of the reason in the log
};
struct RefusedGroup {
  std::string title;
  std::vector<RefusedToken> tokens;
};

/// Of the authority in authority.h. None makes it ask for keys.
std::vector<RefusedGroup> refused_tokens();

}  // namespace rollcall::auth_test
