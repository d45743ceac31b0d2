#include "common/vault/grant_store.h"

#include "common/core/error.h"
#include "common/findings/findings.h"
#include "common/postgres/columns.h"

namespace rollcall::vault {
namespace {

using postgres::value;

// A part of a lifetime before its end, spread so that a crowd that connected together does not stay one.
constexpr const char* early = "(expires_at - refreshed_at) * (0.15 + 0.1 * random())";
constexpr const char* unused_for = "interval '24 hours' * (0.9 + 0.1 * random())";
// As MSAL: 5 minutes before the end; of a short life, the second half.
constexpr const char* expiring =
    "expires_at - least(interval '5 minutes', (expires_at - refreshed_at) / 2) <= now()";

std::string bound_to(const GrantKey& key) {
  return "grant\n" + key.tenant_id + "\n" + key.person.to_string() + "\n" + to_string(key.connector);
}

/// What was stored is known: a connector that is not came from a newer program.
Connector connector_of(const std::string& name) {
  if (const auto connector = parse_connector(name)) return *connector;
  throw Error(Fault::invalid, "connector_unknown", "this program has no connector '" + name + "'");
}

std::vector<std::string> texts_of(const postgres::Row& row, std::size_t i) {
  return row.is_null(i) ? std::vector<std::string>{} : row.json(i).get<std::vector<std::string>>();
}

findings::Key finding_of(const GrantKey& key, const Uuid& grant) {
  return {key.tenant_id, std::nullopt, "vault.grant_over", grant.to_string()};
}

runs::Stored audit(postgres::Transaction& transaction, const GrantKey& key, const std::string& action,
                   Json detail, const runs::Asker& asker) {
  detail["connector"] = to_string(key.connector);
  return runs::store_audit(transaction,
                           {.tenant_id = key.tenant_id,
                            .actor = asker.actor,
                            .action = action,
                            .detail = std::move(detail),
                            .subject = key.person.to_string(),
                            .member_object_id = key.person},
                           asker.now);
}

}  // namespace

Sealed seal_tokens(Keyring& keyring, const Tokens& tokens, const GrantKey& key) {
  return keyring.seal(dump({{"access_token", tokens.access_token}, {"refresh_token", tokens.refresh_token}}),
                      bound_to(key));
}

Result<Tokens> open_tokens(Keyring& keyring, const Sealed& sealed, const GrantKey& key) {
  const auto text = keyring.open(sealed, bound_to(key));
  if (!text) return unexpected(text.error());
  const auto json = parse_json(*text);
  if (!json) return unexpected(Problem{"vault_unreadable", "what was sealed is no JSON"});
  return Tokens{text_member(*json, "access_token"), text_member(*json, "refresh_token")};
}

std::vector<Grant> grants_of(postgres::Database& database, const std::string& tenant_id, const Uuid& person) {
  std::vector<Grant> grants;
  for (const auto& row :
       database.query("SELECT id, connector, state, reason, may_write, to_jsonb(scopes), " +
                          postgres::time_of("connected_at") + ", " + postgres::time_of("refreshed_at") +
                          ", " + postgres::time_of("last_used_at") +
                          " FROM vault.grants WHERE tenant_id = $1 AND person = $2::uuid ORDER BY connector",
                      {value(tenant_id), value(person)}))
    grants.push_back({row.uuid(0),
                      {tenant_id, person, connector_of(row.text(1))},
                      row.text(2),
                      row.text(3),
                      row.flag(4),
                      texts_of(row, 5),
                      row.text(6),
                      row.text(7),
                      row.text(8)});
  return grants;
}

std::vector<runs::Stored> save_connected(postgres::Transaction& transaction, const NewGrant& grant,
                                         const runs::Asker& asker) {
  const auto rows = transaction.query(
      std::string("INSERT INTO vault.grants AS g (tenant_id, person, connector, state, may_write, scopes, "
                  "client_id, key_id, sealed, expires_at, refreshed_at, refresh_after) VALUES ($1, $2::uuid, "
                  "$3, 'connected', $4::boolean, $5::text[], $6, $7, $8, now() + $9::bigint * interval "
                  "'1 millisecond', now(), now() + ") +
          unused_for +
          ") ON CONFLICT (tenant_id, person, connector) DO UPDATE SET state = 'connected', reason = NULL, "
          "may_write = EXCLUDED.may_write, scopes = EXCLUDED.scopes, client_id = EXCLUDED.client_id, key_id "
          "= EXCLUDED.key_id, sealed = EXCLUDED.sealed, generation = g.generation + 1, expires_at = "
          "EXCLUDED.expires_at, refreshed_at = now(), refresh_after = EXCLUDED.refresh_after, refreshing_by "
          "= NULL, lease_until = NULL, failures = 0, last_failure = NULL, connected_at = now(), last_used_at "
          "= NULL, changed_at = now() RETURNING id",
      {value(grant.key.tenant_id), value(grant.key.person), value(to_string(grant.key.connector)),
       value(grant.may_write), postgres::array(grant.scopes), value(grant.client_id),
       value(grant.sealed.key_id), value(grant.sealed.text),
       value(static_cast<long>(grant.lifetime.count()))});
  findings::resolve(transaction, {finding_of(grant.key, rows[0].uuid(0))});
  return {audit(transaction, grant.key, "connection_made",
                {{"may_write", grant.may_write}, {"scopes", grant.scopes}}, asker)};
}

std::optional<std::vector<runs::Stored>> disconnect(postgres::Transaction& transaction, const GrantKey& key,
                                                    const runs::Asker& asker) {
  const auto rows = transaction.query(
      "UPDATE vault.grants SET state = 'disconnected', reason = NULL, key_id = NULL, sealed = NULL, "
      "generation = generation + 1, expires_at = NULL, refresh_after = NULL, refreshing_by = NULL, "
      "lease_until = NULL, failures = 0, last_failure = NULL, changed_at = now() WHERE tenant_id = $1 AND "
      "person = $2::uuid AND connector = $3 AND state <> 'disconnected' RETURNING id",
      {value(key.tenant_id), value(key.person), value(to_string(key.connector))});
  if (rows.empty()) return std::nullopt;
  findings::resolve(transaction, {finding_of(key, rows[0].uuid(0))});
  return std::vector{audit(transaction, key, "connection_ended", Json::object(), asker)};
}

std::optional<Held> take_lease(postgres::Database& database, const Uuid& grant, const std::string& holder,
                               std::chrono::seconds lease, When when) {
  const std::string condition =
      when == When::due        ? " AND refresh_after <= now()"
      : when == When::expiring ? std::string(" AND (failures = 0 OR refresh_after <= now()) AND ") + expiring
                               : "";
  const auto rows = database.query(
      "UPDATE vault.grants SET refreshing_by = $2, lease_until = now() + $3::bigint * interval '1 second' "
      "WHERE id = $1::uuid AND state = 'connected' AND (lease_until IS NULL OR lease_until <= now())" +
          condition +
          " RETURNING tenant_id, person, connector, may_write, to_jsonb(scopes), client_id, key_id, sealed, "
          "generation, failures",
      {value(grant), value(holder), value(static_cast<long>(lease.count()))});
  if (rows.empty()) return std::nullopt;
  const auto& row = rows[0];
  return Held{grant,         {row.text(0), row.uuid(1), connector_of(row.text(2))},
              row.flag(3),   texts_of(row, 4),
              row.text(5),   {row.text(6), row.text(7)},
              row.number(8), static_cast<int>(row.number(9))};
}

bool is_leased(postgres::Database& database, const Uuid& grant) {
  return !database
              .query(
                  "SELECT 1 FROM vault.grants WHERE id = $1::uuid AND state = 'connected' AND lease_until "
                  "> now()",
                  {value(grant)})
              .empty();
}

bool save_refreshed(postgres::Database& database, const Held& held, const Sealed& sealed,
                    const std::vector<std::string>& scopes, std::chrono::milliseconds lifetime) {
  return database.execute(
             std::string(
                 "UPDATE vault.grants SET key_id = $3, sealed = $4, scopes = $5::text[], generation = "
                 "generation + 1, expires_at = now() + $6::bigint * interval '1 millisecond', "
                 "refreshed_at = now(), refresh_after = now() + ") +
                 unused_for +
                 ", refreshing_by = NULL, lease_until = NULL, failures = 0, last_failure = NULL, changed_at "
                 "= "
                 "now() WHERE id = $1::uuid AND generation = $2::bigint AND state = 'connected'",
             {value(held.id), value(held.generation), value(sealed.key_id), value(sealed.text),
              postgres::array(scopes), value(static_cast<long>(lifetime.count()))}) == 1;
}

void save_postponed(postgres::Database& database, const Held& held, const std::string& holder,
                    const std::string& code, std::chrono::milliseconds delay) {
  database.execute(
      "UPDATE vault.grants SET failures = failures + 1, last_failure = $3, refresh_after = now() + "
      "$4::bigint "
      "* interval '1 millisecond', refreshing_by = NULL, lease_until = NULL WHERE id = $1::uuid AND "
      "refreshing_by = $2",
      {value(held.id), value(holder), value(code), value(static_cast<long>(delay.count()))});
}

bool save_over(postgres::Database& database, const Held& held, const std::string& code,
               const std::string& message) {
  return database.transact([&](postgres::Transaction& transaction) {
    const auto rows = transaction.query(
        "UPDATE vault.grants SET state = 'reconnect', reason = $3, key_id = NULL, sealed = NULL, generation "
        "= "
        "generation + 1, expires_at = NULL, refresh_after = NULL, refreshing_by = NULL, lease_until = NULL, "
        "failures = 0, last_failure = NULL, changed_at = now() WHERE id = $1::uuid AND generation = "
        "$2::bigint AND state = 'connected' RETURNING " +
            postgres::time_of("now()"),
        {value(held.id), value(held.generation), value(code)});
    if (rows.empty()) return false;
    const std::string connector = to_string(held.key.connector);
    const auto key = finding_of(held.key, held.id);
    findings::raise(
        transaction,
        {{.tenant_id = key.tenant_id,
          .organization_id = key.organization_id,
          .rule = key.rule,
          .subject = key.subject,
          .pillar = "reliability",
          .severity = "medium",
          .title = "A person must connect " + std::string(facts_of(held.key.connector).title) + " again",
          .evidence = {{"person", held.key.person.to_string()},
                       {"connector", connector},
                       {"reason", code},
                       {"answer", message}},
          .remedy = "Ask the person to connect again: POST /api/v1/connections makes the link. Until then "
                    "nothing is read or done for them there."}});
    // The outbox's sweep publishes it: there is nobody here who waits.
    audit(transaction, held.key, "connection_lost", {{"reason", code}},
          {held.key.tenant_id, "vault", parse_rfc3339(rows[0].text(0)).value_or(WallTime{})});
    return true;
  });
}

std::optional<Look> look_at(postgres::Database& database, const GrantKey& key) {
  const auto rows = database.ask(
      std::string("SELECT id, state, reason, may_write, to_jsonb(scopes), key_id, sealed, ") + expiring +
          ", failures = 0 AND (last_used_at IS NULL OR last_used_at < refreshed_at), (extract(epoch FROM "
          "expires_at - now()) * 1000)::bigint, CASE WHEN failures > 0 THEN greatest(0, (extract(epoch FROM "
          "refresh_after - now()) * 1000)::bigint) ELSE 0 END FROM vault.grants WHERE tenant_id = $1 AND "
          "person = $2::uuid AND connector = $3",
      {value(key.tenant_id), value(key.person), value(to_string(key.connector))});
  if (rows.empty()) return std::nullopt;
  const auto& row = rows[0];
  return Look{row.uuid(0),
              row.text(1),
              row.text(2),
              row.flag(3),
              texts_of(row, 4),
              {row.text(5), row.text(6)},
              row.flag(7),
              row.flag(8),
              std::chrono::milliseconds(row.number(9)),
              std::chrono::milliseconds(row.number(10))};
}

void mark_used(postgres::Database& database, const Uuid& grant) {
  database.execute(
      std::string("UPDATE vault.grants SET last_used_at = now(), refresh_after = least(refresh_after, "
                  "expires_at - ") +
          early + ") WHERE id = $1::uuid AND state = 'connected' AND failures = 0",
      {value(grant)});
}

}  // namespace rollcall::vault
