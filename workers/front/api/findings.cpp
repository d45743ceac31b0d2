#include "common/findings/store.h"
#include "workers/front/api/area.h"

/// Findings: what an operator should look at.
namespace rollcall::front {
namespace {

constexpr const char* tag = "findings";

findings::Seen seen_by(const Call& call) {
  return {seen_condition("f.organization_id", "f.tenant_id", 1), seen_values(sight_of(call))};
}

Response list(Parts& parts, const Call& call) {
  const auto name = list_name(call, "findings", {"organization", "state", "pillar", "severity", "rule"});
  const auto& query = call.query;
  auto page =
      findings::list(parts.database, seen_by(call),
                     {query.uuid("organization"), query.text("state"), query.text("pillar"),
                      query.text("severity"), query.text("rule")},
                     position_of(call, name, {ParameterType::time, ParameterType::uuid}), limit_of(call));
  return page_answer(call, name, {std::move(page.items), std::move(page.next)});
}

Response show(Parts& parts, const Call& call) {
  return json_answer(200, findings::show(parts.database, seen_by(call), uuid_in_path(call, "finding")));
}

Response decide(Parts& parts, const Call& call, const std::string& state) {
  const Uuid id = uuid_in_path(call, "finding");
  findings::Decision decision{state, text_in_body(call, "why"), std::nullopt};
  if (call.body.contains("until")) {
    decision.until = parse_rfc3339(call.body.at("until").get<std::string>());
    if (!decision.until) throw body_mistake("/until", "is no time in UTC such as 2026-11-21T09:30:00Z");
    if (*decision.until <= call.now) throw body_mistake("/until", "is past");
  }
  auto decided = parts.database.transact([&](postgres::Transaction& transaction) {
    return findings::decide(transaction, seen_by(call), id, decision, asker_of(call));
  });
  publish(parts, std::move(decided.stored));
  return json_answer(200, decided.finding);
}

Response scan(Parts& parts, const Call& call) {
  const auto& organization = call.organization.id;
  return accept_job(parts, call,
                    {call.intent, call.caller.tenant_id, "advisor-scan", "scan", call.caller.identity(),
                     organization.is_nil() ? std::nullopt : std::optional(organization)});
}

Operation scan_operation(std::string path, std::string id, std::string summary, Access access) {
  return {.method = "POST",
          .path = std::move(path),
          .id = std::move(id),
          .summary = std::move(summary),
          .access = access,
          .answers = {{202, "ScanJob", "Accepted; the job is at Operation-Location."}},
          .tag = tag};
}

}  // namespace

Routes findings_routes(Parts& parts) {
  const std::string one = "/api/v1/findings/{finding}";
  return {
      {{.method = "GET",
        .path = "/api/v1/findings",
        .id = "list_findings",
        .summary = "What should be looked at, newest first.",
        .query = paged(
            {{.name = "organization", .type = ParameterType::uuid, .help = "Only about this organization."},
             {.name = "state",
              .type = ParameterType::one_of,
              .help = "Only in this state.",
              .choices = {"open", "acknowledged", "dismissed", "resolved"}},
             {.name = "pillar", .help = "Only of this pillar, such as security.", .text_max = 64},
             {.name = "severity",
              .type = ParameterType::one_of,
              .help = "Only of this severity.",
              .choices = {"low", "medium", "high", "critical"}},
             {.name = "rule", .help = "Only what this rule found.", .text_max = 128}}),
        .answers = {{200, "FindingPage", "A page of findings."}},
        .tag = tag},
       [&parts](const Call& call) { return list(parts, call); }},
      {{.method = "GET",
        .path = one,
        .id = "get_finding",
        .summary = "A finding as it is now.",
        .answers = {{200, "Finding", "The finding."}},
        .tag = tag},
       [&parts](const Call& call) { return show(parts, call); }},
      {{.method = "POST",
        .path = one + "/acknowledge",
        .id = "take_finding",
        .summary = "Someone has seen it and takes care of it.",
        .body = "FindingDecision",
        .answers = {{200, "Finding", "As it is now."}},
        .tag = tag},
       [&parts](const Call& call) { return decide(parts, call, "acknowledged"); }},
      {{.method = "POST",
        .path = one + "/dismiss",
        .id = "dismiss_finding",
        .summary = "It is as it should be: not to be shown as open, for good or until a time.",
        .body = "FindingDecision",
        .answers = {{200, "Finding", "As it is now."}},
        .tag = tag},
       [&parts](const Call& call) { return decide(parts, call, "dismissed"); }},
      {scan_operation("/api/v1/scans", "scan_tenant",
                      "Looks for findings in all of the tenant now, as a job.", Access::operator_only),
       [&parts](const Call& call) { return scan(parts, call); }},
      {scan_operation("/api/v1/organizations/{organization}/scans", "scan_organization",
                      "Looks for findings in the organization now, as a job.", Access::organization_admin),
       [&parts](const Call& call) { return scan(parts, call); }},
  };
}

}  // namespace rollcall::front
