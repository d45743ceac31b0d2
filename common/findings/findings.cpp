#include "common/findings/findings.h"

#include "common/postgres/columns.h"

namespace rollcall::findings {
namespace {

using postgres::array;

/// Rows as columns, for unnest().
struct Keys {
  std::vector<std::string> tenants, rules, subjects;
  std::vector<postgres::Value> organizations;

  void add(const std::string& tenant, const std::optional<Uuid>& organization, const std::string& rule,
           const std::string& subject) {
    tenants.push_back(tenant);
    organizations.push_back(postgres::value(organization));
    rules.push_back(rule);
    subjects.push_back(subject);
  }
};

Changed changed(const postgres::Row& row) {
  return {row.uuid(0),
          {row.text(1), row.is_null(2) ? std::nullopt : std::optional(row.uuid(2)), row.text(3), row.text(4)},
          row.text(5)};
}

std::vector<Changed> changed(const postgres::Rows& rows) {
  std::vector<Changed> all;
  all.reserve(rows.size());
  for (const auto& row : rows)
    all.push_back(changed(row));
  return all;
}

}  // namespace

std::vector<Changed> raise(postgres::Transaction& transaction, const std::vector<Finding>& found) {
  if (found.empty()) return {};
  Keys keys;
  std::vector<std::string> pillars, severities, titles, evidences, remedies;
  for (const auto& one : found) {
    keys.add(one.tenant_id, one.organization_id, one.rule, one.subject);
    pillars.push_back(one.pillar);
    severities.push_back(one.severity);
    titles.push_back(one.title);
    evidences.push_back(one.evidence.dump());
    remedies.push_back(one.remedy);
  }
  // xmax is 0 in a row that this statement inserted. Sorted, so that two who raise at once cannot lock
  // crosswise.
  const auto rows = transaction.query(
      "INSERT INTO advisor.findings AS f (tenant_id, organization_id, rule, subject, pillar, severity, "
      "title, evidence, "
      "remedy) SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], "
      "$7::text[], $8::jsonb[], $9::text[]) AS n (t, o, r, s) ORDER BY t, r, s, o "
      "ON CONFLICT (tenant_id, rule, subject, COALESCE(organization_id, "
      "'00000000-0000-0000-0000-000000000000')) "
      "WHERE state <> 'resolved' DO UPDATE SET severity = EXCLUDED.severity, title = EXCLUDED.title, "
      "evidence = EXCLUDED.evidence, remedy = EXCLUDED.remedy, updated_at = now() "
      "WHERE (f.severity, f.title, f.evidence, f.remedy) IS DISTINCT FROM "
      "(EXCLUDED.severity, EXCLUDED.title, EXCLUDED.evidence, EXCLUDED.remedy) "
      "RETURNING id, tenant_id, organization_id, rule, subject, severity, xmax = 0",
      {array(keys.tenants), array(keys.organizations), array(keys.rules), array(keys.subjects),
       array(pillars), array(severities), array(titles), array(evidences), array(remedies)});
  std::vector<Changed> opened;
  for (const auto& row : rows)
    if (row.flag(6)) opened.push_back(changed(row));
  return opened;
}

std::vector<Changed> resolve(postgres::Transaction& transaction, const std::vector<Key>& gone) {
  if (gone.empty()) return {};
  Keys keys;
  for (const auto& one : gone)
    keys.add(one.tenant_id, one.organization_id, one.rule, one.subject);
  return changed(transaction.query(
      "UPDATE advisor.findings f SET state = 'resolved', resolved_at = now(), updated_at = now() "
      "FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) AS n (t, o, r, s) "
      "WHERE f.tenant_id = t AND f.rule = r AND f.subject = s AND f.organization_id IS NOT DISTINCT FROM o "
      "AND f.state <> 'resolved' RETURNING f.id, f.tenant_id, f.organization_id, f.rule, f.subject, "
      "f.severity",
      {array(keys.tenants), array(keys.organizations), array(keys.rules), array(keys.subjects)}));
}

}  // namespace rollcall::findings
