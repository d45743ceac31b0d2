#include "tests/support/catch.h"
#include "workers/front/core/office_path.h"
#include "workers/front/core/office_text.h"
#include "workers/front/core/office_view.h"

using namespace rollcall;
using namespace rollcall::front;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Text is cut between characters, and says so") {
  CHECK(office::bounded("abc", 3).text == "abc");
  CHECK_FALSE(office::bounded("abc", 3).truncated);
  const auto cut = office::bounded("a\xC3\xA9z", 2);  // a, e with an accent, z
  CHECK(cut.text == "a");
  CHECK(cut.truncated);
  const auto odd = office::bounded("Caf\xE9!", 100);
  CHECK(odd.text == "Caf\xEF\xBF\xBD!");
  CHECK(odd.replaced);
  CHECK(office::bounded("a\x1B[31m\tb\n", 100).text == "a[31m\tb\n");  // no terminal's commands
}

TEST_CASE("A file is text by its type, by its name where SharePoint knows none, and by its bytes") {
  for (const char* type : {"text/plain", "text/csv; charset=utf-8", "Application/JSON", "text/markdown"})
    CHECK(office::reads_as_text(type, "x"));
  CHECK(office::reads_as_text("application/octet-stream", "Read me.MD"));
  CHECK(office::reads_as_text("", "a.csv"));
  for (const char* type : {"application/pdf", "image/png", "application/octet-stream", "application/zip",
                           "application/vnd.openxmlformats-officedocument.wordprocessingml.document"})
    CHECK_FALSE(office::reads_as_text(type, "Plan.docx"));
  CHECK_FALSE(office::reads_as_text("application/pdf", "a.txt"));
  CHECK_FALSE(office::file_text(std::string("a\0b", 3), false));
  CHECK(office::file_text("\xEF\xBB\xBFsum", false)->text == "sum");
  const auto cut = *office::file_text("price \xE2\x82", true);  // within the sign of the euro
  CHECK(cut.text == "price ");
  CHECK(cut.truncated);
  CHECK_FALSE(cut.replaced);
  CHECK(office::file_text("whole \xE2\x82\xAC", true)->text == "whole \xE2\x82\xAC");
  CHECK(office::file_text(std::string(office::file_text_max + 9, 'x'), false)->truncated);
}

TEST_CASE("What comes from outside cannot leave its place in a path") {
  for (const char* id : {"AAMkAG-_=", "b!x_Y", "contoso.sharepoint.com,1-2,3-4", "01ABC"})
    CHECK(office::is_id(id));
  for (const char* id : {"", ".", "..", "a/b", "a?b", "a%2Fb", "a b", "a'b", "a\nb"})
    CHECK_FALSE(office::is_id(id));
  CHECK(has(office::files_search("", "it's & more)", 5),
            "/me/drive/root/search(q='it%27%27s%20%26%20more%29')?"));
  CHECK(has(office::mail_search("say \"hi\" \\", 5), "$search=%22say%20%5C%22hi%5C%22%20%5C%5C%22&"));
  CHECK(office::files_list("b!x", "01A", 7).starts_with("/drives/b%21x/items/01A/children?$select=id,"));
  CHECK(office::drives_of("host,1,2").starts_with("/sites/host,1,2/drives?$select="));
}

TEST_CASE("Every read selects, and mail's rules are kept") {
  const auto day = *parse_rfc3339("2026-11-21T00:00:00Z");
  for (const auto& path :
       {office::mail_list({}, 5), office::mail_search("a", 5), office::mail_message("AAMk"),
        office::sites_search("a", 5), office::drives_of(""), office::files_search("", "a", 5),
        office::files_list("", "", 5), office::file_facts("b", "1"), office::calendar_view(day, day, 5)}) {
    INFO(path);
    CHECK(has(path, "$select="));
  }
  const auto found = office::mail_search("a", 5);
  CHECK_FALSE(has(found, "$filter"));
  CHECK_FALSE(has(found, "$orderby"));
  // What is ordered by comes first in the filter.
  CHECK(has(office::mail_list({.folder = "", .since = {}, .until = {}, .unread_only = true}, 5),
            "$filter=receivedDateTime%20ge%201900-01-01T00%3A00%3A00Z%20and%20isRead%20eq%20false"));
  CHECK(office::mail_list({.folder = "inbox", .since = day, .until = {}}, 5)
            .starts_with("/me/mailFolders/inbox/messages?"));
  CHECK_FALSE(has(office::mail_list({}, 5), "body,"));
}

TEST_CASE("Content is fetched from Microsoft's file hosts over TLS, or from where Graph is") {
  const std::string graph = "https://graph.microsoft.com";
  for (const char* url : {"https://contoso.sharepoint.com/_layouts/15/download.aspx?tempauth=x",
                          "https://contoso-my.sharepoint.com:443/x", "https://x.sharepoint.us/y",
                          "https://a.svc.ms/b", "https://graph.microsoft.com/x"})
    CHECK(office::may_fetch(url, graph));
  for (const char* url :
       {"http://contoso.sharepoint.com/x", "https://sharepoint.com.attacker.example/x",
        "https://evilsharepoint.com/", "https://contoso.sharepoint.com@attacker.example/",
        "https://user@contoso.sharepoint.com/", "https://127.0.0.1/x", "http://169.254.169.254/metadata",
        "file:///etc/passwd", "//contoso.sharepoint.com/x", "https://attacker.example\\.sharepoint.com/",
        "https://contoso.sharepoint.com:8443/", ""})
    CHECK_FALSE(office::may_fetch(url, graph));
  CHECK(office::may_fetch("http://127.0.0.1:8089/x", "http://127.0.0.1:8089"));
  CHECK_FALSE(office::may_fetch("http://127.0.0.1:8090/x", "http://127.0.0.1:8089"));
}

TEST_CASE("Only what was asked for goes on") {
  const Json message = {{"id", "1"},
                        {"subject", "S"},
                        {"from", {{"emailAddress", {{"name", "N"}, {"address", "a@b"}}}}},
                        {"body", {{"contentType", "text"}, {"content", std::string(70'000, 'x')}}},
                        {"bodyPreview", "P"},
                        {"internetMessageId", "secret"},
                        {"toRecipients", Json::array()}};
  const Json whole = office::shown_message(message);
  CHECK(whole["body"].get<std::string>().size() == office::mail_text_max);
  CHECK(whole["truncated"] == true);
  CHECK_FALSE(has(whole.dump(), "secret"));
  CHECK_FALSE(office::shown_summary(message).contains("body"));
  CHECK(office::shown_summary(Json(nullptr))["subject"] == "");  // what is missing is empty
  const Json busy = office::shown_schedule(
      {{"scheduleId", "a@b"},
       {"availabilityView", "02"},
       {"scheduleItems",
        {{{"status", "busy"}, {"subject", "secret"}, {"location", "secret"}, {"start", Json::object()}}}}});
  CHECK_FALSE(has(busy.dump(), "secret"));
  const office::NewEvent event{.subject = "Workshop",
                               .start = "2026-11-24T10:00:00",
                               .end = "2026-11-24T11:00:00",
                               .time_zone = "Europe/Berlin",
                               .location = "",
                               .text = "",
                               .attendees = {"ben@contoso.example"},
                               .transaction_id = "t"};
  CHECK(
      office::what_it_does(event) ==
      "This puts \"Workshop\", 2026-11-24T10:00:00 to 2026-11-24T11:00:00 (Europe/Berlin), into the person's "
      "calendar and sends an invitation at once to ben@contoso.example.");
  CHECK(office::event_body(event)["transactionId"] == "t");
}
