#pragma once
#include "common/http_server/server.h"
#include "common/postgres/postgres.h"

#include <chrono>
#include <functional>
#include <string>

/// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-06) over front.idempotency_keys.
namespace rollcall::front {

/// How long a key is kept, and how long a front may take over one request before another may try.
inline constexpr auto idempotency_kept = std::chrono::hours(24);
inline constexpr auto idempotency_lock = std::chrono::minutes(2);

struct IdempotentRequest {
  std::string principal, operation, key, fingerprint;
};

/// The key that the header names: a structured-field string, quotes or not, 1 to 255 visible characters.
/// Throws Refused (400, idempotency_key_invalid).
std::string idempotency_key(std::string_view header);

/// Answers with `work` once; afterwards with what it answered. Server errors (5xx) and exceptions are not
/// kept, so that the request may be tried again. Throws Refused: 422 idempotency_key_reused – the key stands
/// for another request; 409 idempotency_in_progress – the first one is being answered.
http_server::Response answer_once(postgres::Database& database, const IdempotentRequest& request,
                                  const std::function<http_server::Response(const Uuid& intent)>& work);

/// Deletes what has expired, a bounded number of rows; to be called now and then.
void forget_old_keys(postgres::Database& database);

}  // namespace rollcall::front
