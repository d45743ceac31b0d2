#pragma once
#include "common/core/json.h"

#include <map>
#include <string>
#include <string_view>

/// What became of the grants of one run. Pure.
namespace rollcall::token_renewal {

class Tally {
 public:
  /// `patience`: so many failures of Entra ID's in a row, and it is not asked for more. `carried`: what an
  /// earlier attempt of the run left, or null.
  Tally(int patience, const Json& carried);

  /// `outcome`: as vault::to_string(). One that somebody else dealt with is not counted.
  void add(std::string_view outcome);
  /// Entra ID is away, or refuses the app: whoever is asked for next would only wait as well.
  [[nodiscard]] bool hopeless() const { return in_a_row_ >= patience_; }
  [[nodiscard]] long count(std::string_view outcome) const;
  [[nodiscard]] long total() const;
  /// {"renewed", "postponed", "reconnect", "refused", "unreadable"}
  [[nodiscard]] Json json() const;

 private:
  int patience_;
  int in_a_row_ = 0;
  std::map<std::string, long, std::less<>> counts_;
};

}  // namespace rollcall::token_renewal
