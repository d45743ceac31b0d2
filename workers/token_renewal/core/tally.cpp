#include "workers/token_renewal/core/tally.h"

#include <algorithm>
#include <array>

namespace rollcall::token_renewal {
namespace {

enum class Tells { well, away, nothing };

/// What an outcome tells of Entra ID: a grant whose key is missing was not even asked for.
struct Known {
  std::string_view outcome;
  Tells tells;
};
constexpr std::array known{Known{"renewed", Tells::well}, Known{"postponed", Tells::away},
                           Known{"reconnect", Tells::well}, Known{"refused", Tells::away},
                           Known{"unreadable", Tells::nothing}};

}  // namespace

Tally::Tally(int patience, const Json& carried) : patience_(patience) {
  if (!carried.is_object()) return;
  for (const Known& one : known)
    if (const auto found = carried.find(one.outcome); found != carried.end() && found->is_number_integer())
      counts_[std::string(one.outcome)] = found->get<long>();
}

void Tally::add(std::string_view outcome) {
  const auto* found = std::ranges::find(known, outcome, &Known::outcome);
  if (found == known.end()) return;
  ++counts_[std::string(outcome)];
  if (found->tells == Tells::well) in_a_row_ = 0;
  if (found->tells == Tells::away) ++in_a_row_;
}

long Tally::count(std::string_view outcome) const {
  const auto found = counts_.find(outcome);
  return found == counts_.end() ? 0 : found->second;
}

long Tally::total() const {
  long sum = 0;
  for (const auto& [outcome, count] : counts_)
    sum += count;
  return sum;
}

Json Tally::json() const {
  Json all = Json::object();
  for (const Known& one : known)
    all[std::string(one.outcome)] = count(one.outcome);
  return all;
}

}  // namespace rollcall::token_renewal
