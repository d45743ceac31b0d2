#pragma once
#include "common/postgres/postgres.h"
#include "common/vault/connectors.h"

#include <chrono>
#include <optional>
#include <string>

/// vault.tickets: what a person's browser brings to prove who asked for the connection. A ticket shows a page
/// as often as its link is opened (mail scanners open links too) and connects once.
namespace rollcall::vault {

struct Ticket {
  Uuid id;
  GrantKey key;
  bool may_write = false;
  enum class State { open, used, expired } state = State::open;
};

/// The secret for the link. Older tickets of the same person and connector are void from then on.
std::string make_ticket(postgres::Transaction& transaction, const GrantKey& key, bool may_write,
                        std::chrono::seconds lifetime);
std::optional<Ticket> find_ticket(postgres::Database& database, const std::string& secret);
std::optional<Ticket> find_ticket(postgres::Database& database, const Uuid& id);
/// False where it was used, or its time has run out, meanwhile.
bool use_ticket(postgres::Transaction& transaction, const Uuid& id);

}  // namespace rollcall::vault
