#include "common/graph/reads.h"

#include "common/core/backoff.h"
#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/crypto/crypto.h"

#include <algorithm>

namespace rollcall::graph {
namespace {

constexpr int rounds_max = 6;

bool passing(int status) {
  return status == 0 || status == 408 || status == 423 || status == 424 || status == 429 || status >= 500;
}

/// What failed, and what was to run after it: an answer that came before the repetition would break the
/// order.
std::vector<std::size_t> failing(const std::vector<Request>& requests,
                                 const std::vector<Response>& responses) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < responses.size(); ++i) {
    const bool follows = requests[i].after >= 0 &&
                         std::ranges::binary_search(indices, static_cast<std::size_t>(requests[i].after));
    if (follows || passing(responses[i].status)) indices.push_back(i);
  }
  return indices;
}

/// Those requests, with what remains of the order among them.
std::vector<Request> pick(const std::vector<Request>& requests, const std::vector<std::size_t>& indices) {
  std::vector<Request> picked;
  for (const std::size_t index : indices) {
    picked.push_back(requests[index]);
    int& after = picked.back().after;
    const auto found =
        after < 0 ? indices.end() : std::ranges::find(indices, static_cast<std::size_t>(after));
    after = found == indices.end() ? -1 : static_cast<int>(found - indices.begin());
  }
  return picked;
}

std::chrono::milliseconds wait_before(int round, const std::vector<Response>& responses,
                                      const std::vector<std::size_t>& indices, const CallContext& call) {
  auto wait =
      Backoff{std::chrono::milliseconds{200}, std::chrono::seconds{5}}.delay(round, crypto::random_unit());
  for (const std::size_t index : indices)
    if (responses[index].retry_after) wait = std::max(wait, *responses[index].retry_after);
  if (wait > call.patience)
    throw Error(Fault::throttled, "throttled",
                "Microsoft Graph asked for a pause of " + std::to_string(wait.count() / 1000) + " s", wait);
  return wait;
}

}  // namespace

Request get(std::string url, int after) {
  Request request;
  request.url = std::move(url);
  request.after = after;
  return request;
}

std::vector<Response> read_batch(Client& client, const std::vector<Request>& requests,
                                 const CallContext& call) {
  std::vector<Response> responses = client.batch(requests, call);
  for (int round = 1; round < rounds_max && !call.stop.stop_requested(); ++round) {
    const auto indices = failing(requests, responses);
    if (indices.empty()) break;
    pause(wait_before(round, responses, indices, call), call.stop);
    auto again = client.batch(pick(requests, indices), call);
    for (std::size_t i = 0; i < indices.size() && i < again.size(); ++i)
      responses[indices[i]] = std::move(again[i]);
  }
  return responses;
}

std::string relative_to(const Client& client, const std::string& link) {
  const std::string root = client.version_root();
  return link.starts_with(root + "/") ? link.substr(root.size()) : std::string{};
}

std::string describe(const Response& response) {
  if (response.status == 0) return "no answer";
  std::string text = "status " + std::to_string(response.status);
  if (!response.error_code.empty()) text += " " + response.error_code;
  if (!response.error_message.empty()) text += ": " + response.error_message;
  return text;
}

}  // namespace rollcall::graph
