#include "workers/front/core/office_path.h"

#include "common/core/lower.h"
#include "common/core/percent.h"

#include <algorithm>
#include <array>

namespace rollcall::front::office {
namespace {

constexpr std::string_view message_summary =
    "id,subject,from,toRecipients,receivedDateTime,isRead,hasAttachments,importance,bodyPreview";
constexpr std::string_view whole_message =
    "id,subject,from,toRecipients,ccRecipients,receivedDateTime,sentDateTime,isRead,hasAttachments,"
    "importance,body,"
    "webLink";
constexpr std::string_view event =
    "id,subject,start,end,location,organizer,attendees,isAllDay,isCancelled,showAs,sensitivity,bodyPreview,"
    "webLink";
constexpr std::string_view site = "id,name,displayName,description,webUrl";
constexpr std::string_view drive_facts = "id,name,driveType,webUrl";
constexpr std::string_view item_facts =
    "id,name,size,webUrl,lastModifiedDateTime,file,folder,parentReference";

// Where Microsoft's pre-authenticated URLs lead, worldwide and in the national clouds.
constexpr std::array<std::string_view, 6> file_hosts{".sharepoint.com",    ".sharepoint.us",
                                                     ".sharepoint-mil.us", ".sharepoint.cn",
                                                     ".files.1drv.com",    ".svc.ms"};

std::string top(long limit) {
  return "&$top=" + std::to_string(limit);
}

std::string seconds(WallTime time) {
  return to_rfc3339(time).substr(0, 19) + "Z";
}

/// Site ids are "host,guid,guid".
std::string id_in_path(const std::string& id) {
  std::string encoded = percent_encode(id);
  for (auto at = encoded.find("%2C"); at != std::string::npos; at = encoded.find("%2C", at))
    encoded.replace(at, 3, ",");
  return encoded;
}

std::string drive_in_path(const std::string& drive) {
  return drive.empty() ? "/me/drive" : "/drives/" + id_in_path(drive);
}

/// A string of OData.
std::string quoted(const std::string& words) {
  std::string out;
  for (const char c : words)
    out += c == '\'' ? "''" : std::string(1, c);
  return percent_encode(out);
}

struct Origin {
  std::string scheme, authority;
  bool operator==(const Origin&) const = default;
};

/// Nothing where it is no absolute URL, or names a user.
std::optional<Origin> origin_of(std::string_view url) {
  const auto mark = url.find("://");
  if (mark == std::string_view::npos) return std::nullopt;
  const auto rest = url.substr(mark + 3);
  const auto authority = rest.substr(0, rest.find_first_of("/?#\\"));
  if (authority.empty() || authority.find('@') != std::string_view::npos) return std::nullopt;
  return Origin{lower(std::string(url.substr(0, mark))), lower(std::string(authority))};
}

}  // namespace

bool is_id(std::string_view text) {
  const auto fits = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_' || c == '=' || c == '!' || c == ',' || c == '.';
  };
  return !text.empty() && text.size() <= 512 && std::ranges::all_of(text, fits) &&
         text.find_first_not_of('.') != std::string_view::npos;
}

std::string mail_list(const MailFilter& filter, long limit) {
  std::string conditions;
  const auto add = [&](const std::string& one) { conditions += (conditions.empty() ? "" : " and ") + one; };
  // What is ordered by must come first in the filter (user-list-messages).
  if (filter.since) {
    add("receivedDateTime ge " + seconds(*filter.since));
  } else if (filter.unread_only && !filter.until) {
    add("receivedDateTime ge 1900-01-01T00:00:00Z");
  }
  if (filter.until) add("receivedDateTime lt " + seconds(*filter.until));
  if (filter.unread_only) add("isRead eq false");
  const std::string path = filter.folder.empty()
                               ? "/me/messages"
                               : "/me/mailFolders/" + percent_encode(filter.folder) + "/messages";
  return path + "?$select=" + std::string(message_summary) + top(limit) +
         "&$orderby=receivedDateTime%20desc" +
         (conditions.empty() ? "" : "&$filter=" + percent_encode(conditions));
}

std::string mail_search(const std::string& words, long limit) {
  std::string kql;
  for (const char c : words)
    kql += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return "/me/messages?$search=" + percent_encode("\"" + kql + "\"") +
         "&$select=" + std::string(message_summary) + top(limit);
}

std::string mail_message(const std::string& id) {
  return "/me/messages/" + id_in_path(id) + "?$select=" + std::string(whole_message);
}

std::string calendar_view(WallTime from, WallTime until, long limit) {
  return "/me/calendarView?startDateTime=" + seconds(from) + "&endDateTime=" + seconds(until) +
         "&$select=" + std::string(event) + "&$orderby=start/dateTime" + top(limit);
}

std::string sites_search(const std::string& words, long limit) {
  return "/sites?search=" + percent_encode(words) + "&$select=" + std::string(site) + top(limit);
}

std::string drives_of(const std::string& of) {
  return (of.empty() ? std::string("/me/drive") : "/sites/" + id_in_path(of) + "/drives") +
         "?$select=" + std::string(drive_facts);
}

std::string files_search(const std::string& drive, const std::string& words, long limit) {
  return drive_in_path(drive) + "/root/search(q='" + quoted(words) + "')?$select=" + std::string(item_facts) +
         top(limit);
}

std::string files_list(const std::string& drive, const std::string& folder, long limit) {
  const std::string where = folder.empty() ? "/root" : "/items/" + id_in_path(folder);
  return drive_in_path(drive) + where + "/children?$select=" + std::string(item_facts) + top(limit);
}

std::string file_facts(const std::string& drive, const std::string& item) {
  return drive_in_path(drive) + "/items/" + id_in_path(item) + "?$select=" + std::string(item_facts);
}

std::string file_content(const std::string& drive, const std::string& item) {
  return drive_in_path(drive) + "/items/" + id_in_path(item) + "/content";
}

bool may_fetch(std::string_view url, std::string_view graph_root) {
  const auto there = origin_of(url), root = origin_of(graph_root);
  if (!there) return false;
  if (root && *there == *root) return true;
  const std::string host = there->authority.ends_with(":443")
                               ? there->authority.substr(0, there->authority.size() - 4)
                               : there->authority;
  return there->scheme == "https" && std::ranges::any_of(file_hosts, [&](std::string_view end) {
           return host.size() > end.size() && host.ends_with(end);
         });
}

}  // namespace rollcall::front::office
