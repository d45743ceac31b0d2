#include "workers/front/core/problem.h"

#include "common/core/reasons.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rollcall::front {
namespace {

constexpr auto phrases = std::to_array<std::pair<int, std::string_view>>({
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
});

}  // namespace

std::string_view reason_phrase(int status) {
  const auto found = std::ranges::find(phrases, status, &std::pair<int, std::string_view>::first);
  return found == phrases.end() ? "Error" : found->second;
}

Json problem_document(const Refusal& refusal, std::string_view request_id) {
  Json document = {{"type", "urn:rollcall:problem:" + refusal.code},
                   {"title", reason_phrase(refusal.status)},
                   {"status", refusal.status},
                   {"code", refusal.code},
                   {"detail", refusal.detail},
                   {"instance", "urn:rollcall:request:" + std::string(request_id)}};
  if (const auto cure = cure_for(refusal.code); !cure.empty()) document["cure"] = cure;
  if (!refusal.errors.empty()) {
    Json errors = Json::array();
    for (const auto& field : refusal.errors)
      errors.push_back({{"pointer", field.pointer}, {"detail", field.detail}});
    document["errors"] = std::move(errors);
  }
  return document;
}

}  // namespace rollcall::front
