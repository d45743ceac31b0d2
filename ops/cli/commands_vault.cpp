#include "common/runs/audit.h"
#include "common/vault/rotation.h"
#include "ops/cli/commands.h"

#include <tuple>

/// The keys that people's tokens are sealed under.
namespace rollcall::cli {
namespace {

std::unique_ptr<vault::KeyProvider> keys_of(const Context& context) {
  config::Settings settings{context.environment()};
  auto provider = vault::load_key_provider(settings);
  settings.finish();
  if (!provider) std::ignore = context.required("ROLLCALL_VAULT_KEYS", "2026-11:$(openssl rand -base64 32)");
  return provider;
}

}  // namespace

int vault_keys(Context& context, const Arguments&) {
  vault::Keyring keyring(keys_of(context), context.clock());
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& use : vault::key_use(context.database(), keyring)) {
    list.push_back(
        {{"key_id", use.key_id}, {"grants", use.grants}, {"available", use.available}, {"seals", use.seals}});
    table.push_back({printable(use.key_id), std::to_string(use.grants),
                     use.seals                          ? "seals new tokens"
                     : use.available && use.grants == 0 ? "not needed any more"
                     : use.available                    ? "opens; rollcall vault rotate moves its grants"
                                                        : "MISSING: its grants cannot be opened"});
  }
  context.output.document(list);
  context.output.table({"KEY", "GRANTS", "USE"}, table, "There are no keys.");
  return done;
}

int vault_rotate(Context& context, const Arguments&) {
  vault::Keyring keyring(keys_of(context), context.clock());
  const std::string to = keyring.key_ids().front();
  const auto rotated = vault::rotate(context.database(), keyring, {});
  const Json answer = {{"key_id", to}, {"resealed", rotated.resealed}, {"unreadable", rotated.unreadable}};
  if (rotated.resealed > 0)
    context.publish({context.database().transact([&](postgres::Transaction& transaction) {
      return runs::store_audit(
          transaction,
          {.tenant_id = context.tenant(), .actor = actor, .action = "vault_rotated", .detail = answer},
          context.now());
    })});
  context.output.document(answer);
  context.output.line("sealed " + std::to_string(rotated.resealed) + " grants anew under " + to);
  if (rotated.unreadable == 0) return done;
  context.output.note(std::to_string(rotated.unreadable) +
                      " grants could not be opened and stay as they are: rollcall vault keys shows which key "
                      "is missing");
  return failed;
}

}  // namespace rollcall::cli
