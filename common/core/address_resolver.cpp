#include "common/core/address_resolver.h"

#include "common/core/percent.h"

#include <algorithm>

namespace rollcall {
namespace {

std::string odata_quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result.push_back('\'');
    result.push_back(c);
  }
  return result + "'";
}

}  // namespace

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string lookup_path(std::string_view property, std::span<const std::string> addresses) {
  std::string filter{property};
  filter.append(" in (");
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (i != 0) filter.push_back(',');
    filter.append(odata_quoted(addresses[i]));
  }
  filter.push_back(')');
  return "/users?$filter=" + percent_encode(filter) + "&$select=id,mail,userPrincipalName";
}

std::vector<std::span<const std::string>> chunks(std::span<const std::string> addresses) {
  std::vector<std::span<const std::string>> result;
  for (std::size_t at = 0; at < addresses.size(); at += addresses_per_filter)
    result.push_back(addresses.subspan(at, std::min(addresses_per_filter, addresses.size() - at)));
  return result;
}

const char* to_string(AddressState state) {
  switch (state) {
    case AddressState::resolved:
      return "resolved";
    case AddressState::ambiguous:
      return "ambiguous";
    case AddressState::absent:
      break;
  }
  return "absent";
}

Resolver::Resolver(std::vector<std::string> addresses) : addresses_(std::move(addresses)) {
  for (std::string& address : addresses_)
    address = lower(address);
  std::ranges::sort(addresses_);
  addresses_.erase(std::unique(addresses_.begin(), addresses_.end()), addresses_.end());
  hits_.resize(addresses_.size());
}

void Resolver::add(const std::string& address, const Account& account) {
  const auto found = std::ranges::lower_bound(addresses_, address);
  if (found == addresses_.end() || *found != address) return;
  Hits& hits = hits_[static_cast<std::size_t>(found - addresses_.begin())];
  if (std::ranges::find(hits.ids, account.id) == hits.ids.end()) hits.ids.push_back(account.id);
  if (lower(account.user_principal_name) == address) hits.sign_in_name_seen = true;
}

void Resolver::found_by_mail(const Account& account) {
  add(lower(account.mail), account);
}

void Resolver::found_by_sign_in_name(const Account& account) {
  add(lower(account.user_principal_name), account);
}

std::vector<std::string> Resolver::open_addresses() const {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < addresses_.size(); ++i)
    if (!hits_[i].sign_in_name_seen && hits_[i].ids.size() < 2) open.push_back(addresses_[i]);
  return open;
}

std::vector<Resolution> Resolver::results() const {
  std::vector<Resolution> results;
  results.reserve(addresses_.size());
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    const std::size_t count = hits_[i].ids.size();
    const AddressState state = count == 0   ? AddressState::absent
                               : count == 1 ? AddressState::resolved
                                            : AddressState::ambiguous;
    results.push_back({addresses_[i], state, hits_[i].ids});
  }
  return results;
}

}  // namespace rollcall
