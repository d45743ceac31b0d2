#include "workers/front/connectors/area.h"
#include "workers/front/core/office_path.h"
#include "workers/front/core/office_text.h"
#include "workers/front/core/office_view.h"

#include <algorithm>

namespace rollcall::front {
namespace {

using vault::Connector;

Response search_sites(Parts& parts, const Call& call) {
  return list_page(parts, call,
                   {Connector::files,
                    "search_sites",
                    office::sites_search(words_of(call, "query"), page_limit(call)),
                    {},
                    "sites",
                    office::shown_site});
}

/// Graph gives one's own drive alone, and a site's in a list.
Response list_drives(Parts& parts, const Call& call) {
  const auto response = connectors_of(parts).ask(
      parts, call,
      {Connector::files, {.url = office::drives_of(id_of(call, "site")), .body = {}, .headers = {}}});
  Json drives = Json::array();
  const Json value =
      response.body.is_object() ? response.body.value("value", Json::array({response.body})) : Json::array();
  for (const Json& one : value)
    drives.push_back(office::shown_drive(one));
  return others_words({{"drives", std::move(drives)}});
}

Response search_files(Parts& parts, const Call& call) {
  return list_page(parts, call,
                   {Connector::files,
                    "search_files",
                    office::files_search(id_of(call, "drive"), words_of(call, "query"), page_limit(call)),
                    {},
                    "items",
                    office::shown_item});
}

Response list_files(Parts& parts, const Call& call) {
  return list_page(parts, call,
                   {Connector::files,
                    "list_files",
                    office::files_list(id_of(call, "drive"), id_of(call, "folder"), page_limit(call)),
                    {},
                    "items",
                    office::shown_item});
}

Refused not_text(const Json& item, const std::string& what) {
  return Refused({415, "file_not_text",
                  what + " Text is read of " + std::string(office::readable_types()) +
                      "; this one opens in a browser: " + text_member(item, "web_url")});
}

/// Three requests, one after the other: what it is, where its content is, the content.
Response read_file(Parts& parts, const Call& call) {
  auto& connectors = connectors_of(parts);
  const std::string drive = id_of(call, "drive"), id = id_of(call, "item");
  const auto facts = connectors.ask(
      parts, call, {Connector::files, {.url = office::file_facts(drive, id), .body = {}, .headers = {}}});
  Json item = office::shown_item(facts.body);
  if (item["is_folder"])
    throw Refused({400, "file_is_folder", "This is a folder: list_files shows what is in it."});
  const std::string type = item["mime_type"], name = item["name"];
  if (!office::reads_as_text(type, name))
    throw not_text(
        item, "The file is of type " + (type.empty() ? "unknown" : type) + ", which is not read as text.");
  const auto size = static_cast<std::size_t>(std::max(item["size"].get<long>(), 0L));
  const auto where = connectors.ask(
      parts, call, {Connector::files, {.url = office::file_content(drive, id), .body = {}, .headers = {}}});
  const auto content = connectors.fetch(where, size, office::file_text_max);
  const auto text = office::file_text(content.bytes, content.more);
  if (!text) throw not_text(item, "The file's name says text, and its content is none.");
  item.erase("is_folder");
  item["text"] = text->text;
  item["truncated"] = text->truncated;
  item["replaced"] = text->replaced;
  return others_words({{"file", std::move(item)}});
}

QueryParameter drive_parameter() {
  return id_parameter("drive", "A drive's id; the caller's own OneDrive where it is not given.", false);
}

QueryParameter query_parameter(std::string help) {
  return {.name = "query", .help = std::move(help), .text_max = 250, .required = true};
}

}  // namespace

Routes files_routes(Parts& parts) {
  const std::string path = "/connectors/files";
  return {
      {{.method = "GET",
        .path = path + "/sites",
        .id = "search_sites",
        .summary = "Search SharePoint sites that the caller may open.",
        .microsoft = true,
        .query = listed({query_parameter("Words of the site's name or description.")}),
        .answers = {{200, "SitePage", "The sites found."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return search_sites(parts, call); }},
      {{.method = "GET",
        .path = path + "/drives",
        .id = "list_drives",
        .summary = "The document libraries of a site, or the caller's own OneDrive.",
        .microsoft = true,
        .query = {id_parameter("site", "A site's id; the caller's own OneDrive where it is not given.",
                               false)},
        .answers = {{200, "DriveList", "The drives."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return list_drives(parts, call); }},
      {{.method = "GET",
        .path = path + "/search",
        .id = "search_files",
        .summary = "Search a drive for files and folders by name and content.",
        .microsoft = true,
        .query = listed({query_parameter("Words of the file's name or content."), drive_parameter()}),
        .answers = {{200, "FilePage", "What was found."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return search_files(parts, call); }},
      {{.method = "GET",
        .path = path + "/items",
        .id = "list_files",
        .summary = "What is in a folder of a drive.",
        .microsoft = true,
        .query = listed({drive_parameter(),
                         id_parameter("folder", "A folder's id; the root where it is not given.", false)}),
        .answers = {{200, "FilePage", "Files and folders."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return list_files(parts, call); }},
      {{.method = "GET",
        .path = path + "/content",
        .id = "read_file",
        .summary = "A file's content as text, where it is text.",
        .microsoft = true,
        .query = {id_parameter("item", "The file's id, as a search or a list gave it."), drive_parameter()},
        .answers = {{200, "FileTextAnswer", "The file and its text, at most the first 256 KiB."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return read_file(parts, call); }},
  };
}

}  // namespace rollcall::front
