#pragma once
#include <string>

/// What it means that Microsoft Graph does not do what was asked of a subscription. Pure.
namespace rollcall::token_renewal {

struct Refusal {
  std::string code;  ///< a reason code
  std::string why;
  std::string remedy;
};

/// A 4xx to a creation, renewal, listing or deletion, except 401, 404 and 429. `said`: Graph's own words.
Refusal refusal_of(int status, const std::string& error_code, const std::string& said);

}  // namespace rollcall::token_renewal
