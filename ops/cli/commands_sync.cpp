#include "common/crypto/crypto.h"
#include "ops/cli/commands.h"
#include "ops/cli/run_text.h"

#include <algorithm>
#include <fstream>
#include <iterator>

/// sync and plan: asking for runs.
namespace rollcall::cli {
namespace {

/// So many runs are queued in one transaction: locks and outbox rows stay few, and a sweep of 10,000 takes 20
/// commits.
constexpr std::size_t runs_per_transaction = 500;
/// Who asks for a plan wants to see it; beyond this a file is the better place.
constexpr std::size_t plan_lines_max = 10'000;

std::vector<Organization> linked_organizations(Context& context) {
  std::vector<Organization> all;
  for (const auto& row : context.database().query(
           "SELECT id, tenant_id, name, microsoft_group FROM directory.organizations"
           " WHERE tenant_id = $1 AND microsoft_group IS NOT NULL ORDER BY lower(name), id",
           {postgres::value(context.tenant())}))
    all.push_back({row.uuid(0), row.text(1), row.text(2), {}, row.uuid(3), 0});
  return all;
}

/// Asks for a run of each organization, in the same order.
std::vector<runs::Asked> ask(Context& context, const std::vector<Organization>& organizations, bool dry_run,
                             bool full_read) {
  Json parameters = Json::object();
  if (dry_run) parameters["dry_run"] = true;
  if (full_read) parameters["full_read"] = true;
  std::vector<runs::Asked> asked;
  std::vector<runs::Stored> stored;
  for (std::size_t first = 0; first < organizations.size(); first += runs_per_transaction) {
    const std::size_t last = std::min(first + runs_per_transaction, organizations.size());
    std::vector<runs::NewRun> block;
    for (std::size_t i = first; i < last; ++i) {
      const auto& organization = organizations[i];
      // What goes to all stands behind what someone waits for.
      block.push_back({crypto::new_uuid(), organization.tenant_id, "member-sync", "sync-members", actor,
                       organization.id, parameters, organizations.size() > 1});
    }
    auto committed = context.database().transact(
        [&](postgres::Transaction& transaction) { return runs::enqueue(transaction, block, context.now()); });
    asked.insert(asked.end(), committed.asked.begin(), committed.asked.end());
    stored.push_back(std::move(committed.stored));
  }
  context.publish(std::move(stored));
  return asked;
}

std::vector<Uuid> ids_of(const std::vector<runs::Asked>& asked) {
  std::vector<Uuid> ids;
  std::ranges::transform(asked, std::back_inserter(ids), &runs::Asked::run);
  return ids;
}

int report_queued(Context& context, const std::vector<Organization>& organizations,
                  const std::vector<runs::Asked>& asked, bool all) {
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const std::string id = asked[i].run.to_string();
    list.push_back({{"job_id", id}, {"state", "queued"}, {"joined", asked[i].joined}});
    if (all) list.back()["organization_id"] = organizations[i].id.to_string();
    table.push_back({id, context.output.coloured_state("queued"), asked[i].joined ? "joined" : "new",
                     printable(organizations[i].name)});
  }
  context.output.document(all ? list : list[0]);
  if (all) {
    context.output.table({"RUN", "STATE", "ASKED", "ORGANIZATION"}, table, "");
  } else {
    const std::string id = asked[0].run.to_string();
    context.output.line(
        (asked[0].joined ? "joined " + id + ", which is queued already and has not begun" : "queued " + id) +
        "  (follow it: rollcall runs watch " + id + ")");
  }
  return done;
}

int worst(int a, int b) {
  if (a == failed || b == failed) return failed;
  return std::max(a, b);
}

int report_all(Context& context, const std::vector<Organization>& organizations,
               const std::vector<RunView>& views) {
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  int exit = done;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto& view = views[i];
    list.push_back(to_json(view));
    list.back()["organization_id"] = view.organization;
    const auto number = [&](const char* name) {
      return view.result.is_object() && view.result.contains(name) ? dump(view.result[name])
                                                                   : std::string("-");
    };
    table.push_back({view.id, context.output.coloured_state(view.state), printable(organizations[i].name),
                     number("added"), number("removed"), number("unmatched"), printable(view.error_message)});
    exit = worst(exit, view.state == "succeeded" ? done : view.state == "needs_approval" ? refused : failed);
  }
  context.output.document(list);
  context.output.table({"RUN", "STATE", "ORGANIZATION", "ADDED", "REMOVED", "UNMATCHED", "WHY"}, table, "");
  const bool asks = std::ranges::find(views, "needs_approval", &RunView::state) != views.end();
  if (asks && !context.output.json())
    context.output.note(
        "note: some wait for approval; see each plan with 'rollcall runs show RUN', then "
        "'rollcall runs approve RUN' or 'rollcall runs reject RUN'.");
  return exit;
}

}  // namespace

Organization linked_organization(Context& context, const std::string& id_or_name) {
  Organization organization = context.organization(id_or_name);
  if (!organization.group)
    throw Failure(refused, "group_not_linked", "'" + printable(organization.name) + "' has no group",
                  "Link one with 'rollcall org link " + organization.id.to_string() + " GUID'.");
  return organization;
}

int sync(Context& context, const Arguments& arguments) {
  std::vector<Organization> organizations;
  if (arguments.all) {
    organizations = linked_organizations(context);
  } else {
    organizations.push_back(linked_organization(context, arguments.organization));
  }
  if (organizations.empty()) {
    context.output.document(Json::array());
    context.output.line("No organization has a group yet. Link one: rollcall org link ORG GUID");
    return done;
  }
  const auto asked = ask(context, organizations, arguments.dry_run, arguments.full_read);
  if (!arguments.wait) return report_queued(context, organizations, asked, arguments.all);
  if (!arguments.all && asked[0].joined && !context.output.json())
    context.output.note("note: joined " + asked[0].run.to_string() + ", which was queued already.");
  const auto views = wait_for_runs(context, ids_of(asked), arguments.timeout_seconds);
  return arguments.all ? report_all(context, organizations, views) : report_run(context, views[0], true);
}

int plan(Context& context, const Arguments& arguments) {
  const Organization organization = linked_organization(context, arguments.organization);
  const auto ids = ids_of(ask(context, {organization}, true, arguments.full_read));
  const RunView view = wait_for_runs(context, ids, arguments.timeout_seconds)[0];
  const auto rows = context.database().query(
      "SELECT document, digest FROM sync.plans WHERE run_id = $1::uuid", {postgres::value(ids[0])});
  const Json document = rows.empty() ? Json(nullptr) : rows[0].json(0);
  Json json = to_json(view);
  json["plan"] = document;
  json["digest"] = rows.empty() ? Json(nullptr) : Json(rows[0].text(1));
  if (!arguments.out.empty()) {
    std::ofstream file(arguments.out);
    file << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n' << std::flush;
    if (!file)
      throw Failure(failed, "file_not_written", "cannot write '" + arguments.out + "'",
                    "Choose another --out; the plan is in 'rollcall runs show " + view.id + "'.");
  }
  context.output.document(json);
  const int exit = report_run(context, view, false);
  if (!rows.empty()) print_plan(context, organization.id, document, plan_lines_max, "give --out FILE");
  return exit;
}

}  // namespace rollcall::cli
