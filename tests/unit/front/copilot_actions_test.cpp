#include "workers/front/core/copilot_actions.h"

#include "tests/support/catch.h"

using namespace rollcall;
using namespace rollcall::front;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

CopilotRequest request_of(const char* action, const Json& parameters) {
  const auto* found = find_copilot_action(action);
  REQUIRE(found);
  return found->request(parameters);
}

}  // namespace

TEST_CASE("Copilot's queries ask for little, and for what is open, unless told otherwise") {
  const auto findings = request_of("query_advisor_findings", Json::object());
  CHECK(findings.operation_id == "list_findings");
  CHECK(findings.query == Pairs{{"state", "open"}, {"limit", "10"}});
  CHECK(request_of("query_advisor_findings",
                   {{"pillar", "cost"}, {"state", "resolved"}, {"limit", 3}, {"organization_id", "o"}})
            .query ==
        Pairs{{"pillar", "cost"}, {"state", "resolved"}, {"organization", "o"}, {"limit", "3"}});
  const auto runs = request_of("query_ops_runs", {{"kind", "call"}, {"fields", "title"}});
  CHECK(runs.operation_id == "list_jobs");
  CHECK(runs.query == Pairs{{"kind", "call"}, {"limit", "10"}});
}

TEST_CASE("Copilot's actions name their organization or finding in the path of the operation they are") {
  CHECK(request_of("trigger_advisor_scan", Json::object()).operation_id == "scan_tenant");
  const auto scan = request_of("trigger_advisor_scan", {{"organization_id", "o"}});
  CHECK(scan.operation_id == "scan_organization");
  CHECK(scan.path.at("organization") == "o");
  const auto taken = request_of("acknowledge_finding", {{"finding_id", "f"}, {"why", "w"}, {"until", "u"}});
  CHECK(taken.operation_id == "take_finding");
  CHECK(taken.path.at("finding") == "f");
  CHECK(taken.body == Json({{"why", "w"}, {"until", "u"}}));
  const auto dismissed =
      request_of("acknowledge_finding", {{"finding_id", "f"}, {"why", "w"}, {"decision", "dismiss"}});
  CHECK(dismissed.operation_id == "dismiss_finding");
  CHECK(dismissed.body == Json({{"why", "w"}}));
  CHECK_FALSE(find_copilot_action("delete_everything"));
}

TEST_CASE("A field that no item has is named") {
  const auto& findings = *find_copilot_action("query_advisor_findings");
  CHECK(unknown_field(findings, Json::object()).empty());
  CHECK(unknown_field(findings, {{"fields", "title,url"}}).empty());
  CHECK(unknown_field(findings, {{"fields", "title,evidence"}}) == "evidence");
  CHECK(unknown_field(findings, {{"fields", "job_id"}}) == "job_id");
}

TEST_CASE("A caller is told by the token's identity and its names for a person, in any case") {
  const std::string identity = "11111111-2222-4333-8444-5555555555aa/99999999-0000-4000-8000-0000000000a1";
  const std::vector<std::string> names = {"ada@contoso.example"};
  CHECK(is_caller(identity, identity, names));
  CHECK(is_caller("11111111-2222-4333-8444-5555555555AA/99999999-0000-4000-8000-0000000000A1", identity, {}));
  CHECK(is_caller("Ada@Contoso.example", identity, names));
  for (const auto* another :
       {"", "ada", "ada@contoso.example ", "bob@contoso.example", "99999999-0000-4000-8000-0000000000a1"})
    CHECK_FALSE(is_caller(another, identity, names));
  CHECK_FALSE(is_caller("", identity, {}));
}
