#include "workers/token_renewal/core/subscriptions.h"

#include "common/core/lower.h"

#include <algorithm>

namespace rollcall::token_renewal {
namespace {

using Event = Notice::Event;
using State = Kept::State;

/// "/groups", "Groups": Graph words a resource as it likes.
bool of_groups(const Listed& one) {
  const std::string_view name = one.resource;
  return lower(name.starts_with('/') ? name.substr(1) : name) == resource;
}

struct Situation {
  const std::optional<Wanted>& wanted;
  const std::vector<Kept>& kept;
  const std::vector<Notice>& notices;

  [[nodiscard]] const Kept* row_of(const Uuid& id) const {
    const auto found = std::ranges::find(kept, std::optional(id), &Kept::id);
    return found == kept.end() ? nullptr : &*found;
  }
  [[nodiscard]] const Kept* creating() const {
    const auto found = std::ranges::find(kept, State::creating, &Kept::state);
    return found == kept.end() ? nullptr : &*found;
  }
  [[nodiscard]] bool removed(const Uuid& id) const {
    return std::ranges::any_of(
        notices, [&](const Notice& one) { return one.subscription == id && one.event == Event::removed; });
  }
  /// By its row, or by where it sends: no other installation has our address.
  [[nodiscard]] bool ours(const Listed& one) const {
    return row_of(one.id) || (wanted && one.url == wanted->url) || (creating() && one.url == creating()->url);
  }
  /// Graph never tells the secret, so the row must.
  [[nodiscard]] bool fits(const Listed& one) const {
    if (!wanted || one.url != wanted->url || one.lifecycle_url != wanted->url || removed(one.id) ||
        lower(one.change_types) != change_types)
      return false;
    const Kept* row = row_of(one.id) ? row_of(one.id) : creating();
    return row && row->url == one.url && row->client_state_hash == wanted->client_state_hash;
  }
  /// One that is known is better than one to be adopted; else the one that lasts.
  [[nodiscard]] bool better(const Listed& a, const Listed& b) const {
    const bool known = row_of(a.id) != nullptr;
    return known == (row_of(b.id) != nullptr) ? a.expires_at > b.expires_at : known;
  }
  [[nodiscard]] bool to_reauthorize(const Listed& keep) const {
    const Kept* row = row_of(keep.id);
    return std::ranges::any_of(notices, [&](const Notice& one) {
      return one.subscription == keep.id && one.event == Event::reauthorize &&
             !(row && row->renewed_at && *row->renewed_at >= one.received_at);
    });
  }
};

}  // namespace

Plan decide(const std::optional<Wanted>& wanted, const std::vector<Kept>& kept,
            const std::vector<Listed>& listed, const std::vector<Notice>& notices, WallTime now,
            std::chrono::milliseconds lifetime) {
  const Situation situation{wanted, kept, notices};
  Plan plan;
  for (const Listed& one : listed)
    if (of_groups(one) && situation.fits(one) && (!plan.keep || situation.better(one, *plan.keep)))
      plan.keep = one;
  for (const Listed& one : listed) {
    if (!of_groups(one) || !situation.ours(one) || (plan.keep && plan.keep->id == one.id)) continue;
    const bool in_the_way = wanted && !plan.keep && one.url == wanted->url;
    (in_the_way ? plan.remove_first : plan.remove_after).push_back(one.id);
  }
  for (const Kept& row : kept) {
    if (!row.id || std::ranges::find(listed, *row.id, &Listed::id) != listed.end()) continue;
    plan.forget.push_back(*row.id);
    plan.sweep = plan.sweep || row.state == State::active;
  }
  plan.adopt = plan.keep && !situation.row_of(plan.keep->id);
  plan.create = wanted && !plan.keep;
  plan.renew =
      plan.keep && (now >= renewal_due(*plan.keep, lifetime) || situation.to_reauthorize(*plan.keep));
  plan.sweep = wanted && (plan.sweep || std::ranges::any_of(notices, [](const Notice& one) {
                            return one.event != Event::reauthorize;
                          }));
  return plan;
}

WallTime renewal_due(const Listed& subscription, std::chrono::milliseconds lifetime) {
  // Of a random id, any byte is as good as any other; version and variant stand elsewhere.
  const auto share = subscription.id.bytes.back();
  return subscription.expires_at - lifetime / 4 - lifetime / 8 * share / 256;
}

bool callable(const std::string& public_url) {
  if (public_url.starts_with("https://")) return true;
  for (const char* host : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
    if (!public_url.starts_with(host)) continue;
    const std::string rest = public_url.substr(std::string_view(host).size());
    return rest.empty() || rest.front() == ':' || rest.front() == '/';
  }
  return false;
}

}  // namespace rollcall::token_renewal
