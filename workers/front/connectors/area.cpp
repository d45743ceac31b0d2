#include "workers/front/connectors/area.h"

#include "workers/front/api/area.h"
#include "workers/front/core/office_path.h"
#include "workers/front/core/office_text.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rollcall::front {
namespace {

/// Whose cursor for what: the path of the first page says all that the request asked for.
std::string cursor_of(const Call& call, const Listing& listing) {
  std::string text = std::string(listing.operation) + "\n" + call.caller.identity() + "\n" + listing.path;
  for (const auto& [name, value] : listing.headers)
    text += "\n" + name + ": " + value;
  return text;
}

}  // namespace

QueryParameter id_parameter(std::string name, std::string help, bool required) {
  return {.name = std::move(name), .help = std::move(help), .text_max = 512, .required = required};
}

std::vector<QueryParameter> listed(std::vector<QueryParameter> own) {
  own.push_back({.name = "limit",
                 .type = ParameterType::integer,
                 .help = "At most so many items; 20 where it is not given.",
                 .min = 1,
                 .max = 50});
  own.push_back({.name = "cursor",
                 .help = "next_cursor of the page before, with all else as it was there.",
                 .text_max = 8000});
  return own;
}

long page_limit(const Call& call) {
  return call.query.integer("limit", 20);
}

Refused query_mistake(const std::string& name, const std::string& what) {
  return Refused({400, "query_invalid", "The parameter " + name + " " + what + ".", {{name, what}}});
}

std::string id_of(const Call& call, const std::string& name) {
  std::string id = call.query.text(name);
  if (!id.empty() && !office::is_id(id)) throw query_mistake(name, "is no id that a list or a search gave");
  return id;
}

std::string words_of(const Call& call, const std::string& name) {
  std::string words = call.query.text(name);
  if (words.find_first_not_of(" \t\r\n") == std::string::npos) throw query_mistake(name, "is blank");
  return words;
}

Response others_words(Json body) {
  body["untrusted"] = true;
  body["notice"] = office::notice;
  return json_answer(200, body);
}

Response list_page(Parts& parts, const Call& call, const Listing& listing) {
  auto& connectors = connectors_of(parts);
  const std::string bound_to = cursor_of(call, listing);
  Connectors::Asking asking{listing.connector, {}};
  asking.request.headers = listing.headers;
  asking.request.url =
      call.query.has("cursor") ? connectors.open_cursor(bound_to, call.query.text("cursor")) : listing.path;
  const auto response = connectors.ask(parts, call, asking);
  Json items = Json::array();
  const Json value = response.body.is_object() ? response.body.value("value", Json::array()) : Json::array();
  for (const Json& one : value)
    items.push_back(listing.shown(one));
  Json body{{listing.items, std::move(items)}};
  if (const auto next = text_member(response.body, "@odata.nextLink"); !next.empty())
    body["next_cursor"] = connectors.seal_cursor(bound_to, next);
  return others_words(std::move(body));
}

Routes connector_routes(Parts& parts) {
  Routes routes;
  for (const auto area : {mail_routes, calendar_routes, files_routes})
    std::ranges::move(area(parts), std::back_inserter(routes));
  return routes;
}

}  // namespace rollcall::front
