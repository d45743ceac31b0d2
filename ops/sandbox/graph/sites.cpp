#include "common/core/lower.h"
#include "ops/sandbox/graph/office_api.h"

#include <algorithm>

namespace rollcall::sandbox_graph {
namespace {

Json site_json(const Site& site, WallTime now) {
  return {{"id", site.id},
          {"name", site.name},
          {"displayName", site.display_name},
          {"description", site.description},
          {"webUrl", site.web_url},
          {"createdDateTime", to_rfc3339(std::chrono::floor<std::chrono::days>(now) - std::chrono::days{60})},
          {"siteCollection", {{"hostname", "contoso.sharepoint.example"}}}};
}

/// Nothing where there is none, or the person may not open it.
const Site* find_site(State& state, const std::string& id, const Person& person, WallTime now) {
  const auto& sites = sites_of(state, now);
  const auto found = std::ranges::find(sites, id, &Site::id);
  return found != sites.end() && may_open(*found, person.user.id) ? &*found : nullptr;
}

}  // namespace

Answer list_sites(State& state, const Call& call, const Person& person, WallTime now) {
  const std::string words = lower(call.option("search"));
  std::vector<Json> items;
  for (const Site& site : sites_of(state, now)) {
    const bool named =
        words == "*" || lower(site.display_name + " " + site.description).find(words) != std::string::npos;
    if (words.empty() || !named || !may_open(site, person.user.id)) continue;
    auto shown = selected(call, site_json(site, now), "microsoft.graph.site");
    if (!shown)
      return fail(400, "BadRequest", "Parsing OData Select and Expand failed: " + shown.error().message);
    items.push_back(std::move(*shown));
  }
  return page_of(state, call, std::move(items), 200);
}

Answer get_site_drive(State& state, const Call& call, const Person& person, WallTime now) {
  const Site* site = find_site(state, call.segments[1], person, now);
  if (!site || site->drives.empty()) return item_not_found();
  auto shown =
      selected(call, drive_json(state.office.drives.at(site->drives[0]), state), "microsoft.graph.drive");
  return shown ? Answer{200, std::move(*shown), {}} : fail(400, "BadRequest", shown.error().message);
}

Answer list_site_drives(State& state, const Call& call, const Person& person, WallTime now) {
  const Site* site = find_site(state, call.segments[1], person, now);
  if (!site) return item_not_found();
  std::vector<Json> items;
  for (const auto& id : site->drives) {
    auto shown = selected(call, drive_json(state.office.drives.at(id), state), "microsoft.graph.drive");
    if (!shown) return fail(400, "BadRequest", shown.error().message);
    items.push_back(std::move(*shown));
  }
  return page_of(state, call, std::move(items), 200);
}

}  // namespace rollcall::sandbox_graph
