#include "common/findings/findings.h"

#include "tests/integration/runs/fixture.h"

using namespace rollcall;
using findings::Finding;
using findings::Key;

namespace {

struct Desk {
  postgres::Database database{{.url = test::migrated_database()}};

  std::size_t raise(const std::vector<Finding>& found) {
    return database
        .transact([&](postgres::Transaction& transaction) { return findings::raise(transaction, found); })
        .size();
  }
  std::size_t resolve(const std::vector<Key>& gone) {
    return database
        .transact([&](postgres::Transaction& transaction) { return findings::resolve(transaction, gone); })
        .size();
  }
  std::string stands(const std::string& columns) {
    return database
        .query("SELECT string_agg(concat_ws(' ', " + columns +
               "), ', ' ORDER BY opened_at, subject) FROM advisor.findings")[0]
        .text(0);
  }
};

Finding finding(const std::string& subject, const std::string& severity = "high") {
  return {.tenant_id = "tenant",
          .organization_id = std::nullopt,
          .rule = "scan.paused",
          .subject = subject,
          .pillar = "operations",
          .severity = severity,
          .title = "Paused",
          .evidence = {{"days", 3}},
          .remedy = "Resume it."};
}

Key key(const std::string& subject) {
  return {"tenant", std::nullopt, "scan.paused", subject};
}

}  // namespace

TEST_CASE("A finding stands once, is brought up to date, and opens anew after it was resolved") {
  Desk desk;
  CHECK(desk.raise({}) == 0);
  CHECK(desk.raise({finding("a"), finding("b")}) == 2);
  CHECK(desk.raise({finding("a", "low"), finding("b")}) == 0);
  CHECK(desk.stands("subject, severity, updated_at > opened_at") == "a low t, b high f");
  CHECK(desk.resolve({key("a"), key("never")}) == 1);
  CHECK(desk.resolve({key("a")}) == 0);
  CHECK(desk.stands("subject, state, resolved_at IS NOT NULL") == "a resolved t, b open f");
  CHECK(desk.raise({finding("a")}) == 1);
  CHECK(desk.stands("subject, state") == "a resolved, b open, a open");
}

TEST_CASE("What people said of a finding stays when it is found again") {
  Desk desk;
  desk.raise({finding("a")});
  desk.database.execute("UPDATE advisor.findings SET state = 'dismissed', acknowledged_by = 'cli'");
  CHECK(desk.raise({finding("a", "critical")}) == 0);
  CHECK(desk.stands("state, severity, acknowledged_by") == "dismissed critical cli");
}

TEST_CASE("An organization's finding and the tenant's own of the same rule are two") {
  Desk desk;
  const auto organization = desk.database
                                .query(
                                    "INSERT INTO directory.organizations (tenant_id, name) VALUES ('tenant', "
                                    "'Contoso') RETURNING id")
                                .at(0)
                                .uuid(0);
  auto ours = finding("");
  ours.organization_id = organization;
  CHECK(desk.raise({finding(""), ours}) == 2);
  CHECK(desk.resolve({{"tenant", organization, "scan.paused", ""}}) == 1);
  CHECK(desk.stands("state") == "open, resolved");
}

TEST_CASE("Two entries of one finding in a call are refused") {
  Desk desk;
  CHECK(test::code_of([&] { desk.raise({finding("a"), finding("a", "low")}); }) == "database_refused");
}
