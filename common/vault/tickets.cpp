#include "common/vault/tickets.h"

#include "common/crypto/crypto.h"
#include "common/vault/keyring.h"

namespace rollcall::vault {
namespace {

using postgres::value;

std::optional<Ticket> find(postgres::Database& database, const std::string& condition,
                           const postgres::Value& parameter) {
  const auto rows = database.query(
      "SELECT id, tenant_id, person, connector, may_write, used_at IS NOT NULL, expires_at <= now() FROM "
      "vault.tickets WHERE " +
          condition,
      {parameter});
  if (rows.empty()) return std::nullopt;
  const auto& row = rows[0];
  const auto connector = parse_connector(row.text(3));
  if (!connector) return std::nullopt;
  return Ticket{row.uuid(0),
                {row.text(1), row.uuid(2), *connector},
                row.flag(4),
                row.flag(5)   ? Ticket::State::used
                : row.flag(6) ? Ticket::State::expired
                              : Ticket::State::open};
}

}  // namespace

std::string make_ticket(postgres::Transaction& transaction, const GrantKey& key, bool may_write,
                        std::chrono::seconds lifetime) {
  const std::string secret = random_secret();
  const std::vector<postgres::Value> whose{value(key.tenant_id), value(key.person),
                                           value(to_string(key.connector))};
  transaction.execute(
      "DELETE FROM vault.tickets WHERE expires_at < now() - interval '1 day' OR (tenant_id = $1 AND person = "
      "$2::uuid AND connector = $3 AND used_at IS NULL)",
      whose);
  transaction.execute(
      "INSERT INTO vault.tickets (secret_hash, tenant_id, person, connector, may_write, expires_at) VALUES "
      "($1, $2, $3::uuid, $4, $5::boolean, now() + $6::bigint * interval '1 second')",
      {value(crypto::sha256_hex(secret)), whose[0], whose[1], whose[2], value(may_write),
       value(static_cast<long>(lifetime.count()))});
  return secret;
}

std::optional<Ticket> find_ticket(postgres::Database& database, const std::string& secret) {
  return find(database, "secret_hash = $1", value(crypto::sha256_hex(secret)));
}

std::optional<Ticket> find_ticket(postgres::Database& database, const Uuid& id) {
  return find(database, "id = $1::uuid", value(id));
}

bool use_ticket(postgres::Transaction& transaction, const Uuid& id) {
  return transaction.execute(
             "UPDATE vault.tickets SET used_at = now() WHERE id = $1::uuid AND used_at IS NULL AND "
             "expires_at "
             "> now()",
             {value(id)}) == 1;
}

}  // namespace rollcall::vault
