#include "common/vault/rotation.h"

#include "common/log/log.h"
#include "common/vault/grant_store.h"

#include <map>

namespace rollcall::vault {
namespace {

using postgres::value;

struct Batch {
  Rotated rotated;
  Uuid last;  ///< nil: that was the last one
};

/// The rows are locked while their tokens are opened and sealed anew, so that a refresh that saves meanwhile
/// comes before, and is what is opened, or after, and seals by itself.
Batch rotate_batch(postgres::Database& database, Keyring& keyring, const std::string& to, const Uuid& after,
                   long size) {
  return database.transact([&](postgres::Transaction& transaction) {
    Batch batch;
    for (const auto& row : transaction.query("SELECT id, tenant_id, person, connector, key_id, sealed FROM "
                                             "vault.grants WHERE key_id <> $1 AND "
                                             "id > $2::uuid ORDER BY id LIMIT $3::bigint FOR UPDATE",
                                             {value(to), value(after), value(size)})) {
      batch.last = row.uuid(0);
      const auto connector = parse_connector(row.text(3));
      const GrantKey key{row.text(1), row.uuid(2), connector.value_or(Connector{})};
      const auto tokens = connector ? open_tokens(keyring, {row.text(4), row.text(5)}, key)
                                    : unexpected(Problem{"connector_unknown", row.text(3)});
      if (!tokens) {
        ++batch.rotated.unreadable;
        log::warn("grant_not_resealed", {{"grant", row.text(0)}, {"code", tokens.error().code}});
        continue;
      }
      const auto sealed = seal_tokens(keyring, *tokens, key);
      // The generation stays: what a refresh under way began from is still what is there.
      transaction.execute("UPDATE vault.grants SET key_id = $2, sealed = $3 WHERE id = $1::uuid",
                          {value(row.text(0)), value(sealed.key_id), value(sealed.text)});
      ++batch.rotated.resealed;
    }
    return batch;
  });
}

}  // namespace

std::vector<KeyUse> key_use(postgres::Database& database, Keyring& keyring) {
  std::map<std::string, long> counts;
  for (const auto& row :
       database.query("SELECT key_id, count(*) FROM vault.grants WHERE key_id IS NOT NULL GROUP BY key_id"))
    counts[row.text(0)] = row.number(1);
  std::vector<KeyUse> uses;
  for (const auto& id : keyring.key_ids()) {
    uses.push_back({id, counts[id], true, uses.empty()});
    counts.erase(id);
  }
  for (const auto& [id, count] : counts)
    uses.push_back({id, count, false, false});
  return uses;
}

Rotated rotate(postgres::Database& database, Keyring& keyring, const std::stop_token& stop, long batch) {
  Rotated all;
  const std::string to = keyring.key_ids().front();
  for (Uuid after; !stop.stop_requested();) {
    const auto done = rotate_batch(database, keyring, to, after, batch);
    all.resealed += done.rotated.resealed;
    all.unreadable += done.rotated.unreadable;
    if (done.last.is_nil()) break;
    after = done.last;
  }
  return all;
}

}  // namespace rollcall::vault
