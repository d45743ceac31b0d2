#include "ops/sandbox/graph/batch.h"

#include <algorithm>
#include <unordered_map>

namespace rollcall::sandbox_graph {
namespace {

constexpr std::size_t parts_max = 20;

struct Part {
  std::string id;
  const Json* item = nullptr;
  std::vector<std::size_t> depends_on;
  std::optional<int> status;  ///< once it was judged
};

Answer malformed(std::string message) {
  return fail(400, "BadRequest", std::move(message));
}

/// The parts with their dependencies by index, or a Problem with the whole batch.
Result<std::vector<Part>> read_parts(const Json& body) {
  const auto problem = [](std::string message) {
    return unexpected(Problem{"BadRequest", std::move(message)});
  };
  const auto items = body.is_object() ? body.find("requests") : body.end();
  if (!body.is_object() || items == body.end() || !items->is_array())
    return problem("Invalid batch payload format.");
  if (items->empty() || items->size() > parts_max)
    return problem("The number of individual requests in a batch must be from 1 to 20.");
  std::vector<Part> parts;
  std::unordered_map<std::string, std::size_t> at;
  for (const Json& item : *items) {
    for (const char* name : {"id", "method", "url"})
      if (!item.is_object() || !item.value(name, Json()).is_string())
        return problem(std::string("Invalid batch payload format: '") + name + "' is missing.");
    if (!at.emplace(lower(item["id"].get<std::string>()), parts.size()).second)
      return problem("Request Id values must be unique in a batch: '" + item["id"].get<std::string>() + "'.");
    parts.push_back({item["id"], &item, {}, {}});
  }
  for (Part& part : parts) {
    const Json depends = part.item->value("dependsOn", Json::array());
    for (const Json& id : depends.is_array() ? depends : Json::array({depends})) {
      const auto known = id.is_string() ? at.find(lower(id.get<std::string>())) : at.end();
      if (known == at.end()) return problem("A dependsOn names an id that is not in the batch.");
      part.depends_on.push_back(known->second);
    }
  }
  return parts;
}

Answer judge_part(State& state, const Call& envelope, const Json& item, int& patches, WallTime now) {
  const std::string url = item["url"];
  Call call = make_call(item["method"], url.starts_with("/") ? url : "/" + url);
  std::ranges::transform(call.method, call.method.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  call.base = envelope.base;
  call.request_id = random_uuid(state);
  call.part = true;
  call.on_behalf = envelope.on_behalf;
  if (const auto headers = item.find("headers"); headers != item.end() && headers->is_object())
    for (const auto& [name, value] : headers->items())
      if (value.is_string()) call.headers.emplace_back(name, value.get<std::string>());
  if (const auto body = item.find("body"); body != item.end()) call.body = *body;
  Answer answer;
  if (url.find("://") != std::string::npos) {
    answer = malformed("The url of a part must be relative.");
  } else if (call.path() == "/$batch") {
    answer = malformed("Batches cannot be nested.");
  } else if (!call.body.is_null() && call.header("Content-Type").empty()) {
    answer = malformed("Write request id : " + item["id"].get<std::string>() +
                       " does not contain Content-Type header or body.");
  } else if (call.method == "PATCH" && state.faults.patch_503_above >= 0 &&
             ++patches > state.faults.patch_503_above) {
    ++state.stats.faults;
    answer = fail(503, "serviceNotAvailable", "Too many parallel changes.");
  } else {
    answer = metered(state, call, now);
  }
  finish(answer, call, now);
  return answer;
}

/// Graph promises no order between parts that do not depend on each other, so none is kept.
std::vector<std::size_t> shuffled(State& state, std::size_t count) {
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i)
    order[i] = i;
  std::ranges::shuffle(order, state.random);
  return order;
}

Json part_json(const Part& part, const Answer& answer) {
  Json headers = Json::object();
  for (const auto& [name, value] : answer.headers)
    headers[name] = value;
  Json out{{"id", part.id}, {"status", answer.status}, {"headers", std::move(headers)}};
  if (!answer.body.is_null()) {
    if (!out["headers"].contains("Content-Type")) out["headers"]["Content-Type"] = "application/json";
    out["body"] = answer.body;
  }
  return out;
}

struct Run {
  std::vector<Json> responses;
  bool wrote = false;
};

bool ready(const std::vector<Part>& parts, const Part& part) {
  return !part.status &&
         std::ranges::all_of(part.depends_on, [&](std::size_t i) { return parts[i].status.has_value(); });
}

Run run_parts(State& state, const Call& envelope, std::vector<Part>& parts, WallTime now) {
  Run run;
  int patches = 0;
  for (bool progress = true; progress;) {
    progress = false;
    for (const std::size_t i : shuffled(state, parts.size())) {
      Part& part = parts[i];
      if (!ready(parts, part)) continue;
      const bool failed =
          std::ranges::any_of(part.depends_on, [&](std::size_t d) { return *parts[d].status >= 400; });
      const Answer answer = failed
                                ? fail(424, "FailedDependency", "A request that this one depends on failed.")
                                : judge_part(state, envelope, *part.item, patches, now);
      part.status = answer.status;
      progress = true;
      run.wrote |= answer.status < 300 && part.item->at("method") != "GET";
      if (chance(state) >= state.faults.drop_part_rate) run.responses.push_back(part_json(part, answer));
    }
  }
  return run;
}

}  // namespace

Answer run_batch(State& state, const Call& envelope, WallTime now) {
  ++state.stats.batches;
  auto parts = read_parts(envelope.body);
  if (!parts) return malformed(parts.error().message);
  if (!state.faults.status.empty() && chance(state) < state.faults.envelope_rate) return broken(state);
  Run run = run_parts(state, envelope, *parts, now);
  if (std::ranges::any_of(*parts, [](const Part& part) { return !part.status; }))
    return malformed("The dependencies of the batch form a cycle.");
  std::ranges::shuffle(run.responses, state.random);
  Answer answer{200, {{"responses", std::move(run.responses)}}, {}};
  answer.cut = run.wrote && chance(state) < state.faults.cut_after_write_rate;
  return answer;
}

}  // namespace rollcall::sandbox_graph
