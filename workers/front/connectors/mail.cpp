#include "workers/front/connectors/area.h"
#include "workers/front/core/office_path.h"
#include "workers/front/core/office_view.h"

namespace rollcall::front {
namespace {

using vault::Connector;

/// Graph turns HTML into text where it is asked to.
const http_client::Headers as_text{{"Prefer", "outlook.body-content-type=\"text\""}};

Response search(Parts& parts, const Call& call) {
  return list_page(parts, call,
                   {Connector::mail,
                    "search_mail",
                    office::mail_search(words_of(call, "query"), page_limit(call)),
                    {},
                    "messages",
                    office::shown_summary});
}

Response list(Parts& parts, const Call& call) {
  const office::MailFilter filter{call.query.text("folder"), call.query.time("since"),
                                  call.query.time("until"), call.query.flag("unread_only", false)};
  return list_page(parts, call,
                   {Connector::mail,
                    "list_mail",
                    office::mail_list(filter, page_limit(call)),
                    {},
                    "messages",
                    office::shown_summary});
}

Response get(Parts& parts, const Call& call) {
  Connectors::Asking asking{Connector::mail,
                            {.url = office::mail_message(id_of(call, "id")), .body = {}, .headers = as_text}};
  const auto response = connectors_of(parts).ask(parts, call, asking);
  return others_words({{"message", office::shown_message(response.body)}});
}

}  // namespace

Routes mail_routes(Parts& parts) {
  const std::string path = "/connectors/mail";
  return {
      {{.method = "GET",
        .path = path + "/search",
        .id = "search_mail",
        .summary = "Search the caller's own mailbox.",
        .microsoft = true,
        .query = listed(
            {{.name = "query",
              .help = "Words to find in sender, subject and body; from:, to:, subject:, body:, "
                      "received:, hasAttachments: narrow them down (KQL). What is found comes by date, at "
                      "most 1,000 messages in all.",
              .text_max = 500,
              .required = true}}),
        .answers = {{200, "MailPage", "The messages found, without their bodies."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return search(parts, call); }},
      {{.method = "GET",
        .path = path + "/messages",
        .id = "list_mail",
        .summary = "List the messages of the caller's own mailbox, the newest first.",
        .microsoft = true,
        .query =
            listed({{.name = "folder",
                     .type = ParameterType::one_of,
                     .help = "Of this folder; of the whole mailbox where it is not given.",
                     .choices = {"inbox", "sentitems", "drafts", "archive", "deleteditems", "junkemail"}},
                    {.name = "since", .type = ParameterType::time, .help = "Received then or later."},
                    {.name = "until", .type = ParameterType::time, .help = "Received before then."},
                    {.name = "unread_only", .type = ParameterType::boolean, .help = "Only what is unread."}}),
        .answers = {{200, "MailPage", "A page of messages, without their bodies."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return list(parts, call); }},
      {{.method = "GET",
        .path = path + "/message",
        .id = "get_mail",
        .summary = "One message of the caller's own mailbox, its body as text.",
        .microsoft = true,
        .query = {id_parameter("id", "Of the message, as a search or a list gave it.")},
        .answers = {{200, "MailMessageAnswer", "The message; of its body at most 64 KiB."}},
        .tag = connectors_tag},
       [&parts](const Call& call) { return get(parts, call); }},
  };
}

}  // namespace rollcall::front
