#include "common/crypto/crypto.h"
#include "common/group_health/store.h"
#include "ops/cli/commands.h"
#include "ops/cli/health_text.h"
#include "ops/cli/rows.h"

#include <array>

/// How the linked groups are: asking for a look, showing what is known, linking one again.
namespace rollcall::cli {
namespace {

runs::Asked ask(Context& context, const std::string& operation, const std::string& tenant,
                const std::optional<Uuid>& organization) {
  return ask_for(context, {crypto::new_uuid(), tenant, "group-health", operation, actor, organization,
                           Json::object(), !organization});
}

/// What needs somebody first.
int show_all(Context& context) {
  const auto rows = context.database().query(
      "SELECT o.id, o.name, h.group_id, h.state, h.reason, " + time_of("h.since") + ", " +
          time_of("h.checked_at") + ", " + time_of("h.restorable_until") +
          ", h.owners FROM sync.group_health h JOIN directory.organizations o ON o.id = h.organization_id "
          "WHERE o.tenant_id = $1 AND (o.microsoft_group = h.group_id OR h.state = 'gone') ORDER BY h.state "
          "= 'healthy', lower(o.name), o.id",
      {postgres::value(context.tenant())});
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& row : rows) {
    list.push_back({{"organization_id", row.text(0)},
                    {"name", row.text(1)},
                    {"group_id", row.text(2)},
                    {"state", row.text(3)},
                    {"reason", row.text(4).empty() ? Json(nullptr) : Json(row.text(4))},
                    {"since", row.text(5)},
                    {"checked_at", row.text(6)},
                    {"restorable_until", or_null(row, 7)},
                    {"owners", row.is_null(8) ? Json(nullptr) : Json(row.number(8))}});
    table.push_back({row.text(0), printable(row.text(1)), context.output.coloured_state(row.text(3)),
                     row.text(4).empty() ? "-" : row.text(4), row.text(5), row.text(6)});
  }
  context.output.document(list);
  context.output.table({"ORGANIZATION", "NAME", "STATE", "WHY", "SINCE", "CHECKED"}, table,
                       "No group was looked at yet. Look now: rollcall health --all --wait");
  return done;
}

int refusal_of(const RunView& view) {
  constexpr std::array unlucky{"attempts_exhausted", "run_expired", "internal", "setting_invalid"};
  const bool refuses =
      view.state == "failed" && std::find(unlucky.begin(), unlucky.end(), view.error_code) == unlucky.end();
  return refuses ? refused : failed;
}

}  // namespace

void print_health(Output& output, const group_health::Health& health) {
  output.line("health    " + output.coloured_state(to_string(health.state)) +
              (health.reason.empty() ? std::string()
                                     : ": " + printable(health.message) + " (" + health.reason + ")") +
              ", since " + to_rfc3339(health.since));
  if (health.restorable_until)
    output.line("          can be restored until " + to_rfc3339(*health.restorable_until));
}

int health(Context& context, const Arguments& arguments) {
  if (arguments.organization.empty() && !arguments.all) return show_all(context);
  std::optional<Uuid> only;
  std::string tenant = context.tenant();
  if (!arguments.all) {
    const auto organization = linked_organization(context, arguments.organization);
    only = organization.id;
    tenant = organization.tenant_id;
  }
  return wait_or_tell(context, arguments, ask(context, "check-groups", tenant, only));
}

int org_relink(Context& context, const Arguments& arguments) {
  const Organization organization = context.organization(arguments.organization);
  const auto asked = ask(context, "relink-group", organization.tenant_id, organization.id);
  const RunView view = wait_for_runs(context, {asked.run}, arguments.timeout_seconds)[0];
  return report_run(context, view, true) == done ? done : refusal_of(view);
}

}  // namespace rollcall::cli
