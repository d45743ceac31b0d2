#include "ops/sandbox/graph/time_zone.h"
#include "tests/support/catch.h"
#include "tests/unit/sandbox/sandbox.h"

/// Mail, calendars and documents, with a person's own token.
using namespace rollcall;
using namespace rollcall::sandbox_graph;

namespace {

struct PersonSandbox : Sandbox {
  explicit PersonSandbox(std::vector<std::string> scopes, int person = 1) {
    state.delegations["t"] = {*Uuid::parse(user(person)), std::move(scopes)};
  }
  void prefer(const std::string& what) { extra.emplace_back("Prefer", what); }
  Json list(const std::string& path) {
    const auto said = graph("GET", path);
    INFO(said.body);
    REQUIRE(said.status == 200);
    return Json::parse(said.body)["value"];
  }
  std::string message_id(const std::string& subject) {
    for (const auto& one : list("/me/messages?$select=subject&$top=50"))
      if (one["subject"] == subject) return one["id"];
    FAIL("no such message");
    return {};
  }
  std::string finance() { return list("/sites?search=Finance")[0]["id"]; }
  std::string finance_drive() { return get("/sites/" + finance() + "/drive")["id"]; }
  std::string item(const std::string& drive, const std::string& name) {
    for (const auto& one : list("/drives/" + drive + "/root/children?$select=name"))
      if (one["name"] == name) return one["id"];
    FAIL("no such item");
    return {};
  }
};

}  // namespace

TEST_CASE("An app-only token has no /me, and a person's opens what its scopes allow") {
  Sandbox app;
  const auto said = app.graph("GET", "/me/messages");
  CHECK(said.status == 400);
  CHECK(code(said) == "BadRequest");
  CHECK(message(said) == "/me request is only valid with delegated authentication flow.");
  CHECK(app.graph("GET", "/sites?search=a").status == 403);

  PersonSandbox one({"Calendars.Read"});
  const auto mail = one.graph("GET", "/me/messages");
  CHECK(mail.status == 403);
  CHECK(code(mail) == "ErrorAccessDenied");
  const auto sites = one.graph("GET", "/sites?search=a");
  CHECK(sites.status == 403);
  CHECK(code(sites) == "accessDenied");
  CHECK(one.graph("GET", "/me/calendarView?startDateTime=2026-11-21&endDateTime=2026-11-22").status == 400);
  CHECK(one.graph("POST", "/me/events", Json::object()).status == 403);
}

TEST_CASE("Messages come by pages, as selected, the newest first") {
  PersonSandbox one({"Mail.Read"});
  Json page = one.get("/me/messages?$select=subject,receivedDateTime&$top=5");
  CHECK(page["value"].size() == 5);
  CHECK(page["value"][0].size() == 4);  // with id and etag
  std::size_t all = 5;
  std::string last = page["value"][4]["receivedDateTime"];
  while (page.contains("@odata.nextLink")) {
    page = one.follow(page["@odata.nextLink"]);
    all += page["value"].size();
    CHECK(page["value"][0]["receivedDateTime"].get<std::string>() <= last);
  }
  CHECK(all == 12);
  CHECK(one.list("/me/messages").size() == 10);
  CHECK(one.list("/me/mailFolders/sentitems/messages").size() == 1);
  CHECK(code(one.graph("GET", "/me/mailFolders/nowhere/messages")) == "ErrorInvalidIdMalformed");
  CHECK(code(one.graph("GET", "/me/messages?$select=colour")) == "RequestBroker--ParseUri");
  CHECK(one.graph("GET", "/me/messages?$top=2000").status == 400);
  CHECK(one.list("/me/messages?$filter=isRead%20eq%20false").size() == 2);
  CHECK(
      one.list("/me/messages?$filter=receivedDateTime%20ge%202026-11-20T00:00:00Z%20and%20isRead%20eq%20true&"
               "$orderby=receivedDateTime%20desc")
          .size() == 2);
  CHECK(code(one.graph("GET", "/me/messages?$filter=isRead%20eq%20false&$orderby=receivedDateTime")) ==
        "InefficientFilter");
}

TEST_CASE("$search stands in quotes, and alone") {
  PersonSandbox one({"Mail.Read"});
  CHECK(one.list("/me/messages?$search=%22budget%22").size() == 2);
  CHECK(one.list("/me/messages?$search=%22subject:%5C%22first%20figures%5C%22%22").size() == 1);
  CHECK(one.list("/me/messages?$search=%22from:support%22").size() == 1);
  CHECK(code(one.graph("GET", "/me/messages?$search=%22budget%22&$filter=isRead%20eq%20true")) ==
        "SearchWithFilter");
  CHECK(code(one.graph("GET", "/me/messages?$search=%22budget%22&$orderby=receivedDateTime")) ==
        "SearchWithOrderBy");
  CHECK(message(one.graph("GET", "/me/messages?$search=from:ada")) ==
        "Syntax error: character ':' is not valid at position 4 in 'from:ada'.");
}

TEST_CASE("A body is HTML, or text where that is preferred, and not there at all with Mail.ReadBasic") {
  PersonSandbox one({"Mail.Read"});
  const auto id = one.message_id("Travel policy");
  CHECK(one.get("/me/messages/" + id + "?$select=body")["body"]["contentType"] == "html");
  one.prefer("outlook.body-content-type=\"text\"");
  const auto said = one.graph("GET", "/me/messages/" + id);
  CHECK(header(said, "Preference-Applied") == "outlook.body-content-type=\"text\"");
  CHECK(Json::parse(said.body)["body"]["content"].get<std::string>().find('<') == std::string::npos);
  CHECK(code(one.graph("GET", "/me/messages/AAMkAGnone")) == "ErrorItemNotFound");
  CHECK(code(one.graph("GET", "/me/messages/17")) == "ErrorInvalidIdMalformed");

  PersonSandbox basic({"Mail.ReadBasic"});
  CHECK_FALSE(basic.get("/me/messages/" + basic.message_id("Travel policy")).contains("body"));
  PersonSandbox other({"Mail.Read"}, 2);
  CHECK(other.graph("GET", "/me/messages/" + id).status == 404);
}

TEST_CASE("A mailbox takes four requests at once") {
  PersonSandbox one({"Mail.Read"});
  const http_server::Request request{"GET", "/v1.0/me/messages", {{"Authorization", "Bearer t"}}, ""};
  for (int i = 0; i < 4; ++i)
    begin_mailbox(one.state, request);
  CHECK(one.graph("GET", "/me/messages").status == 200);
  const auto fifth = begin_mailbox(one.state, request);
  const auto said = one.graph("GET", "/me/messages");
  CHECK(said.status == 429);
  CHECK(code(said) == "ApplicationThrottled");
  CHECK(message(said) == "Application is over its MailboxConcurrency limit.");
  CHECK(header(said, "Retry-After") == "1");
  end_mailbox(one.state, fifth);
  CHECK(one.graph("GET", "/me/messages").status == 200);
  CHECK(one.state.stats.mailbox_at_once_max == 5);
  CHECK_FALSE(begin_mailbox(one.state, {"GET", "/v1.0/groups", {{"Authorization", "Bearer t"}}, ""}));
}

TEST_CASE("A calendar view has what overlaps it, in the zone that is preferred") {
  PersonSandbox one({"Calendars.Read"});
  const std::string view =
      "/me/calendarView?startDateTime=2026-11-22T00:00:00Z&endDateTime=2026-11-23T00:00:00Z";
  Json events = one.list(view);  // a Sunday
  REQUIRE(events.size() == 1);
  CHECK(events[0]["subject"] == "Budget review");
  CHECK(events[0]["start"] == Json{{"dateTime", "2026-11-22T13:00:00.0000000"}, {"timeZone", "UTC"}});
  one.prefer("outlook.timezone=\"Europe/Berlin\"");
  CHECK(one.list(view)[0]["start"]["dateTime"] == "2026-11-22T14:00:00.0000000");
  one.extra = {{"Prefer", "outlook.timezone=\"Middle Earth\""}};
  CHECK(code(one.graph("GET", view)) == "TimeZoneNotSupportedException");
  one.extra.clear();
  CHECK(one.graph("GET", "/me/calendarView").status == 400);
  CHECK(to_local(*parse_rfc3339("2026-07-01T12:00:00Z"), "W. Europe Standard Time") ==
        "2026-07-01T14:00:00.0000000");
  CHECK(from_local("2026-07-01T14:00:00", "Pacific Standard Time") == parse_rfc3339("2026-07-01T21:00:00Z"));
}

TEST_CASE("getSchedule says when, and of others not what") {
  PersonSandbox one({"Calendars.ReadBasic"});
  const Json body = {
      {"schedules", {"user1@contoso.example", "user2@contoso.example", "nobody@contoso.example"}},
      {"startTime", {{"dateTime", "2026-11-23T08:00:00"}, {"timeZone", "UTC"}}},
      {"endTime", {{"dateTime", "2026-11-23T12:00:00"}, {"timeZone", "UTC"}}},
      {"availabilityViewInterval", 60}};
  const Json value = Json::parse(one.graph("POST", "/me/calendar/getSchedule", body).body)["value"];
  REQUIRE(value.size() == 3);
  CHECK(value[0]["availabilityView"] == "0210");
  CHECK(value[0]["scheduleItems"][0]["subject"] == "Stand-up");
  CHECK_FALSE(value[1]["scheduleItems"][0].contains("subject"));
  CHECK(value[2]["error"]["responseCode"] == "ErrorMailRecipientNotFound");
}

TEST_CASE("An event is made once for a transactionId") {
  PersonSandbox one({"Calendars.ReadWrite"});
  const Json body = {{"subject", "Workshop"},
                     {"start", {{"dateTime", "2026-11-24T10:00:00"}, {"timeZone", "Europe/Berlin"}}},
                     {"end", {{"dateTime", "2026-11-24T11:00:00"}, {"timeZone", "Europe/Berlin"}}},
                     {"attendees", {{{"emailAddress", {{"address", "user2@contoso.example"}}}}}},
                     {"transactionId", "one"}};
  const auto first = one.graph("POST", "/me/events", body);
  REQUIRE(first.status == 201);
  const Json made = Json::parse(first.body);
  CHECK(made["start"]["dateTime"] == "2026-11-24T09:00:00.0000000");
  CHECK(Json::parse(one.graph("POST", "/me/events", body).body)["id"] == made["id"]);
  CHECK(one.state.stats.invitations == 1);
}

TEST_CASE("Content is behind a URL that takes no token") {
  PersonSandbox one({"Sites.Read.All"});
  const auto drive = one.finance_drive();
  const auto path = "/drives/" + drive + "/items/" + one.item(drive, "Read me.md");
  CHECK(one.get(path)["file"]["mimeType"] == "application/octet-stream");
  const auto said = one.graph("GET", path + "/content");
  REQUIRE(said.status == 302);
  CHECK(said.body.empty());
  const auto url = header(said, "Location");
  REQUIRE(url.starts_with("http://sandbox/_layouts/15/download.aspx?"));
  const auto target = url.substr(std::string("http://sandbox").size());
  CHECK(one.send("GET", target).status == 401);  // with the token
  const auto fetch = [&](http_server::Headers headers) {
    return handle({"GET", target, std::move(headers), ""}, one.state, one.now);
  };
  CHECK(fetch({}).body.starts_with("# Finance"));
  const auto part = fetch({{"Range", "bytes=2-8"}});
  CHECK(part.status == 206);
  CHECK(part.body == "Finance");
  one.now += std::chrono::minutes{11};
  CHECK(fetch({}).status == 401);
}

TEST_CASE("Sites, drives and items are found by those who may open them") {
  PersonSandbox one({"Sites.Read.All"});
  CHECK(one.list("/sites?search=*").size() == 2);
  const std::string board = one.list("/sites?search=Board")[0]["id"];
  PersonSandbox third({"Sites.Read.All"}, 3);
  CHECK(third.list("/sites?search=*").size() == 1);
  CHECK(code(third.graph("GET", "/sites/" + board + "/drive")) == "itemNotFound");
  const auto drive = one.finance_drive();
  CHECK(one.list("/drives/" + drive + "/root/search(q='budget')").size() == 3);
  CHECK(one.list("/me/drive/root/search(q='it''s')").empty());
  CHECK(one.list("/me/drive/root/search(q='workshop')").size() == 1);
  CHECK(one.graph("GET", "/me/drive/root/search(q='it's')").status == 400);
  const std::string own = one.get("/me/drive")["id"];
  CHECK(third.graph("GET", "/drives/" + own + "/root/children").status == 404);
  CHECK(one.list("/drives/" + drive + "/root/children?$select=name,folder&$top=3").size() == 3);
}
