#include "common/core/error.h"
#include "common/vault/rotation.h"
#include "tests/integration/auth/vault_world.h"
#include "tests/integration/cli/shell.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

/// Keys are replaced while everything runs, and a key that is missing costs nobody their grant.
using namespace rollcall;
using namespace rollcall::vault_test;
using vault::Refreshed;

namespace {

/// As an operator has it: a file that changes under running processes.
struct KeyFile {
  const std::string path = (std::filesystem::temp_directory_path() / test::unique("vault-keys")).string();
  ~KeyFile() { std::remove(path.c_str()); }
  void write(const std::string& lines) const { std::ofstream(path, std::ios::trunc) << lines; }
  [[nodiscard]] std::unique_ptr<vault::KeyProvider> provider() const {
    config::Settings settings{[this](const std::string& name) -> std::optional<std::string> {
      return name == "ROLLCALL_VAULT_KEYS_FILE" ? std::optional(path) : std::nullopt;
    }};
    auto made = vault::load_key_provider(settings);
    settings.finish();
    return made;
  }
};

/// Long enough for the file to be read again.
void later(World& w) {
  w.one->clock.advance(std::chrono::minutes(1));
  w.other->clock.advance(std::chrono::minutes(1));
}

/// Both processes serve and renew every grant.
void check_all_served(World& w, const std::vector<vault::GrantKey>& keys) {
  for (auto* process : {w.one.get(), w.other.get()}) {
    for (const auto& key : keys)
      CHECK_FALSE(process->grants.access_token(key, {}).token.empty());
    w.expire();
    for (const auto& key : keys)
      CHECK_FALSE(process->grants.access_token(key, {}).token.empty());
  }
}

}  // namespace

TEST_CASE("A key is replaced without anybody noticing") {
  const std::string old_key = key_line("2026-10", 'a');
  const std::string new_key = key_line("2026-11", 'b');
  KeyFile file;
  file.write(old_key);
  World w([&] { return file.provider(); });
  std::vector<vault::GrantKey> keys{w.key};
  for (std::size_t person = 1; person < 5; ++person) {
    keys.push_back({tenant, w.entra.person(person).id, vault::Connector::files});
    w.connect(keys.back(), person);
  }
  // 1. Everyone can open by the new key before anyone seals by it. One process reads the file before the
  // other.
  file.write(old_key + new_key);
  w.one->clock.advance(std::chrono::minutes(1));
  check_all_served(w, keys);
  later(w);
  // 2. It seals. Again one process knows it first.
  file.write(new_key + old_key);
  w.one->clock.advance(std::chrono::minutes(1));
  check_all_served(w, keys);
  later(w);
  check_all_served(w, keys);
  // 3. The rest is sealed anew, while tokens are renewed; stopped and begun again.
  const std::string oldest =
      vault::seal_tokens(*std::make_unique<vault::Keyring>(vault::fixed_keys(old_key), w.one->clock),
                         {"access", "refresh"}, keys[4])
          .text;
  w.one->database.execute("UPDATE vault.grants SET key_id = '2026-10', sealed = $1 WHERE person = $2::uuid",
                          {postgres::value(oldest), postgres::value(keys[4].person)});
  std::stop_source stopped;
  stopped.request_stop();
  CHECK(vault::rotate(w.one->database, w.one->keyring, stopped.get_token()).resealed == 0);
  CHECK(vault::rotate(w.one->database, w.one->keyring, {}, 1).resealed == 1);
  CHECK(vault::rotate(w.other->database, w.other->keyring, {}).resealed == 0);
  CHECK(w.query("SELECT 1 FROM vault.grants WHERE key_id <> '2026-11'").empty());
  keys.pop_back();  // its tokens were made up
  // 4. The old one goes.
  file.write(new_key);
  later(w);
  check_all_served(w, keys);
  CHECK(w.query("SELECT 1 FROM vault.grants WHERE state <> 'connected'").size() <= 1);
}

TEST_CASE("A grant whose key is missing waits for it") {
  World w;
  for (const auto& [lines, code] : {std::pair{key_line("k2", 'b'), "vault_key_missing"},
                                    std::pair{key_line("k1", 'z'), "vault_unreadable"}}) {
    INFO(code);
    w.expire();
    Process lacking(w.options, w.entra, vault::fixed_keys(lines));
    const auto outcome = lacking.renewer.refresh(w.grant, {});
    CHECK(outcome.refreshed == Refreshed::unreadable);
    CHECK(outcome.code == code);
    CHECK(vault::rotate(lacking.database, lacking.keyring, {}).unreadable ==
          (lines.starts_with("k2") ? 1 : 0));
    CHECK(w.entra.asked == 0);
    CHECK(w.column("state") == "connected");
  }
  w.expire();
  CHECK(w.one->renewer.refresh(w.grant, {}, vault::When::now).refreshed == Refreshed::renewed);
}

TEST_CASE("What is sealed opens in its own row only") {
  World w;
  const vault::Sealed sealed{w.column("key_id"), w.column("sealed")};
  CHECK(vault::open_tokens(w.one->keyring, sealed, w.key));
  for (const vault::GrantKey& elsewhere : {vault::GrantKey{tenant, w.entra.person(1).id, w.key.connector},
                                           vault::GrantKey{tenant, w.key.person, vault::Connector::files},
                                           vault::GrantKey{"another tenant", w.key.person, w.key.connector}})
    CHECK(vault::open_tokens(w.one->keyring, sealed, elsewhere).error().code == "vault_unreadable");
}

TEST_CASE("The command line shows the keys in use and moves grants to the first") {
  World w;
  test::Shell shell({{"DATABASE_URL", w.options.url},
                     {"MS_AUTH_TENANT_ID", tenant},
                     {"ROLLCALL_VAULT_KEYS", key_line("k2", 'b') + key_line("k1", 'a')}},
                    false);
  CHECK(shell.json({"vault", "keys"}) ==
        Json::parse(R"([{"key_id":"k2","grants":0,"available":true,"seals":true},
                        {"key_id":"k1","grants":1,"available":true,"seals":false}])"));
  CHECK(shell.json({"vault", "rotate"}) == Json::parse(R"({"key_id":"k2","resealed":1,"unreadable":0})"));
  CHECK(shell.json({"vault", "rotate"})["resealed"] == 0);
  CHECK(w.query("SELECT 1 FROM ops.outbox WHERE messages::text LIKE '%vault_rotated%'").size() == 1);
  test::Shell later({{"DATABASE_URL", w.options.url}, {"ROLLCALL_VAULT_KEYS", key_line("k3", 'c')}}, false);
  CHECK(later({"vault", "keys"}).out.find("MISSING") != std::string::npos);
  CHECK(later({"vault", "rotate"}).exit == cli::failed);
  test::Shell none({{"DATABASE_URL", w.options.url}}, false);
  CHECK(none({"vault", "keys"}).exit == cli::usage);
  test::Shell wrong({{"DATABASE_URL", w.options.url}, {"ROLLCALL_VAULT_KEYS", "k1:c2hvcnQ="}}, false);
  const auto refused = wrong({"vault", "keys"});
  CHECK(refused.exit != cli::done);
  CHECK(refused.err.find("32 bytes") != std::string::npos);
  CHECK(refused.err.find("c2hvcnQ") == std::string::npos);
}
