#include "workers/front/api/area.h"

#include "workers/front/core/job.h"

#include <algorithm>

namespace rollcall::front {

Sight sight_of(const Call& call) {
  return {call.caller.tenant_id, call.caller.application ? std::nullopt : Uuid::parse(call.caller.object_id),
          call.operates};
}

runs::Asker asker_of(const Call& call) {
  return {call.caller.tenant_id, call.caller.identity(), call.now};
}

std::vector<QueryParameter> paged(std::vector<QueryParameter> own) {
  std::vector<QueryParameter> all{
      {.name = "limit",
       .type = ParameterType::integer,
       .help = "At most so many items; 50 where it is not given.",
       .min = 1,
       .max = 200},
      {.name = "cursor", .help = "From nextLink: where to go on.", .text_max = 6000}};
  for (auto& one : own)
    all.push_back(std::move(one));
  return all;
}

long limit_of(const Call& call) {
  return call.query.integer("limit", 50);
}

std::string list_name(const Call& call, const std::string& list, const std::vector<std::string>& names) {
  std::string name = list + " " + call.caller.identity();
  for (const auto& one : names)
    name += "\n" + one + "=" + call.query.text(one);
  return name;
}

Position position_of(const Call& call, const std::string& list, const std::vector<ParameterType>& parts) {
  const std::string text = page_position(call, list);
  if (text.empty()) return {};
  const Refused invalid({400,
                         "cursor_invalid",
                         "The cursor is not one that this list gave for this filter.",
                         {{"cursor", "is not ours"}}});
  const auto values = parse_json(text);  // which also refuses what is no UTF-8
  if (!values || !values->is_array() || values->size() != parts.size()) throw invalid;
  Position position;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!values->at(i).is_string()) throw invalid;
    std::string part = values->at(i);
    const bool sound = parts[i] == ParameterType::uuid   ? Uuid::parse(part).has_value()
                       : parts[i] == ParameterType::time ? parse_rfc3339(part).has_value()
                                                         : part.find('\0') == std::string::npos;
    if (!sound) throw invalid;
    position.push_back(std::move(part));
  }
  return position;
}

Response page_answer(const Call& call, const std::string& list, Page page) {
  return page_answer(call, list, std::move(page.items), page.next.empty() ? "" : dump(page.next));
}

Uuid uuid_in_path(const Call& call, const std::string& name) {
  if (const auto id = Uuid::parse(call.path.at(name))) return *id;
  throw path_mistake(name, "is no UUID");
}

Refused path_mistake(const std::string& name, const std::string& what) {
  return Refused({400, "path_invalid", "The " + name + " in the path: " + what + ".", {{name, what}}});
}

Refused body_mistake(const std::string& pointer, const std::string& what) {
  return Refused({400, "schema_violation", pointer + ": " + what, {{pointer, what}}});
}

std::string text_in_body(const Call& call, const std::string& name, const std::string& fallback) {
  if (!call.body.is_object() || !call.body.contains(name)) return fallback;
  std::string text = call.body.at(name);
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
    throw body_mistake("/" + name, "holds control characters");
  return text;
}

void publish(Parts& parts, std::vector<runs::Stored> stored) {
  for (auto& one : stored)
    publish(parts, std::move(one));
}

Response accept_job(Parts& parts, const Call& call, const runs::NewRun& run) {
  std::string state;
  auto enqueued = parts.database.transact([&](postgres::Transaction& transaction) {
    auto stored = runs::enqueue(transaction, {run}, call.now);
    // Not always queued: the same request sent again finds its run where that has come to.
    state = transaction
                .query("SELECT state FROM ops.runs WHERE id = $1::uuid",
                       {postgres::value(stored.asked.at(0).run)})
                .at(0)
                .text(0);
    return stored;
  });
  publish(parts, std::move(enqueued.stored));
  const Uuid job = enqueued.asked.at(0).run;
  const auto location = job_link(job, call.public_root);
  return json_answer(202, {{"job_id", job.to_string()}, {"state", state}},
                     {{"Operation-Location", location}, {"Location", location}});
}

}  // namespace rollcall::front
