#pragma once
#include "common/core/clock.h"

#include <optional>
#include <string>
#include <string_view>

/// What the connectors ask Microsoft Graph for: paths below the version, encoded, with $select always. Pure.
namespace rollcall::front::office {

/// Whether this can be the id of a message, a site, a drive or an item: what comes from a model's mouth
/// becomes part of a path.
bool is_id(std::string_view text);

struct MailFilter {
  std::string folder;  ///< a well-known name; empty: all
  std::optional<WallTime> since, until;
  bool unread_only = false;
};
std::string mail_list(const MailFilter& filter, long limit);
/// `words` is KQL: "from:ada subject:budget". With $search there is no $filter and no order.
std::string mail_search(const std::string& words, long limit);
std::string mail_message(const std::string& id);

std::string calendar_view(WallTime from, WallTime until, long limit);

std::string sites_search(const std::string& words, long limit);
/// Of a site; without one, the person's own drive alone.
std::string drives_of(const std::string& site);
/// In a drive, or in the person's own.
std::string files_search(const std::string& drive, const std::string& words, long limit);
/// Of a folder, or of the root; in a drive, or in the person's own.
std::string files_list(const std::string& drive, const std::string& folder, long limit);
std::string file_facts(const std::string& drive, const std::string& item);
std::string file_content(const std::string& drive, const std::string& item);

/// Whether content may be fetched from there: from Microsoft's file hosts over TLS, or from where Graph
/// itself is
/// (`graph_root`), on the same port. The URL came in an answer of Graph's; this is a second lock.
bool may_fetch(std::string_view url, std::string_view graph_root);

}  // namespace rollcall::front::office
