#include "common/crypto/crypto.h"

#include "tests/support/catch.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

namespace crypto = rollcall::crypto;
using rollcall::Uuid;

TEST_CASE("SHA-256 gives the digests of FIPS 180", "[unit][crypto]") {
  CHECK(crypto::sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(crypto::sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("base64url gives the vectors of RFC 4648, unpadded and safe in a URL", "[unit][crypto]") {
  CHECK(crypto::base64url("").empty());
  CHECK(crypto::base64url("f") == "Zg");
  CHECK(crypto::base64url("fo") == "Zm8");
  CHECK(crypto::base64url("foo") == "Zm9v");
  CHECK(crypto::base64url("foobar") == "Zm9vYmFy");
  CHECK(crypto::base64url("\xfb\xff\xfe") == "-__-");
  CHECK(crypto::base64url(std::string_view("\0\0", 2)) == "AAA");
}

// These ids are stored: a change here would make every one of them a stranger.
TEST_CASE("a derived id is the same for the same parts, everywhere and for ever", "[unit][crypto]") {
  CHECK(crypto::derived_uuid({"run", "org-1"}).to_string() == "ff2b69c6-b6cd-5215-b266-d38c544e61ef");
  CHECK(crypto::derived_uuid({}).to_string() == "dbcacd8d-c415-53f0-927d-4a9e1a373e8f");
  CHECK(crypto::derived_uuid({"a", "b"}) != crypto::derived_uuid({"b", "a"}));
  CHECK(crypto::derived_uuid({"ab", ""}) != crypto::derived_uuid({"a", "b"}));
}

TEST_CASE("new ids are of version 7 and sort as they were made", "[unit][crypto]") {
  std::vector<Uuid> ids;
  for (int i = 0; i < 5000; ++i)
    ids.push_back(crypto::new_uuid());
  CHECK(std::ranges::is_sorted(ids));
  CHECK(ids.front().to_string()[14] == '7');
  CHECK((ids.front().bytes[8] & 0xC0) == 0x80);
  std::uint64_t made_ms = 0;
  for (std::size_t i = 0; i < 6; ++i)
    made_ms = made_ms << 8 | ids.front().bytes[i];
  CHECK(made_ms > 1'700'000'000'000);
  CHECK(made_ms < 4'000'000'000'000);
}

TEST_CASE("threads never make the same id", "[unit][crypto]") {
  std::vector<std::vector<Uuid>> made(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : made)
      threads.emplace_back([&mine] {
        for (int i = 0; i < 2000; ++i)
          mine.push_back(crypto::new_uuid());
      });
  }
  std::set<Uuid> all;
  for (const auto& mine : made)
    all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 8000);
}

TEST_CASE("random numbers lie in [0, 1) and spread", "[unit][crypto]") {
  double low = 1;
  double high = 0;
  for (int i = 0; i < 2000; ++i) {
    const double value = crypto::random_unit();
    low = std::min(low, value);
    high = std::max(high, value);
  }
  CHECK(low >= 0);
  CHECK(low < 0.05);
  CHECK(high < 1);
  CHECK(high > 0.95);
}

TEST_CASE("random hex has two digits a byte and does not repeat", "[unit][crypto]") {
  const auto one = crypto::random_hex(16);
  CHECK(one.size() == 32);
  CHECK(one.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(one != crypto::random_hex(16));
  CHECK(crypto::random_hex(0).empty());
}
