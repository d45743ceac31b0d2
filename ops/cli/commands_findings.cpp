#include "common/crypto/crypto.h"
#include "common/findings/store.h"
#include "ops/cli/commands.h"

/// What somebody should look at: found by scans, decided by people.
namespace rollcall::cli {
namespace {

findings::Seen of_tenant(const Context& context) {
  return {"f.tenant_id = $1", {postgres::value(context.tenant())}};
}

std::string text_of(const Json& value, const std::string& otherwise = "-") {
  return value.is_string() && !value.empty() ? printable(value.get<std::string>()) : otherwise;
}

void print_finding(Output& output, const Json& finding) {
  output.line(text_of(finding["title"]));
  output.line("id           " + text_of(finding["id"]));
  output.line("rule         " + text_of(finding["rule"]));
  output.line("pillar       " + text_of(finding["pillar"]));
  output.line("severity     " + text_of(finding["severity"]));
  output.line("state        " + output.coloured_state(text_of(finding["state"])));
  output.line("organization " + text_of(finding["organization_id"], "all of the tenant"));
  if (finding["subject"] != "") output.line("about        " + text_of(finding["subject"]));
  output.line("opened       " + text_of(finding["opened_at"]));
  output.line("updated      " + text_of(finding["updated_at"]));
  if (finding["resolved_at"].is_string()) output.line("resolved     " + text_of(finding["resolved_at"]));
  if (finding["acknowledged_by"].is_string()) {
    output.line("decided by   " + text_of(finding["acknowledged_by"]) + " at " +
                text_of(finding["acknowledged_at"]) + ", until " +
                text_of(finding["acknowledged_until"], "for good"));
    output.line("why          " + text_of(finding["acknowledged_why"]));
  }
  output.line("what to do   " + text_of(finding["remedy"]));
  for (const auto& [name, value] : finding["evidence"].items())
    output.line("evidence     " + printable(name) + ": " +
                printable(value.is_string() ? value.get<std::string>() : dump(value)));
}

std::optional<WallTime> end_of(const Context& context, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto until = parse_rfc3339(text);
  if (!until)
    throw Failure(usage, "usage", "--until '" + printable(text) + "' is no time",
                  "Give a time in UTC such as 2026-12-31T00:00:00Z.");
  if (*until <= context.now())
    throw Failure(usage, "usage", "--until " + printable(text) + " is past", "Give a time to come.");
  return until;
}

int decide(Context& context, const Arguments& arguments, const std::string& state) {
  const findings::Decision decision{state, arguments.why, end_of(context, arguments.until)};
  const Uuid id = require_uuid(arguments.finding, "finding");
  auto decided = context.database().transact([&](postgres::Transaction& transaction) {
    return findings::decide(transaction, of_tenant(context), id, decision,
                            {context.tenant(), actor, context.now()});
  });
  const bool changed = !decided.stored.empty();
  context.publish(std::move(decided.stored));
  context.output.document(decided.finding);
  context.output.line(changed ? state + " " + id.to_string() : "nothing changed: it was decided so already");
  return done;
}

}  // namespace

int findings_list(Context& context, const Arguments& arguments) {
  findings::Filter filter{.pillar = arguments.pillar, .severity = arguments.severity, .rule = arguments.rule};
  filter.state = arguments.state.empty() ? "open" : arguments.state == "all" ? "" : arguments.state;
  if (!arguments.organization.empty()) filter.organization = context.organization(arguments.organization).id;
  const auto page = findings::list(context.database(), of_tenant(context), filter, {}, arguments.limit);
  std::vector<std::vector<std::string>> table;
  for (const auto& one : page.items)
    table.push_back({text_of(one["id"]), text_of(one["severity"]), text_of(one["pillar"]),
                     context.output.coloured_state(text_of(one["state"])), text_of(one["rule"]),
                     text_of(one["organization_id"]), text_of(one["opened_at"]), text_of(one["title"])});
  context.output.document(page.items);
  context.output.table({"ID", "SEVERITY", "PILLAR", "STATE", "RULE", "ORGANIZATION", "OPENED", "WHAT"}, table,
                       "There are no such findings. 'rollcall scan --wait' looks for them now.");
  if (!page.next.empty() && !context.output.json())
    context.output.note("note: there are more; give --limit to see them.");
  return done;
}

int findings_show(Context& context, const Arguments& arguments) {
  const Json finding =
      findings::show(context.database(), of_tenant(context), require_uuid(arguments.finding, "finding"));
  context.output.document(finding);
  print_finding(context.output, finding);
  return done;
}

int findings_ack(Context& context, const Arguments& arguments) {
  return decide(context, arguments, "acknowledged");
}

int findings_dismiss(Context& context, const Arguments& arguments) {
  return decide(context, arguments, "dismissed");
}

int scan(Context& context, const Arguments& arguments) {
  runs::NewRun run{crypto::new_uuid(), context.tenant(), "advisor-scan", "scan", actor, std::nullopt};
  if (!arguments.organization.empty()) run.organization_id = context.organization(arguments.organization).id;
  return wait_or_tell(context, arguments, ask_for(context, run));
}

}  // namespace rollcall::cli
