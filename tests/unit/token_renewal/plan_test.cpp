#include "tests/support/catch.h"
#include "workers/token_renewal/core/subscriptions.h"

using namespace rollcall;
using namespace rollcall::token_renewal;
using namespace std::chrono_literals;
using Event = Notice::Event;
using Ids = std::vector<Uuid>;

namespace {

constexpr std::chrono::milliseconds lifetime = 24h * 28;
const WallTime now = *parse_rfc3339("2026-11-21T09:00:00.000Z");
const std::string here = "https://rollcall.contoso.com/hooks/graph";
const std::string there = "https://old.contoso.com/hooks/graph";
const Wanted wanted{here, "hash"};

Uuid id(int number) {
  Uuid made;
  made.bytes[0] = static_cast<std::uint8_t>(number);
  return made;
}
Kept row(int number, const std::string& url = here, const std::string& hash = "hash") {
  return {Kept::State::active, id(number), url, hash, now - 1h};
}
Kept creating(const std::string& url = here, const std::string& hash = "hash") {
  return {Kept::State::creating, std::nullopt, url, hash, std::nullopt};
}
Listed listed(int number, const std::string& url = here, std::chrono::milliseconds left = lifetime) {
  return {id(number), "/groups", "updated", url, url, now + left};
}
Plan plan(const std::optional<Wanted>& what, const std::vector<Kept>& kept,
          const std::vector<Listed>& at_graph, const std::vector<Notice>& notices = {}) {
  return decide(what, kept, at_graph, notices, now, lifetime);
}

}  // namespace

TEST_CASE("without a subscription one is created, and nobody has to look for what was missed") {
  const auto made = plan(wanted, {}, {});
  CHECK(made.create);
  CHECK_FALSE(made.sweep);
  CHECK_FALSE(made.keep);
}

TEST_CASE("one that stands is left alone") {
  const auto made = plan(wanted, {row(1)}, {listed(1)});
  REQUIRE(made.keep);
  CHECK(made.keep->id == id(1));
  CHECK_FALSE((made.create || made.renew || made.adopt || made.sweep));
  CHECK((made.remove_first.empty() && made.remove_after.empty() && made.forget.empty()));
}

TEST_CASE("it is renewed when a quarter of its life is left, up to an eighth earlier by its id") {
  Listed one = listed(1);
  CHECK(renewal_due(one, lifetime) == one.expires_at - 24h * 7);
  one.id.bytes.back() = 255;
  const auto earliest = renewal_due(one, lifetime);
  CHECK(earliest < one.expires_at - 24h * 10);
  CHECK(earliest >= one.expires_at - 24h * 21 / 2);
  CHECK(plan(wanted, {row(1)}, {listed(1, here, 24h * 7)}).renew);
  CHECK_FALSE(plan(wanted, {row(1)}, {listed(1, here, 24h * 7 + 1ms)}).renew);
}

TEST_CASE("Graph asks for a renewal: once, and not for another's") {
  CHECK(plan(wanted, {row(1)}, {listed(1)}, {{id(1), Event::reauthorize, now}}).renew);
  CHECK_FALSE(plan(wanted, {row(1)}, {listed(1)}, {{id(1), Event::reauthorize, now - 2h}}).renew);
  const auto other = plan(wanted, {row(1)}, {listed(1)}, {{id(2), Event::reauthorize, now}});
  CHECK_FALSE((other.renew || other.sweep));
}

TEST_CASE("one that Graph does not have any more is created anew, and all groups are looked at") {
  const auto made = plan(wanted, {row(1)}, {});
  CHECK(made.create);
  CHECK(made.sweep);
  CHECK(made.forget == Ids{id(1)});
}

TEST_CASE("one that Graph says it removed is replaced, though it may still be listed") {
  const auto made = plan(wanted, {row(1)}, {listed(1)}, {{id(1), Event::removed, now}});
  CHECK(made.create);
  CHECK(made.sweep);
  CHECK(made.remove_first == Ids{id(1)});
}

TEST_CASE("missed changes are looked for") {
  const auto made = plan(wanted, {row(1)}, {listed(1)}, {{id(1), Event::missed, now}});
  CHECK(made.sweep);
  CHECK_FALSE((made.create || made.renew));
}

TEST_CASE("one whose creator died is adopted; one whose secret nobody knows is replaced") {
  const auto adopted = plan(wanted, {creating()}, {listed(1)});
  REQUIRE(adopted.keep);
  CHECK(adopted.adopt);
  CHECK_FALSE(adopted.create);
  for (const auto& kept : {std::vector<Kept>{}, {creating(here, "another secret")}, {creating(there)}}) {
    const auto replaced = plan(wanted, kept, {listed(1)});
    CHECK(replaced.create);
    CHECK(replaced.remove_first == Ids{id(1)});
  }
}

TEST_CASE("a changed secret replaces it; a changed address does once the new one stands") {
  const auto secret = plan(wanted, {row(1, here, "old")}, {listed(1)});
  CHECK(secret.create);
  CHECK(secret.remove_first == Ids{id(1)});
  const auto address = plan(wanted, {row(1, there)}, {listed(1, there)});
  CHECK(address.create);
  CHECK(address.remove_first.empty());
  CHECK(address.remove_after == Ids{id(1)});
}

TEST_CASE("one that would not tell of its own end is replaced") {
  Listed one = listed(1);
  SECTION("no lifecycle notifications") {
    one.lifecycle_url.clear();
  }
  SECTION("other changes") {
    one.change_types = "deleted";
  }
  CHECK(plan(wanted, {row(1)}, {one}).remove_first == Ids{id(1)});
}

TEST_CASE("of two that are ours one stays, the known one before the one that lasts longer") {
  const auto made = plan(wanted, {row(1), creating()}, {listed(2), listed(1, here, 24h * 20)});
  REQUIRE(made.keep);
  CHECK(made.keep->id == id(1));
  CHECK(made.remove_after == Ids{id(2)});
  CHECK_FALSE(made.create);
}

TEST_CASE("what others subscribed to is not touched") {
  Listed users = listed(3);
  users.resource = "/users";
  const auto made = plan(wanted, {row(1)}, {listed(1), listed(2, there), users});
  CHECK((made.remove_first.empty() && made.remove_after.empty()));
  CHECK(plan(std::nullopt, {}, {listed(2, there)}).remove_after.empty());
}

TEST_CASE("without the settings, ours goes, whether or not its creation was heard of") {
  const auto known = plan(std::nullopt, {row(1)}, {listed(1)});
  CHECK(known.remove_after == Ids{id(1)});
  CHECK_FALSE((known.create || known.keep || known.sweep));
  CHECK(plan(std::nullopt, {creating()}, {listed(1)}).remove_after == Ids{id(1)});
  CHECK_FALSE(plan(std::nullopt, {row(1)}, {}).sweep);
}

TEST_CASE("Graph words the resource as it likes") {
  for (const char* name : {"groups", "Groups", "/Groups"}) {
    Listed one = listed(1);
    one.resource = name;
    CHECK(plan(wanted, {row(1)}, {one}).keep);
  }
}

TEST_CASE("Graph can call https, and a sandbox this machine") {
  for (const char* good : {"https://rollcall.contoso.com", "http://127.0.0.1:8080", "http://localhost",
                           "http://[::1]:80/rollcall"})
    CHECK(callable(good));
  for (const char* bad :
       {"", "http://rollcall.contoso.com", "http://localhost.contoso.com", "ftp://contoso.com"})
    CHECK_FALSE(callable(bad));
}
