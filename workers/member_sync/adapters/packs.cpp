#include "workers/member_sync/adapters/packs.h"

#include "workers/member_sync/adapters/full_read.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace rollcall::member_sync {
namespace {

using postgres::value;

std::vector<LinkedGroup> read_linked(postgres::Transaction& transaction, const std::string& tenant) {
  std::vector<LinkedGroup> linked;
  transaction.each(
      "SELECT id, microsoft_group FROM directory.organizations WHERE microsoft_group IS NOT NULL AND "
      "tenant_id = $1 ORDER BY id",
      {value(tenant)}, [&](const postgres::Row& row) {
        linked.push_back({row.uuid(0), row.uuid(1)});
      });
  return linked;
}

std::vector<Place> read_places(postgres::Transaction& transaction, const std::string& tenant) {
  std::vector<Place> places;
  transaction.each(
      "SELECT p.organization_id, p.group_id, p.pack_id FROM sync.pack_groups p JOIN sync.packs k ON k.id = "
      "p.pack_id WHERE k.tenant_id = $1",
      {value(tenant)}, [&](const postgres::Row& row) {
        places.push_back({row.uuid(0), row.uuid(1), row.number(2)});
      });
  return places;
}

std::vector<long> numbers(const postgres::Rows& rows) {
  std::vector<long> ids;
  std::ranges::transform(rows, std::back_inserter(ids), [](const auto& row) { return row.number(0); });
  return ids;
}

void carry_out(postgres::Transaction& transaction, const std::string& tenant, const Repacking& change) {
  const auto made = numbers(transaction.query(
      "INSERT INTO sync.packs (tenant_id) SELECT $1 FROM generate_series(1, $2::bigint) RETURNING id",
      {value(tenant), value(static_cast<long>(change.packs_to_make))}));
  std::vector<Uuid> organizations, groups;
  std::vector<long> packs;
  for (const Place& place : change.places) {
    organizations.push_back(place.organization);
    groups.push_back(place.group);
    packs.push_back(place.pack < 0 ? made.at(static_cast<std::size_t>(-place.pack - 1)) : place.pack);
  }
  transaction.execute("DELETE FROM sync.pack_groups WHERE organization_id = ANY($1::uuid[])",
                      {postgres::array(change.gone)});
  // A mark is about a group: it moves with it to another pack, but not to another group.
  transaction.execute(
      "INSERT INTO sync.pack_groups AS p (organization_id, group_id, pack_id) "
      "SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) "
      "ON CONFLICT (organization_id) DO UPDATE SET group_id = excluded.group_id, pack_id = excluded.pack_id, "
      "watched = false, mark = CASE WHEN p.group_id = excluded.group_id THEN p.mark END, "
      "marked_at = CASE WHEN p.group_id = excluded.group_id THEN p.marked_at END",
      {postgres::array(organizations), postgres::array(groups), postgres::array(packs)});
  transaction.execute("DELETE FROM sync.packs WHERE id = ANY($1::bigint[])",
                      {postgres::array(change.dissolved)});
}

/// The organizations about whose groups the round says what we did not know: neither from the mirror nor
/// because we wrote it ourselves.
std::vector<Uuid> news_in(postgres::Transaction& transaction, const Pack& pack, const GroupChanges& changes) {
  std::vector<Uuid> news, organizations, members;
  std::vector<postgres::Value> present;
  for (const PackedGroup& group : pack.groups) {
    const auto found = changes.find(group.group);
    if (found == changes.end()) continue;
    if (found->second.anew) news.push_back(group.organization);
    for (const auto& [member, is_in] : found->second.members) {
      organizations.push_back(group.organization);
      members.push_back(member);
      present.push_back(value(is_in));
    }
  }
  if (members.empty()) return news;
  for (const auto& row : transaction.query(
           "SELECT DISTINCT u.organization FROM unnest($1::uuid[], $2::uuid[], $3::boolean[]) AS "
           "u(organization, member, present) "
           "LEFT JOIN sync.recent_writes w ON w.organization_id = u.organization AND w.object_id = u.member "
           "LEFT JOIN sync.group_members m ON m.organization_id = u.organization AND m.object_id = u.member "
           "WHERE coalesce(w.present, m.object_id IS NOT NULL) <> u.present",
           {postgres::array(organizations), postgres::array(members), postgres::array(present)}))
    news.push_back(row.uuid(0));
  return news;
}

/// False where another sweep moved the link on meanwhile: its round told what ours told, and its link stays.
bool move_link(postgres::Transaction& transaction, const Pack& pack, const std::string& link,
               const Uuid& tick) {
  return transaction.execute(
             "UPDATE sync.packs SET delta_link = nullif($3::text, ''), delta_link_at = now(), swept_for = $4 "
             "WHERE id = $1 AND delta_link IS NOT DISTINCT FROM nullif($2::text, '')",
             {value(pack.id), value(pack.delta_link), value(link), value(tick)}) > 0;
}

/// The groups that the new link watches. Nobody watched those that were not in the last one's filter, nor any
/// where that link told nothing any more.
void watch(postgres::Transaction& transaction, const Pack& pack, bool gap) {
  std::vector<Uuid> organizations, groups;
  for (const PackedGroup& group : pack.groups) {
    organizations.push_back(group.organization);
    groups.push_back(group.group);
  }
  transaction.execute(
      "UPDATE sync.pack_groups p SET watched = true, "
      "mark = CASE WHEN p.watched AND NOT $4::boolean THEN p.mark ELSE coalesce(p.mark, 'unwatched') END, "
      "marked_at = CASE WHEN p.watched AND NOT $4::boolean THEN p.marked_at ELSE now() END "
      "FROM unnest($2::uuid[], $3::uuid[]) AS u(organization, in_group) "
      "WHERE p.organization_id = u.organization AND p.group_id = u.in_group AND p.pack_id = $1",
      {value(pack.id), postgres::array(organizations), postgres::array(groups), value(gap)});
}

Need need_of(const std::string& text) {
  static constexpr auto names = std::to_array<std::pair<const char*, Need>>({{"unread", Need::unread},
                                                                             {"roster", Need::roster},
                                                                             {"changed", Need::changed},
                                                                             {"unwatched", Need::unwatched},
                                                                             {"overdue", Need::overdue}});
  return std::ranges::find(names, text, [](const auto& one) { return std::string(one.first); })->second;
}

}  // namespace

bool Pack::wants_link() const {
  return delta_link.empty() || !std::ranges::all_of(groups, &PackedGroup::watched);
}

void Packs::rearrange(const std::string& tenant) {
  database_.transact([&](postgres::Transaction& transaction) {
    // Two sweeps at once would each make packs for the same newcomers.
    transaction.query("SELECT pg_advisory_xact_lock(hashtext('sync.packs'))");
    const auto packs = numbers(
        transaction.query("SELECT id FROM sync.packs WHERE tenant_id = $1 ORDER BY id", {value(tenant)}));
    const Repacking change =
        repack(read_linked(transaction, tenant), read_places(transaction, tenant), packs);
    if (change.gone.empty() && change.places.empty() && change.dissolved.empty()) return;
    carry_out(transaction, tenant, change);
  });
}

std::vector<Pack> Packs::unswept(const std::string& tenant, const Uuid& tick) {
  return database_.transact([&](postgres::Transaction& transaction) {
    std::vector<Pack> packs;
    transaction.each(
        "SELECT k.id, coalesce(k.delta_link, ''), p.organization_id, p.group_id, p.watched FROM sync.packs k "
        "JOIN sync.pack_groups p ON p.pack_id = k.id WHERE k.tenant_id = $1 AND k.swept_for IS DISTINCT FROM "
        "$2 ORDER BY k.id, p.organization_id",
        {value(tenant), value(tick)}, [&](const postgres::Row& row) {
          if (packs.empty() || packs.back().id != row.number(0))
            packs.push_back({row.number(0), row.text(1), {}});
          packs.back().groups.push_back({row.uuid(2), row.uuid(3), row.flag(4)});
        });
    return packs;
  });
}

void Packs::save(const Pack& pack, const SweptPack& swept, const Uuid& tick) {
  database_.transact([&](postgres::Transaction& transaction) {
    const bool moved = move_link(transaction, pack, swept.delta_link, tick);
    if (moved && swept.relinked) watch(transaction, pack, swept.gap);
    if (swept.changes == nullptr) return;
    transaction.execute(
        "UPDATE sync.pack_groups SET mark = 'changed', marked_at = now() WHERE organization_id = "
        "ANY($1::uuid[])",
        {postgres::array(news_in(transaction, pack, *swept.changes))});
  });
}

std::vector<Candidate> Packs::candidates(const std::string& tenant,
                                         std::chrono::milliseconds full_read_interval) {
  const std::string sql =
      "SELECT o.id, n.need FROM directory.organizations o "
      "LEFT JOIN sync.groups g ON g.organization_id = o.id AND g.group_id = o.microsoft_group "
      "LEFT JOIN sync.pack_groups p ON p.organization_id = o.id AND p.group_id = o.microsoft_group "
      "CROSS JOIN LATERAL (SELECT CASE WHEN g.synced_at IS NULL THEN 'unread' "
      "  WHEN g.roster_version <> o.roster_version OR o.updated_at > coalesce(g.read_at, g.synced_at) "
      "  THEN 'roster' WHEN p.mark IS NOT NULL THEN p.mark WHEN " +
      full_read_due("$2") +
      " THEN 'overdue' END AS need) n "
      "WHERE o.microsoft_group IS NOT NULL AND o.tenant_id = $1 AND n.need IS NOT NULL "
      "AND o.id NOT IN (SELECT r.organization_id FROM ops.open_runs r WHERE r.worker = 'member-sync' AND "
      "r.organization_id IS NOT NULL) "
      "ORDER BY n.need IN ('unwatched', 'overdue'), n.need = 'overdue', coalesce(p.marked_at, "
      "g.full_read_at), o.id";
  return database_.transact([&](postgres::Transaction& transaction) {
    std::vector<Candidate> candidates;
    transaction.each(sql, {value(tenant), value(static_cast<long>(full_read_interval.count()))},
                     [&](const postgres::Row& row) {
                       candidates.push_back({row.uuid(0), need_of(row.text(1))});
                     });
    return candidates;
  });
}

void clear_mark(postgres::Transaction& transaction, const Uuid& organization, WallTime read_at) {
  transaction.execute(
      "UPDATE sync.pack_groups SET mark = NULL, marked_at = NULL WHERE organization_id = $1 AND marked_at < "
      "$2",
      {value(organization), value(read_at)});
}

}  // namespace rollcall::member_sync
