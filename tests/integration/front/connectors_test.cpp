#include "common/log/log.h"
#include "tests/integration/front/connectors_world.h"
#include "tests/unit/foundation/captured.h"

#include <thread>

/// Mail, calendar and documents on people's own grants, from PostgreSQL, over the sandbox behind a socket.
using namespace rollcall;
using namespace rollcall::front_test;
using vault::Connector;

namespace {

Json find(const Json& list, const char* member, const std::string& value) {
  for (const auto& one : list)
    if (one[member] == value) return one;
  FAIL("nothing is called " + value);
  return {};
}

/// Everything is logged while it lives, which must be longer than any thread that logs.
struct ChattyLog {
  ChattyLog() { log::init("front", "debug"); }
  ~ChattyLog() { log::init("front", "info"); }
  ChattyLog(const ChattyLog&) = delete;
  ChattyLog& operator=(const ChattyLog&) = delete;
};

}  // namespace

TEST_CASE("Mail is searched, listed by pages and read as text") {
  ConnectorsWorld w;
  w.grant(1, Connector::mail);
  const Json found = w.get("search_mail", 1, {{"query", "budget"}});
  CHECK(found["messages"].size() == 2);
  CHECK_FALSE(found.contains("next_cursor"));
  CHECK(w.get("search_mail", 1, {{"query", "subject:\"first figures\""}})["messages"].size() == 1);

  const Json first = w.get("list_mail", 1, {{"limit", "5"}, {"folder", "inbox"}});
  CHECK(first["messages"].size() == 5);
  const std::string cursor = first["next_cursor"];
  const Json second = w.get("list_mail", 1, {{"limit", "5"}, {"folder", "inbox"}, {"cursor", cursor}});
  CHECK(second["messages"].size() == 5);
  CHECK(second["messages"][0]["id"] != first["messages"][0]["id"]);
  CHECK(w.get("list_mail", 1, {{"unread_only", "true"}})["messages"].size() == 2);
  // Another's, another list's, and one that was made up.
  w.grant(2, Connector::mail);
  for (const auto& answer :
       {w.ask("list_mail", 2, {{"limit", "5"}, {"folder", "inbox"}, {"cursor", cursor}}),
        w.ask("list_mail", 1, {{"limit", "6"}, {"folder", "inbox"}, {"cursor", cursor}}),
        w.ask("list_mail", 1, {{"limit", "5"}, {"folder", "inbox"}, {"cursor", "k1.x"}})})
    CHECK(w.code(answer) == "cursor_invalid");

  const Json html = find(w.get("list_mail", 1)["messages"], "subject", "Travel policy");
  w.transport.take();
  const Json message = w.get("get_mail", 1, {{"id", html["id"]}})["message"];
  CHECK(w.transport.take().size() == 1);
  CHECK(message["body_type"] == "text");
  CHECK(message["body"].get<std::string>().find('<') == std::string::npos);
  const Json minutes = find(w.get("list_mail", 1)["messages"], "subject", "Minutes of the steering group");
  const Json long_one = w.get("get_mail", 1, {{"id", minutes["id"]}})["message"];
  CHECK(long_one["truncated"] == true);
  CHECK(long_one["body"].get<std::string>().size() <= 64 * 1024);
  CHECK(w.code(w.ask("get_mail", 1, {{"id", "AAMkAGgone"}})) == "item_not_found");
  CHECK(w.code(w.ask("get_mail", 1, {{"id", "../../me"}})) == "query_invalid");
  CHECK(w.ask("get_mail", 1).status == 400);
}

TEST_CASE("Sites and files are found, and read where they are text") {
  const ChattyLog chatty;
  ConnectorsWorld w;
  w.grant(1, Connector::files);
  const Json site = find(w.get("search_sites", 1, {{"query", "budget"}})["sites"], "title", "Finance");
  const std::string drive = w.get("list_drives", 1, {{"site", site["id"]}})["drives"][0]["id"];
  CHECK(w.get("list_drives", 1)["drives"][0]["type"] == "business");
  const Json items = w.get("list_files", 1, {{"drive", drive}})["items"];
  const Json reports = find(items, "name", "Reports");
  CHECK(reports["is_folder"] == true);
  const Json inside = w.get("list_files", 1, {{"drive", drive}, {"folder", reports["id"]}})["items"];
  CHECK(w.get("search_files", 1, {{"query", "workshop"}})["items"].size() == 1);

  const auto read = [&](const Json& item) {
    return w.ask("read_file", 1, {{"drive", drive}, {"item", item["id"]}});
  };
  std::string seen;
  {
    const Captured log(stderr);
    w.transport.take();
    const auto answer = read(find(items, "name", "Read me.md"));
    const auto asked = w.transport.take();
    REQUIRE(asked.size() == 3);  // one after the other
    CHECK(asked[2].url.find("tempauth=") != std::string::npos);
    for (const auto& [name, value] : asked[2].headers)
      CHECK(name != "Authorization");
    CHECK(answer.body.find("# Finance") != std::string::npos);
    CHECK(answer.body.find("tempauth") == std::string::npos);
    w.ask("read_file", 1, {{"drive", drive}, {"item", "01GONE"}});  // leaves a line
    seen = log.text();
  }
  CHECK(seen.find("graph_request_failed") != std::string::npos);
  CHECK(seen.find("tempauth") == std::string::npos);
  CHECK(seen.find("download.aspx") == std::string::npos);

  const Json ledger = Json::parse(read(find(inside, "name", "ledger.csv")).body)["file"];
  CHECK(ledger["truncated"] == true);
  CHECK(ledger["text"].get<std::string>().size() == 256 * 1024);
  CHECK(ledger["size"].get<long>() > 2'900'000);
  CHECK(Json::parse(read(find(items, "name", "old notes.txt")).body)["file"]["replaced"] == true);
  for (const char* name : {"Policy.pdf", "Annual plan.docx", "logo.png", "really binary.txt"}) {
    INFO(name);
    const auto answer = read(find(items, "name", name));
    CHECK(answer.status == 415);
    CHECK(w.code(answer) == "file_not_text");
  }
  CHECK(w.code(read(reports)) == "file_is_folder");
}

TEST_CASE("The calendar is read in a zone, and an event is made once the person agreed") {
  ConnectorsWorld w;
  w.grant(1, Connector::calendar);
  const auto day = std::chrono::floor<std::chrono::days>(w.clock.wall());
  const std::string from = to_rfc3339(day + std::chrono::days{1}),
                    until = to_rfc3339(day + std::chrono::days{2});
  const Json review = find(
      w.get("list_events", 1, {{"from", from}, {"until", until}, {"time_zone", "Asia/Kolkata"}})["events"],
      "subject", "Budget review");
  CHECK(review["start"]["date_time"].get<std::string>().substr(10) == "T18:30:00");
  CHECK(w.code(w.ask("list_events", 1, {{"from", from}, {"until", until}, {"time_zone", "Middle Earth"}})) ==
        "query_invalid");
  CHECK(w.ask("list_events", 1, {{"from", from}, {"until", until}, {"time_zone", "UTC\"\r\nX: y"}}).status ==
        400);
  CHECK(w.ask("list_events", 1, {{"from", until}, {"until", from}}).status == 400);
  const Json busy = w.get("get_free_busy", 1,
                          {{"addresses", "user1@contoso.example, nobody@x.example"},
                           {"from", from},
                           {"until", until}})["schedules"];
  CHECK(busy[0]["availability"].get<std::string>().find("22") != std::string::npos);
  CHECK(busy[1]["problem"] == "ErrorMailRecipientNotFound");

  Json event = {{"subject", "Workshop"},
                {"start", "2026-12-01T10:00:00"},
                {"end", "2026-12-01T11:00:00"},
                {"attendees", {"user2@contoso.example"}},
                {"confirmed", true}};
  const auto reading = w.ask("create_event", 1, {}, event);  // the grant reads only
  CHECK(w.code(reading) == "connection_scope_missing");
  CHECK(reading.body.find("Calendars.ReadWrite") != std::string::npos);
  w.grant(1, Connector::calendar, true);
  event["confirmed"] = false;
  const auto unconfirmed = w.ask("create_event", 1, {}, event);
  CHECK(w.code(unconfirmed) == "confirmation_missing");
  CHECK(unconfirmed.body.find("user2@contoso.example") != std::string::npos);
  event["confirmed"] = true;
  const Uuid intent = crypto::new_uuid();
  // The first answer is lost after the event was made.
  w.sandbox.control("faults", {{"applied_rate", 1}, {"status", 503}});
  CHECK(w.code(w.ask("create_event", 1, {}, event, intent)) == "event_outcome_unknown");
  w.sandbox.control("faults", Json::object());
  const auto made = w.ask("create_event", 1, {}, event, intent);
  CHECK(made.status == 201);
  CHECK(w.sandbox.with([](auto& state) { return state.stats.invitations; }) == 1);
  CHECK(w.database
            .query("SELECT count(*) FROM ops.outbox WHERE messages::text LIKE '%calendar_event_created%' AND "
                   "messages::text NOT LIKE '%Workshop%'")[0]
            .number(0) == 1);
}

TEST_CASE("What a grant lacks is said, with the link on which to connect") {
  ConnectorsWorld w;
  const auto none = w.ask("search_mail", 1, {{"query", "a"}});
  CHECK(none.status == 403);
  CHECK(w.code(none) == "not_connected");
  const auto detail = Json::parse(none.body)["detail"].get<std::string>();
  CHECK(detail.find("Outlook mail") != std::string::npos);
  CHECK(detail.find("https://rollcall.contoso.example/oauth/connect?ticket=") != std::string::npos);
  CHECK(w.transport.take().empty());

  w.grant(1, Connector::mail);
  w.database.execute("UPDATE vault.grants SET scopes = ARRAY['Mail.ReadBasic']");
  const auto less = w.ask("search_mail", 1, {{"query", "a"}});
  CHECK(w.code(less) == "connection_scope_missing");
  CHECK(less.body.find("Mail.Read") != std::string::npos);
  CHECK(w.transport.take().empty());
}

TEST_CASE("A refused token is renewed once; a refused new one ends the grant") {
  ConnectorsWorld w;
  w.grant(1, Connector::mail, false, false);  // Graph knows nothing of the token
  w.transport.take();
  CHECK(w.get("search_mail", 1, {{"query", "budget"}})["messages"].size() == 2);
  CHECK(w.transport.take().size() == 3);  // refused, renewed, answered
  // Renewed, and refused all the same.
  w.sandbox.control("faults", {{"rate", 1}, {"status", 401}});
  CHECK(w.code(w.ask("search_mail", 1, {{"query", "budget"}})) == "reconnect_needed");
  CHECK(w.state_of(1) == "reconnect");
  w.transport.take();
  CHECK(w.code(w.ask("search_mail", 1, {{"query", "budget"}})) == "reconnect_needed");
  CHECK(w.transport.take().empty());
}

TEST_CASE("At most four requests go to one mailbox at once, whoever else waits") {
  ConnectorsWorld w;
  w.grant(1, Connector::mail);
  w.sandbox.latency = std::chrono::milliseconds{150};
  std::vector<std::thread> threads;
  std::atomic<int> served = 0;
  for (int i = 0; i < 9; ++i)
    threads.emplace_back([&] { served += w.ask("search_mail", 1, {{"query", "budget"}}).status == 200; });
  for (auto& thread : threads)
    thread.join();
  CHECK(served == 9);
  w.sandbox.with([](auto& state) {
    CHECK(state.stats.mailbox_at_once_max == 4);
    CHECK(state.stats.mailbox_throttled == 0);
  });
}

TEST_CASE("A mailbox's Retry-After holds that mailbox back, and no other") {
  ConnectorsWorld w;
  w.grant(1, Connector::mail);
  w.grant(2, Connector::mail);
  // Others of the app have it to themselves.
  w.sandbox.with([](auto& state) { state.office.mailboxes[ConnectorsWorld::person(1)].under_way = 50; });
  w.transport.take();
  const auto held = w.ask("search_mail", 1, {{"query", "budget"}});
  CHECK(held.status == 503);
  CHECK(w.code(held) == "throttled");
  CHECK_FALSE(World::header(held, "Retry-After").empty());
  CHECK(w.ask("search_mail", 2, {{"query", "budget"}}).status == 200);
}

TEST_CASE("A service that is down is left alone, and the others are asked on") {
  ConnectorsWorld w;
  w.grant(1, Connector::calendar, true);
  w.grant(1, Connector::files);
  w.sandbox.control("faults", {{"rate", 1}, {"status", 503}});
  const auto day = std::chrono::floor<std::chrono::days>(w.clock.wall());
  const Json event = {{"subject", "S"},
                      {"start", "2026-12-01T10:00:00"},
                      {"end", "2026-12-01T11:00:00"},
                      {"confirmed", true}};
  for (int i = 0; i < 5; ++i)
    CHECK(w.ask("create_event", 1, {}, event).status == 503);  // two requests each: ten failures in a row
  w.transport.take();
  const auto refused =
      w.ask("list_events", 1, {{"from", to_rfc3339(day)}, {"until", to_rfc3339(day + std::chrono::days{1})}});
  CHECK(w.code(refused) == "graph_unavailable");
  CHECK(w.transport.take().empty());
  w.sandbox.control("faults", Json::object());
  CHECK(w.ask("list_drives", 1).status == 200);  // SharePoint's circuit is its own
}

TEST_CASE("A slow Microsoft 365 is asked a few times in sequence at the most") {
  ConnectorsWorld w;
  w.grant(1, Connector::mail);
  w.grant(1, Connector::files);
  const auto requests = [&](const std::string& id, const ConnectorsWorld::Parameters& query) {
    w.transport.take();
    CHECK(w.ask(id, 1, query).status == 200);
    return w.transport.take().size();
  };
  CHECK(requests("search_mail", {{"query", "a"}}) == 1);
  CHECK(requests("list_mail", {}) == 1);
  CHECK(requests("search_sites", {{"query", "*"}}) == 1);
  CHECK(requests("search_files", {{"query", "todo"}}) == 1);
  const Json todo = w.get("search_files", 1, {{"query", "todo"}})["items"][0];
  CHECK(requests("read_file", {{"item", todo["id"]}}) == 3);
}
