#include "common/core/lower.h"
#include "common/core/percent.h"
#include "common/crypto/crypto.h"
#include "ops/sandbox/graph/office_api.h"

#include <algorithm>
#include <charconv>

namespace rollcall::sandbox_graph {
namespace {

using http_server::Request;
using http_server::Response;

constexpr const char* type = "microsoft.graph.driveItem";
/// Pre-authenticated URLs "are only valid for a short period of time" (driveitem-get-content).
constexpr std::chrono::minutes download_lifetime{10};

std::string path_of(const Drive& drive, const DriveItem& item) {
  if (item.parent.empty()) return "/drives/" + drive.id + "/root:";
  const auto parent = std::ranges::find(drive.items, item.parent, &DriveItem::id);
  return path_of(drive, *parent) + (parent->parent.empty() ? "" : "/" + percent_encode(parent->name));
}

/// What opens the content to whoever has it.
std::string download_url(State& state, const Call& call, const Drive& drive, const DriveItem& item,
                         WallTime now) {
  std::erase_if(state.office.downloads, [&](const auto& one) { return one.second.until <= now; });
  const std::string secret = "v1." + crypto::base64url(random_uuid(state) + random_uuid(state));
  state.office.downloads[secret] = {drive.id, item.id, now + download_lifetime};
  const std::string root = call.base.substr(0, call.base.rfind("/v1.0"));
  return root + "/_layouts/15/download.aspx?UniqueId=" + item.id + "&Translate=false&tempauth=" + secret;
}

Json item_json(const Drive& drive, const DriveItem& item) {
  Json out{{"id", item.id},
           {"name", item.name},
           {"size", item.content.size()},
           {"eTag", "\"{" + item.id + "},1\""},
           {"webUrl", drive.web_url + "/" + percent_encode(item.name)},
           {"createdDateTime", to_rfc3339(item.modified)},
           {"lastModifiedDateTime", to_rfc3339(item.modified)},
           {"lastModifiedBy", {{"user", {{"displayName", item.modified_by}}}}},
           {"parentReference",
            {{"driveType", drive.type},
             {"driveId", drive.id},
             {"id", item.parent},
             {"path", path_of(drive, item)}}}};
  if (item.folder) {
    out["folder"] = {{"childCount", std::ranges::count(drive.items, item.id, &DriveItem::parent)}};
  } else {
    out["file"] = {{"mimeType", item.mime},
                   {"hashes", {{"quickXorHash", crypto::sha256_hex(item.content).substr(0, 27)}}}};
  }
  if (item.parent.empty()) out["root"] = Json::object();
  return out;
}

/// As selected() does it; what an item happens not to have ("folder" of a file) is no mistake.
Result<Json> shown(const Call& call, Json whole) {
  Json known = whole;
  for (const char* name : {"file", "folder", "root", "@microsoft.graph.downloadUrl"})
    if (!known.contains(name)) known[name] = nullptr;
  auto out = selected(call, known, type);
  if (out)
    for (auto it = out->begin(); it != out->end();)
      it = it->is_null() && !whole.contains(it.key()) ? out->erase(it) : std::next(it);
  return out;
}

Answer bad_select(const Problem& problem) {
  return fail(400, "BadRequest", "Parsing OData Select and Expand failed: " + problem.message);
}

template <class Wanted>
Answer list(State& state, const Call& call, const Drive& drive, Wanted wanted) {
  std::vector<Json> items;
  for (const DriveItem& item : drive.items) {
    if (!wanted(item)) continue;
    auto one = shown(call, item_json(drive, item));
    if (!one) return bad_select(one.error());
    items.push_back(std::move(*one));
  }
  return page_of(state, call, std::move(items), 200);
}

Answer children(State& state, const Call& call, const Drive& drive, const std::string& of) {
  return list(state, call, drive, [&](const DriveItem& item) { return item.parent == of; });
}

/// "search(q='it''s')" → "it's"
std::optional<std::string> search_words(const std::string& segment) {
  constexpr std::string_view opening = "search(q='";
  if (!segment.starts_with(opening) || !segment.ends_with("')")) return std::nullopt;
  std::string words = segment.substr(opening.size(), segment.size() - opening.size() - 2);
  for (std::size_t at = words.find('\''); at != std::string::npos; at = words.find('\'', at + 1)) {
    if (at + 1 == words.size() || words[at + 1] != '\'') return std::nullopt;
    words.erase(at, 1);
  }
  return lower(words);
}

Answer search(State& state, const Call& call, const Drive& drive) {
  const auto words = search_words(call.segments.back());
  if (!words) return fail(400, "BadRequest", "Syntax error in '" + call.segments.back() + "'.");
  return list(state, call, drive, [&](const DriveItem& item) {
    return !item.parent.empty() && (lower(item.name).find(*words) != std::string::npos ||
                                    lower(item.content).find(*words) != std::string::npos);
  });
}

const DriveItem* find_item(const Drive* drive, const std::string& id) {
  if (!drive) return nullptr;
  const auto found = std::ranges::find(drive->items, id == "root" ? drive->items[0].id : id, &DriveItem::id);
  return found == drive->items.end() ? nullptr : &*found;
}

/// "/me/drive/…" or "/drives/{id}/…"
const Drive* drive_of(State& state, const Call& call, const Person& person, WallTime now) {
  return call.segments[0] == "me" ? &own_drive(state, person.user, now)
                                  : find_drive(state, call.segments[1], person.user.id, now);
}

/// "bytes=0-99" of so many; nothing where it is no such range.
std::optional<std::pair<std::size_t, std::size_t>> range_of(std::string_view header, std::size_t size) {
  std::size_t first = 0, last = 0;
  if (!header.starts_with("bytes=")) return std::nullopt;
  header.remove_prefix(6);
  const auto dash = header.find('-');
  if (dash == std::string_view::npos ||
      std::from_chars(header.data(), header.data() + dash, first).ec != std::errc{})
    return std::nullopt;
  last = size;
  if (dash + 1 < header.size() &&
      std::from_chars(header.data() + dash + 1, header.data() + header.size(), last).ec != std::errc{})
    return std::nullopt;
  if (first >= size || last < first) return std::nullopt;
  return std::pair{first, std::min(last, size - 1)};
}

}  // namespace

Json drive_json(const Drive& drive, const State& state) {
  const User* owner = find_user(state.directory, drive.owner);
  return {{"id", drive.id},
          {"name", drive.name},
          {"driveType", drive.type},
          {"webUrl", drive.web_url},
          {"owner", owner ? Json{{"user", {{"displayName", owner->display_name}}}} : Json::object()}};
}

Answer get_my_drive(State& state, const Call& call, const Person& person, WallTime now) {
  auto one = selected(call, drive_json(own_drive(state, person.user, now), state), "microsoft.graph.drive");
  return one ? Answer{200, std::move(*one), {}} : bad_select(one.error());
}

Answer list_root(State& state, const Call& call, const Person& person, WallTime now) {
  const Drive* drive = drive_of(state, call, person, now);
  return drive ? children(state, call, *drive, drive->items[0].id) : item_not_found();
}

Answer list_children(State& state, const Call& call, const Person& person, WallTime now) {
  const Drive* drive = drive_of(state, call, person, now);
  const DriveItem* item = find_item(drive, call.segments[3]);
  return item ? children(state, call, *drive, item->id) : item_not_found();
}

Answer search_drive(State& state, const Call& call, const Person& person, WallTime now) {
  const Drive* drive = drive_of(state, call, person, now);
  return drive ? search(state, call, *drive) : item_not_found();
}

Answer get_item(State& state, const Call& call, const Person& person, WallTime now) {
  const Drive* drive = drive_of(state, call, person, now);
  const DriveItem* item = find_item(drive, call.segments[3]);
  if (!item) return item_not_found();
  Json whole = item_json(*drive, *item);
  if (!item->folder) whole["@microsoft.graph.downloadUrl"] = download_url(state, call, *drive, *item, now);
  auto one = shown(call, std::move(whole));
  return one ? Answer{200, std::move(*one), {}} : bad_select(one.error());
}

Answer get_content(State& state, const Call& call, const Person& person, WallTime now) {
  const Drive* drive = drive_of(state, call, person, now);
  const DriveItem* item = find_item(drive, call.segments[3]);
  if (!item) return item_not_found();
  if (item->folder) return fail(400, "invalidRequest", "Only files have content.");
  return {302, nullptr, {{"Location", download_url(state, call, *drive, *item, now)}}};
}

Response download(const Request& request, State& state, WallTime now) {
  ++state.stats.downloads;
  const auto refuse = [](int status, const char* what) {
    return Response{status, {{"Content-Type", "text/plain"}}, what};
  };
  // A token sent here has been given to a stranger.
  if (!request.header("Authorization").empty()) return refuse(401, "This URL takes no Authorization.");
  std::string secret;
  for (const auto& [name, value] : http_server::parse_query(request.query()))
    if (name == "tempauth") secret = value;
  const auto known = state.office.downloads.find(secret);
  if (known == state.office.downloads.end() || known->second.until <= now)
    return refuse(401, "The URL is not valid, or no longer.");
  const auto drive = state.office.drives.find(known->second.drive);
  const DriveItem* item =
      drive == state.office.drives.end() ? nullptr : find_item(&drive->second, known->second.item);
  if (!item) return refuse(404, "Gone.");
  Response response{200, {{"Content-Type", item->mime}, {"Accept-Ranges", "bytes"}}, {}};
  const auto range = range_of(request.header("Range"), item->content.size());
  if (!range) {
    response.body = item->content;
    return response;
  }
  response.status = 206;
  response.headers.emplace_back("Content-Range", "bytes " + std::to_string(range->first) + "-" +
                                                     std::to_string(range->second) + "/" +
                                                     std::to_string(item->content.size()));
  response.body = item->content.substr(range->first, range->second - range->first + 1);
  return response;
}

}  // namespace rollcall::sandbox_graph
