#pragma once
#include "workers/front/connectors/connectors.h"

#include <functional>
#include <string>
#include <vector>

/// What the connectors' operations have in common.
namespace rollcall::front {

Routes mail_routes(Parts& parts);
Routes calendar_routes(Parts& parts);
Routes files_routes(Parts& parts);

constexpr const char* connectors_tag = "connectors";

/// "id" and the like: what becomes part of a path.
QueryParameter id_parameter(std::string name, std::string help, bool required = true);
/// "limit", "cursor", after the operation's own.
std::vector<QueryParameter> listed(std::vector<QueryParameter> own);
/// Checked; empty where it is not given. Throws Refused (400, query_invalid).
std::string id_of(const Call& call, const std::string& name);
/// Throws Refused (400, query_invalid) where it is blank.
std::string words_of(const Call& call, const std::string& name);
long page_limit(const Call& call);
/// 400, query_invalid.
Refused query_mistake(const std::string& name, const std::string& what);

/// An answer that holds others' words, marked as such.
Response others_words(Json body);

struct Listing {
  vault::Connector connector{};
  const char* operation = nullptr;  ///< its id: a cursor is good for it alone
  std::string path;                 ///< of the first page
  http_client::Headers headers;     ///< sent with each page
  const char* items = nullptr;      ///< the answer's member that lists them
  std::function<Json(const Json&)> shown;
};
/// One page: one request.
Response list_page(Parts& parts, const Call& call, const Listing& listing);

}  // namespace rollcall::front
