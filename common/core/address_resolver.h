#pragma once
#include "common/core/ids.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall {

inline constexpr std::size_t addresses_per_filter =
    15;  // "max 15 expressions in a filter clause" (known-issues)
inline constexpr std::size_t filters_per_batch = 20;

std::string lower(std::string_view text);

/// "/users?$filter=mail in ('a','b')&$select=…", percent-encoded; quotes inside addresses doubled first.
std::string lookup_path(std::string_view property, std::span<const std::string> addresses);

/// The addresses in pieces of one filter each.
std::vector<std::span<const std::string>> chunks(std::span<const std::string> addresses);

enum class AddressState { resolved, ambiguous, absent };
const char* to_string(AddressState state);

struct Resolution {
  std::string address;
  AddressState state = AddressState::absent;
  std::vector<Uuid> candidates;  ///< one when resolved
};

/// An account as Graph lists it; texts may be empty.
struct Account {
  Uuid id;
  std::string mail, user_principal_name;
};

/// Finds out whose address is whose, in two passes: by mail, then by sign-in name for what that leaves open.
/// An address that is one account's mail and another's sign-in name is ambiguous, so a hit whose sign-in name
/// differs is looked up again.
class Resolver {
 public:
  /// Addresses in any order and case.
  explicit Resolver(std::vector<std::string> addresses);

  /// First pass: look these up by `mail`.
  [[nodiscard]] std::span<const std::string> addresses() const { return addresses_; }
  void found_by_mail(const Account& account);
  /// Second pass, once the first is complete: look these up by `userPrincipalName`.
  [[nodiscard]] std::vector<std::string> open_addresses() const;
  void found_by_sign_in_name(const Account& account);
  [[nodiscard]] std::vector<Resolution> results() const;

 private:
  struct Hits {
    std::vector<Uuid> ids;
    bool sign_in_name_seen =
        false;  // one account has it as its sign-in name: unique in a tenant, no more to ask
  };
  void add(const std::string& address, const Account& account);
  std::vector<std::string> addresses_;  // sorted, lower case
  std::vector<Hits> hits_;              // beside addresses_
};

}  // namespace rollcall
