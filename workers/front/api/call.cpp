#include "workers/front/api/call.h"

#include "common/core/percent.h"
#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "workers/front/core/cursor.h"

#include <chrono>

namespace rollcall::front {
namespace {

int status_for(const Error& error) {
  switch (error.fault()) {
    case Fault::transient:
    case Fault::throttled:
      return 503;
    case Fault::conflict:
      return 409;
    case Fault::invalid:
      return error.code() == "database_refused" ? 500 : 400;
    case Fault::denied:
      return 502;  // what was denied is ours to be granted: the caller's own rights were judged before
    case Fault::not_found:
      return 404;
    case Fault::config:
      return 500;
  }
  return 500;
}

/// Whether a list of entity tags (RFC 9110, 13.1.1) names `tag`.
bool names_tag(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    auto one = list.substr(0, end);
    while (!one.empty() && one.front() == ' ')
      one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ')
      one.remove_suffix(1);
    if (one == "*" || one == tag) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

Response json_answer(int status, const Json& body, http_server::Headers headers) {
  headers.emplace_back("Content-Type", "application/json");
  return {status, std::move(headers), dump(body)};
}

Response no_content() {
  return {204, {}, {}};
}

Refusal refusal_for(const Error& error) {
  const int status = status_for(error);
  // What the database says of a statement of ours is for the log.
  if (status == 500) return {500, "internal", "The request could not be served; the log says why."};
  Refusal refusal{status, error.code(), error.what()};
  refusal.retry_after = error.retry_after();
  if (status == 503 && !refusal.retry_after) refusal.retry_after = std::chrono::seconds(2);
  return refusal;
}

Refusal refusal_for(const std::exception_ptr& thrown, std::string_view request_id,
                    std::string_view operation) {
  const auto report = [&](const std::string& code, const std::string& what) {
    log::error("request_failed",
               {{"request_id", request_id}, {"operation", operation}, {"code", code}, {"error", what}});
  };
  try {
    std::rethrow_exception(thrown);
  } catch (const Refused& refused) {
    return refused.refusal();
  } catch (const Error& error) {
    auto refusal = refusal_for(error);
    if (refusal.status >= 500) report(error.code(), error.what());
    return refusal;
  } catch (const std::exception& error) {
    report("internal", error.what());
    return {500, "internal", "The request could not be served; the log says why."};
  }
}

Viewer viewer_of(const Call& call) {
  const auto& caller = call.caller;
  return {caller.tenant_id, caller.identity(),
          caller.application ? std::nullopt : Uuid::parse(caller.object_id), call.operates,
          std::chrono::floor<std::chrono::milliseconds>(caller.expires_at)};
}

Response problem_answer(const Refusal& refusal, std::string_view request_id) {
  Response response{refusal.status,
                    {{"Content-Type", "application/problem+json"}},
                    dump(problem_document(refusal, request_id))};
  if (refusal.retry_after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*refusal.retry_after).count();
    response.headers.emplace_back("Retry-After", std::to_string(std::max<long>(seconds, 1)));
  }
  return response;
}

Response page_answer(const Call& call, std::string_view list, Json items, const std::string& next) {
  Json page = {{"value", std::move(items)}};
  if (!next.empty()) {
    std::string link = call.public_root + std::string(call.request.path()) + "?";
    for (const auto& [name, value] : http_server::parse_query(call.request.query()))
      if (name != "cursor") link += percent_encode(name) + "=" + percent_encode(value) + "&";
    page["nextLink"] = link + "cursor=" + write_cursor(list, next);
  }
  return json_answer(200, page);
}

std::string page_position(const Call& call, std::string_view list) {
  if (!call.query.has("cursor")) return {};
  auto position = read_cursor(list, call.query.text("cursor"));
  if (!position)
    throw Refused({400, position.error().code, position.error().message, {{"cursor", "is not ours"}}});
  return *position;
}

std::string entity_tag(const Json& body) {
  return '"' + crypto::sha256_hex(dump(body)).substr(0, 32) + '"';
}

void require_match(const Call& call, const std::string& tag) {
  const auto wanted = call.request.header("If-Match");
  if (wanted.empty() || names_tag(wanted, tag)) return;
  throw Refused(
      {412, "precondition_failed", "It was changed since you read it: its ETag is " + tag + " now."});
}

}  // namespace rollcall::front
