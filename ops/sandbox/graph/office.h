#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/http_server/server.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

/// What people have in Microsoft 365: mailboxes, calendars, drives and sites. A person's own is made when it
/// is first asked for, the same every time; nothing of it is in the state file.
namespace rollcall::sandbox_graph {

struct State;
struct User;

/// Whom a token speaks for. One without it speaks for the app.
struct Delegation {
  Uuid user;
  std::vector<std::string> scopes;
};

struct Address {
  std::string name, address;
};

struct Message {
  std::string id, folder, subject;
  Address from;
  std::vector<Address> to, cc;
  WallTime received{};
  bool read = false, attachments = false, important = false;
  std::string text;  ///< the body as text
  std::string html;  ///< empty: it was sent as text
};

struct Attendee {
  Address who;
  std::string response = "none";
};

struct Event {
  std::string id = {}, subject = {}, location = {}, text = {};
  Address organizer = {};
  std::vector<Attendee> attendees = {};
  WallTime start{}, end{};
  bool all_day = false, is_private = false, online = false;
  std::string show_as = "busy";  ///< free, tentative, busy, oof
  std::string series = {};       ///< of an occurrence
  std::string transaction = {};  ///< what its maker called the request
};

struct Mailbox {
  std::vector<Message> messages;  ///< the newest first
  std::vector<Event> events;      ///< by their start
  long under_way = 0;             ///< requests that are not answered yet
};

struct DriveItem {
  std::string id, parent, name;  ///< no parent: the root
  bool folder = false;
  std::string mime, content;
  WallTime modified{};
  std::string modified_by;
};

struct Drive {
  std::string id, name, type, web_url, site;  ///< no site: somebody's own
  Uuid owner;
  std::vector<DriveItem> items;  ///< the root first
};

struct Site {
  std::string id, name, display_name, description, web_url;
  std::set<Uuid> members;  ///< none: everybody
  std::vector<std::string> drives;
};

/// What a pre-authenticated URL opens.
struct Download {
  std::string drive, item;
  WallTime until{};
};

struct Office {
  std::unordered_map<Uuid, Mailbox> mailboxes;
  std::unordered_map<Uuid, std::string> own_drives;
  std::map<std::string, Drive> drives;
  std::vector<Site> sites;
  std::unordered_map<std::string, Download> downloads;
};

/// Requests to one mailbox by one app that are served at once (throttling-limits, Outlook). The other limit,
/// 10,000 in 10 minutes, is not kept here.
constexpr long mailbox_requests_max = 4;

Mailbox& mailbox_of(State& state, const User& user, WallTime now);
const std::vector<Site>& sites_of(State& state, WallTime now);
/// Nothing where there is none of that id, or the person may not open it.
Drive* find_drive(State& state, const std::string& id, const Uuid& person, WallTime now);
Drive& own_drive(State& state, const User& user, WallTime now);
bool may_open(const Site& site, const Uuid& person);

// office_sample.cpp: the same for the same person and day.
Mailbox sample_mailbox(const State& state, const User& user, WallTime now);
Drive sample_own_drive(const User& user, WallTime now);
void sample_sites(State& state, WallTime now);
/// As Outlook's look: opaque, long, with characters that a path must encode.
std::string outlook_id(const std::string& of);

/// Counts a request as under way to the mailbox it goes to, until it is ended. Nothing: it goes to none.
std::optional<Uuid> begin_mailbox(State& state, const http_server::Request& request);
void end_mailbox(State& state, const std::optional<Uuid>& mailbox);

/// What a pre-authenticated URL gives; it takes no token.
http_server::Response download(const http_server::Request& request, State& state, WallTime now);

}  // namespace rollcall::sandbox_graph
