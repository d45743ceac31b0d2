#pragma once
#include "ops/sandbox/graph/graph_api.h"
#include "ops/sandbox/graph/office.h"

/// Mail, calendars, sites and drives. Their words of refusal are Exchange's and SharePoint's, not the
/// directory's.
namespace rollcall::sandbox_graph {

/// Who calls, and what the token allows of it.
struct Person {
  const User& user;
  const Delegation& token;
  [[nodiscard]] bool has(std::string_view scope) const;
};

/// Nothing: the path is none of these.
std::optional<Answer> office(State& state, const Call& call, WallTime now);

using OfficeOperation = Answer (*)(State&, const Call&, const Person&, WallTime);
// mail.cpp
Answer list_messages(State& state, const Call& call, const Person& person, WallTime now);
Answer list_folder_messages(State& state, const Call& call, const Person& person, WallTime now);
Answer get_message(State& state, const Call& call, const Person& person, WallTime now);
// calendar.cpp
Answer calendar_view(State& state, const Call& call, const Person& person, WallTime now);
Answer get_schedule(State& state, const Call& call, const Person& person, WallTime now);
Answer create_event(State& state, const Call& call, const Person& person, WallTime now);
// sites.cpp
Answer list_sites(State& state, const Call& call, const Person& person, WallTime now);
Answer get_site_drive(State& state, const Call& call, const Person& person, WallTime now);
Answer list_site_drives(State& state, const Call& call, const Person& person, WallTime now);
// drives.cpp
Answer get_my_drive(State& state, const Call& call, const Person& person, WallTime now);
Answer list_root(State& state, const Call& call, const Person& person, WallTime now);
Answer list_children(State& state, const Call& call, const Person& person, WallTime now);
Answer search_drive(State& state, const Call& call, const Person& person, WallTime now);
Answer get_item(State& state, const Call& call, const Person& person, WallTime now);
Answer get_content(State& state, const Call& call, const Person& person, WallTime now);

/// The members that $select names, with the id and annotations. 400 where one is none of `whole`.
Result<Json> selected(const Call& call, const Json& whole, const char* type);
/// $top within [1, 1000]; nothing where it is malformed.
std::optional<std::size_t> office_page_size(const Call& call, std::size_t fallback);
/// A page of them, and where the next one is.
Answer page_of(State& state, const Call& call, std::vector<Json> items, std::size_t size_by_default);
/// The value of a "Prefer" header's part, without quotes; empty where absent.
std::string preference(const Call& call, std::string_view name);
Json drive_json(const Drive& drive, const State& state);
Answer item_not_found();

}  // namespace rollcall::sandbox_graph
