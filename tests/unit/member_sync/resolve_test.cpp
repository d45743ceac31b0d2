#include "common/core/address_resolver.h"
#include "tests/support/catch.h"
#include "tests/unit/member_sync/support.h"

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

TEST_CASE("a filter doubles quotes and is percent-encoded") {
  const std::vector<std::string> addresses{"o'brien@x.org", "a+b#c@x.org"};
  CHECK(lookup_path("mail", addresses) ==
        "/users?$filter=mail%20in%20%28%27o%27%27brien%40x.org%27%2C%27a%2Bb%23c%40x.org%27%29&$select=id,"
        "mail,userPrincipalName");
}

TEST_CASE("addresses go 15 to a filter") {
  const std::vector<std::string> addresses(31, "a@x.org");
  const auto pieces = chunks(addresses);
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[0].size() == 15);
  CHECK(pieces[2].size() == 1);
  CHECK(chunks({}).empty());
}

TEST_CASE("one account is resolved, several are ambiguous, none is absent") {
  Resolver resolver{
      {"Both@x.org", "mail@x.org", "twice@x.org", "none@x.org", "upn@x.org", "clash@x.org", "both@x.org"}};
  CHECK(resolver.addresses().size() == 6);
  resolver.found_by_mail({id(1), "BOTH@x.org", "both@X.org"});
  resolver.found_by_mail({id(2), "mail@x.org", "m@x.org"});
  resolver.found_by_mail({id(3), "twice@x.org", "t1@x.org"});
  resolver.found_by_mail({id(4), "twice@x.org", "t2@x.org"});
  resolver.found_by_mail({id(5), "clash@x.org", "other@x.org"});
  resolver.found_by_mail({id(9), "stranger@x.org", ""});
  // The second pass asks where nobody was found, and where the account's sign-in name is another text.
  CHECK(resolver.open_addresses() ==
        std::vector<std::string>{"clash@x.org", "mail@x.org", "none@x.org", "upn@x.org"});
  resolver.found_by_sign_in_name({id(6), "", "UPN@x.org"});
  resolver.found_by_sign_in_name({id(7), "", "clash@x.org"});  // one's mail, another's sign-in name

  std::vector<std::string> seen;
  for (const Resolution& one : resolver.results())
    seen.push_back(one.address + " " + to_string(one.state));
  CHECK(seen == std::vector<std::string>{"both@x.org resolved", "clash@x.org ambiguous",
                                         "mail@x.org resolved", "none@x.org absent", "twice@x.org ambiguous",
                                         "upn@x.org resolved"});
}
