#pragma once
#include "common/crypto/crypto.h"
#include "tests/integration/front/world.h"
#include "workers/front/api/routes.h"

/// Jobs in every state, and those who look at them.
namespace rollcall::front_test {

inline const std::string other_admin = "99999999-0000-4000-8000-0000000000d4";

struct JobRow {
  std::string state = "running", operation = "sync-members", asked_by = "cli", tenant = entra::tenant;
  std::optional<Uuid> organization = std::nullopt;
  std::string created_at = "2026-11-21T09:00:00Z";
  std::string more = "attempt = 0";  ///< SET …
};

inline Uuid add_job(postgres::Database& database, const JobRow& row) {
  const auto id = crypto::new_uuid();
  database.execute(
      "INSERT INTO ops.runs (id, tenant_id, organization_id, worker, operation, state, caller_identity, "
      "created_at) VALUES ($1::uuid, $2, $3::uuid, 'member-sync', $4, $5, $6, $7::timestamptz)",
      {postgres::value(id), postgres::value(row.tenant), postgres::value(row.organization),
       postgres::value(row.operation), postgres::value(row.state), postgres::value(row.asked_by),
       postgres::value(row.created_at)});
  database.execute("UPDATE ops.runs SET " + row.more + " WHERE id = $1::uuid", {postgres::value(id)});
  return id;
}

inline void add_event(postgres::Database& database, const Uuid& job, const std::string& event) {
  database.execute("INSERT INTO ops.run_events (run_id, event) VALUES ($1::uuid, $2)",
                   {postgres::value(job), postgres::value(event)});
}

/// An organization that `other_admin` administers, and nobody else.
inline Uuid add_foreign_organization(postgres::Database& database) {
  const auto id = database
                      .query(
                          "INSERT INTO directory.organizations (tenant_id, name) VALUES ($1, 'Foreign') "
                          "RETURNING id",
                          {postgres::value(entra::tenant)})[0]
                      .uuid(0);
  database.execute(
      "INSERT INTO directory.members (organization_id, email, role, object_id) VALUES ($1::uuid, 'o@x', "
      "'owner', $2::uuid)",
      {postgres::value(id), postgres::value(other_admin)});
  return id;
}

inline std::string identity_of(const std::string& person) {
  return entra::tenant + "/" + person;
}

}  // namespace rollcall::front_test
