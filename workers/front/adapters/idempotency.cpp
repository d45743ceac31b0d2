#include "workers/front/adapters/idempotency.h"

#include "common/crypto/crypto.h"
#include "workers/front/api/call.h"

#include <algorithm>
#include <optional>

namespace rollcall::front {
namespace {

using postgres::value;

std::string seconds(std::chrono::seconds duration) {
  return std::to_string(duration.count()) + " seconds";
}

std::vector<postgres::Value> names_of(const IdempotentRequest& request) {
  return {value(request.principal), value(request.operation), value(request.key)};
}

Response replay(const postgres::Row& row) {
  Response response{static_cast<int>(row.number(0)), {}, row.text(2)};
  for (const auto& header : row.json(1))
    response.headers.emplace_back(header[0].get<std::string>(), header[1].get<std::string>());
  response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

struct Begun {
  Uuid intent;
  std::optional<Response> replayed;
};

/// Takes the row where nobody has it: new, expired, or left by a front that died.
Begun begin(postgres::Transaction& transaction, const IdempotentRequest& request) {
  auto parameters = names_of(request);
  parameters.push_back(value(request.fingerprint));
  parameters.push_back(value(crypto::derived_uuid(
      {"intent", request.principal, request.operation, request.key, request.fingerprint})));
  parameters.push_back(value(seconds(idempotency_lock)));
  parameters.push_back(value(seconds(idempotency_kept)));
  const auto taken = transaction.query(
      "INSERT INTO front.idempotency_keys AS k (principal, operation, key, fingerprint, intent, "
      "locked_until, "
      "expires_at) VALUES ($1, $2, $3, $4, $5::uuid, now() + $6::interval, now() + $7::interval)"
      " ON CONFLICT (principal, operation, key) DO UPDATE SET fingerprint = excluded.fingerprint, intent = "
      "excluded.intent, locked_until = excluded.locked_until, status = NULL, headers = NULL, body = NULL, "
      "expires_at = excluded.expires_at"
      " WHERE k.expires_at < now() OR (k.status IS NULL AND k.locked_until < now() AND k.fingerprint = "
      "excluded.fingerprint) RETURNING intent",
      parameters);
  if (!taken.empty()) return {taken[0].uuid(0), std::nullopt};
  const auto rows = transaction.query(
      "SELECT status, headers, body, fingerprint FROM front.idempotency_keys WHERE principal = $1 AND "
      "operation "
      "= $2 AND key = $3",
      names_of(request));
  // Removed between the two statements: the first request failed just now, and this one may try.
  if (rows.empty())
    throw Refused({409,
                   "idempotency_in_progress",
                   "The first request with this key ended just now.",
                   {},
                   std::chrono::seconds(1)});
  if (rows[0].text(3) != request.fingerprint)
    throw Refused({422, "idempotency_key_reused", "This Idempotency-Key stands for another request."});
  if (rows[0].is_null(0))
    throw Refused({409,
                   "idempotency_in_progress",
                   "The first request with this key is still being answered.",
                   {},
                   std::chrono::seconds(1)});
  return {{}, replay(rows[0])};
}

void keep(postgres::Database& database, const IdempotentRequest& request, const Response& response) {
  Json headers = Json::array();
  for (const auto& [name, text] : response.headers)
    headers.push_back({name, text});
  auto parameters = names_of(request);
  parameters.push_back(value(static_cast<long>(response.status)));
  parameters.push_back(value(headers));
  parameters.push_back(value(response.body));
  database.execute(
      "UPDATE front.idempotency_keys SET status = $4, headers = $5::jsonb, body = $6 WHERE principal = $1 "
      "AND "
      "operation = $2 AND key = $3",
      parameters);
}

void let_go(postgres::Database& database, const IdempotentRequest& request) {
  database.execute(
      "DELETE FROM front.idempotency_keys WHERE principal = $1 AND operation = $2 AND key = $3 AND status IS "
      "NULL",
      names_of(request));
}

}  // namespace

std::string idempotency_key(std::string_view header) {
  std::string_view key = header;
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') key = key.substr(1, key.size() - 2);
  const bool visible =
      std::ranges::all_of(key, [](char c) { return c >= 0x21 && c <= 0x7E && c != '"' && c != '\\'; });
  if (key.empty() || key.size() > 255 || !visible)
    throw Refused(
        {400, "idempotency_key_invalid", "The Idempotency-Key has 1 to 255 visible ASCII characters."});
  return std::string(key);
}

Response answer_once(postgres::Database& database, const IdempotentRequest& request,
                     const std::function<Response(const Uuid& intent)>& work) {
  auto begun =
      database.transact([&](postgres::Transaction& transaction) { return begin(transaction, request); });
  if (begun.replayed) return std::move(*begun.replayed);
  Response response;
  try {
    response = work(begun.intent);
  } catch (const std::exception&) {
    let_go(database, request);  // a refusal changed nothing: asked again, it is decided anew
    throw;
  }
  response.status >= 500 ? let_go(database, request) : keep(database, request, response);
  return response;
}

void forget_old_keys(postgres::Database& database) {
  database.execute(
      "DELETE FROM front.idempotency_keys WHERE ctid = ANY (ARRAY(SELECT ctid FROM front.idempotency_keys "
      "WHERE "
      "expires_at < now() LIMIT 1000))");
}

}  // namespace rollcall::front
