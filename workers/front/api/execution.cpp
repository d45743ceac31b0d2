#include "workers/front/api/execution.h"

#include "common/core/json.h"
#include "common/core/lower.h"
#include "common/crypto/crypto.h"
#include "workers/front/adapters/idempotency.h"
#include "workers/front/adapters/standing.h"

namespace rollcall::front {
namespace {

constexpr std::string_view organization_parameter = "organization";

bool is_json(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (!content_type.empty() && content_type.back() == ' ')
    content_type.remove_suffix(1);
  return lower(content_type) == "application/json";
}

void have_body_read(Errand& errand) {
  errand.answer({http_server::body_wanted, {}, {}});
}

}  // namespace

void Execution::run(const std::shared_ptr<Errand>& errand) const {
  Call& call = errand->call;
  const Route& route = *errand->route;
  const Operation& operation = route.operation;
  call.now = parts_.clock.wall();
  const bool organized = call.path.contains(organization_parameter);
  if (!organized && judge(operation.access, call.operates) == Verdict::forbidden)
    throw Refused({403, "role_missing", "This takes the app role " + std::string(operator_role) + "."});
  // What a stranger sends to an organization is not even read before it is known that the organization is
  // theirs to see.
  if (errand->head_only && !organized) return have_body_read(*errand);
  if (route.begin) {
    read(call, operation);
    return route.begin(call, [errand](Response response) { errand->answer(std::move(response)); });
  }
  const bool taken =
      parts_.pool.submit([self = *this, errand] { guarded(*errand, [&] { self.perform(*errand); }); });
  if (!taken)
    throw Refused(
        {503, "busy", "More requests are waiting than can be served soon.", {}, std::chrono::seconds(1)});
}

void Execution::refuse(Errand& errand, const Refusal& refusal) {
  const auto& id = errand.call.request_id;
  const bool worded = errand.route && errand.route->refuse;
  errand.turn_away(worded ? errand.route->refuse(refusal, id) : problem_answer(refusal, id));
}

void Execution::require_switched_on(const Operation& operation, bool microsoft_enabled) {
  if (operation.microsoft && !microsoft_enabled)
    throw Refused({404, "microsoft_disabled", "The Microsoft integration is switched off here."});
}

void Execution::read(Call& call, const Operation& operation) const {
  auto reading = read_query(http_server::parse_query(call.request.query()), operation.query, operation.page);
  if (!reading.mistakes.empty())
    throw Refused(
        {400, "query_invalid",
         "The query parameter '" + reading.mistakes[0].pointer + "' " + reading.mistakes[0].detail + ".",
         std::move(reading.mistakes)});
  call.query = std::move(reading.query);
  if (operation.body.empty()) return;
  if (call.request.body.empty()) {
    if (operation.body_optional) return;
    throw Refused(
        {400, "body_missing", "This takes a JSON body; see " + operation.body + " in /openapi.json."});
  }
  if (!is_json(call.request.header("Content-Type")))
    throw Refused({415, "content_type_unsupported", "The body must come as application/json."});
  auto body = parse_json(call.request.body, {.bytes_max = operation.body_bytes_max, .unique_members = true});
  if (!body) throw Refused({400, body.error().code, body.error().message});
  const auto wrong = parts_.components.mistakes(operation.body, *body);
  if (!wrong.empty()) {
    Refusal refusal{400, "schema_violation",
                    "The body does not match " + operation.body + ": " +
                        (wrong[0].pointer.empty() ? "it" : wrong[0].pointer) + ": " + wrong[0].what};
    for (const auto& mistake : wrong)
      refusal.errors.push_back({mistake.pointer, mistake.what});
    throw Refused(std::move(refusal));
  }
  call.body = std::move(*body);
}

void Execution::perform(Errand& errand) const {
  Call& call = errand.call;
  const Route& route = *errand.route;
  if (!call.request.wanted()) return errand.leave();
  if (const auto found = call.path.find(organization_parameter); found != call.path.end())
    stand(call, route.operation, found->second);
  if (errand.head_only) return have_body_read(errand);
  read(call, route.operation);
  call.intent = crypto::new_uuid();
  const auto key_header = call.request.header("Idempotency-Key");
  if (call.request.method != "POST" || key_header.empty()) return errand.answer(route.handle(call));
  const IdempotentRequest request{call.caller.identity(), route.operation.id, idempotency_key(key_header),
                                  crypto::sha256_hex(call.request.target + "\n" + call.request.body)};
  errand.answer(answer_once(parts_.database, request, [&](const Uuid& intent) {
    call.intent = intent;
    return route.handle(call);
  }));
}

void Execution::stand(Call& call, const Operation& operation, const std::string& organization) const {
  const auto id = Uuid::parse(organization);
  if (!id)
    throw Refused(
        {400, "path_invalid", "The organization in the path is no UUID.", {{"organization", "is no UUID"}}});
  auto found = find_standing(parts_.database, *id, call.caller);
  const auto verdict = found ? judge(operation.access, found->standing) : Verdict::invisible;
  if (verdict == Verdict::invisible)
    throw Refused({404, "organization_not_found", "There is no organization with this id that you may see."});
  if (verdict == Verdict::forbidden)
    throw Refused({403, "role_missing",
                   "This takes an administrator of the organization, by its roster, or the app role " +
                       std::string(operator_role) + "."});
  call.organization = std::move(found->organization);
}

}  // namespace rollcall::front
