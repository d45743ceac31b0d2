#include "workers/front/core/oauth_page.h"

#include "tests/support/catch.h"

/// The pages on which a person connects something of theirs.
using namespace rollcall::front;

TEST_CASE("What comes from outside is text on a page, never markup") {
  const std::string hostile = "<script>alert(1)</script>\"'&";
  const auto connect = connect_page({.title = hostile,
                                     .permissions = {{hostile, hostile}},
                                     .sign_in_link = "https://x/?a=1&b=\"2",
                                     .cancel_link = hostile});
  const auto outcome = outcome_page({false, hostile, {hostile}, hostile, hostile});
  for (const auto& page : {connect, outcome}) {
    CHECK(page.find("<script") == std::string::npos);
    CHECK(page.find("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;") != std::string::npos);
  }
  CHECK(connect.find("href=\"https://x/?a=1&amp;b=&quot;2\"") != std::string::npos);
}

TEST_CASE("How it ended is announced to those who do not see it") {
  CHECK(outcome_page({true, "Connected", {}}).find("role=\"status\"") != std::string::npos);
  CHECK(outcome_page({false, "No", {}}).find("role=\"alert\"") != std::string::npos);
  CHECK(outcome_page({false, "No", {}}).find("Try again") == std::string::npos);
}

TEST_CASE("The number in a description says more than the error's name") {
  CHECK(sign_in_number("AADSTS65004: the person said no") == 65004);
  CHECK(sign_in_number("nothing of the kind") == 0);
  CHECK(sign_in_number("AADSTSx") == 0);
  CHECK(sign_in_number("AADSTS99999999999999999999") > 0);
  CHECK(sign_in_problem("access_denied", 90094, "/again").heading == "An administrator must agree first");
  CHECK(sign_in_problem("access_denied", 90094, "/again").again_link.empty());
  CHECK(sign_in_problem("access_denied", 12345, "/again").again_link == "/again");
  CHECK(sign_in_problem("<b>", 0, "/again").code == "sign_in_failed");
}

TEST_CASE("A cookie is read by its exact name, and not where it is there twice") {
  CHECK(cookie_value("a=1; b=2;c=3", "b") == "2");
  CHECK(cookie_value("a=1; b=2;c=3", "c") == "3");
  CHECK(cookie_value("xb=1; b=", "b") == "");
  CHECK_FALSE(cookie_value("xb=1; bx=2; b", "b"));
  CHECK_FALSE(cookie_value("b=1; b=2", "b"));
  CHECK_FALSE(cookie_value("", "b"));
}
