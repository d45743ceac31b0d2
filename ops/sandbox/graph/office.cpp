#include "ops/sandbox/graph/office.h"

#include "ops/sandbox/graph/state.h"

#include <algorithm>

namespace rollcall::sandbox_graph {
namespace {

/// Of this request's token, if it speaks for a person.
const Delegation* delegation_of(const State& state, const http_server::Request& request) {
  const auto header = request.header("Authorization");
  if (!header.starts_with("Bearer ")) return nullptr;
  const auto found = state.delegations.find(std::string(header.substr(7)));
  return found == state.delegations.end() ? nullptr : &found->second;
}

void make_sites(State& state, WallTime now) {
  if (state.office.sites.empty()) sample_sites(state, now);
}

}  // namespace

Mailbox& mailbox_of(State& state, const User& user, WallTime now) {
  auto& mailboxes = state.office.mailboxes;
  if (const auto found = mailboxes.find(user.id); found != mailboxes.end() && !found->second.messages.empty())
    return found->second;
  Mailbox fresh = sample_mailbox(state, user, now);
  Mailbox& mailbox = mailboxes[user.id];
  fresh.under_way = mailbox.under_way;
  return mailbox = std::move(fresh);
}

const std::vector<Site>& sites_of(State& state, WallTime now) {
  make_sites(state, now);
  return state.office.sites;
}

bool may_open(const Site& site, const Uuid& person) {
  return site.members.empty() || site.members.contains(person);
}

Drive& own_drive(State& state, const User& user, WallTime now) {
  auto& office = state.office;
  if (const auto found = office.own_drives.find(user.id); found != office.own_drives.end())
    return office.drives.at(found->second);
  Drive drive = sample_own_drive(user, now);
  office.own_drives[user.id] = drive.id;
  return office.drives[drive.id] = std::move(drive);
}

Drive* find_drive(State& state, const std::string& id, const Uuid& person, WallTime now) {
  make_sites(state, now);
  const auto found = state.office.drives.find(id);
  if (found == state.office.drives.end()) return nullptr;
  if (found->second.site.empty()) return found->second.owner == person ? &found->second : nullptr;
  const auto& sites = state.office.sites;
  const auto site = std::ranges::find(sites, found->second.site, &Site::id);
  return site != sites.end() && may_open(*site, person) ? &found->second : nullptr;
}

std::optional<Uuid> begin_mailbox(State& state, const http_server::Request& request) {
  const auto path = request.path();
  const Delegation* person = delegation_of(state, request);
  if (!person || !path.starts_with("/v1.0/me/") || path.starts_with("/v1.0/me/drive")) return std::nullopt;
  const long at_once = ++state.office.mailboxes[person->user].under_way;
  state.stats.mailbox_at_once_max = std::max(state.stats.mailbox_at_once_max, at_once);
  return person->user;
}

void end_mailbox(State& state, const std::optional<Uuid>& mailbox) {
  if (!mailbox) return;
  const auto found = state.office.mailboxes.find(*mailbox);  // a reset may have taken it
  if (found != state.office.mailboxes.end() && found->second.under_way > 0) --found->second.under_way;
}

}  // namespace rollcall::sandbox_graph
