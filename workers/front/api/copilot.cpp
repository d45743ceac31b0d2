#include "common/runs/blocks.h"
#include "workers/front/api/agents.h"
#include "workers/front/api/document.h"
#include "workers/front/core/copilot_actions.h"
#include "workers/front/core/sanitize.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

/// The broker of Copilot's actions: who calls is known by the token, the call stands in ops.runs, its
/// operation is performed as the interface's own, what came of it is on record, and Copilot gets of the
/// answer what its schema names.
namespace rollcall::front {
namespace {

constexpr const char* surface = "copilot";
constexpr const char* tag = "copilot";
const AnswerShape not_there = {404, "Problem", "What it names is not there, or not the caller's to see.",
                               "application/problem+json"};
const std::string actions_path = "/copilot/v1/actions";

struct Broker {
  AgentParts agents;
  const schema::Validator& components;
  std::map<std::string, Json> schemas;  ///< all components
};

/// A call on its way through the broker.
struct Asked {
  std::shared_ptr<const Broker> broker;
  const CopilotAction* action = nullptr;
  Call call;
  Json parameters;
  std::string pointer;  ///< to the parameters, in the body
  Respond respond;
};
using AskedPtr = std::shared_ptr<Asked>;

AgentCall record_of(const Broker& broker, const CopilotAction* action, const Call& call,
                    const Json& parameters) {
  const Json schema = action ? broker.schemas.at(std::string(action->parameters)) : Json();
  return {.surface = surface,
          .operation = action ? std::string(action->id) : unknown_operation,
          .caller = call.caller,
          .parameters_hash = runs::parameters_hash(sanitized(parameters, schema)),
          .traceparent = kept_traceparent(call.traceparent)};
}

void refuse(const AskedPtr& asked, const Refusal& refusal) {
  const auto answer = problem_answer(refusal, asked->call.request_id);
  asked->broker->agents.ledger.refuse(
      record_of(*asked->broker, asked->action, asked->call, asked->parameters), settlement_of(answer),
      [asked, answer] { asked->respond(answer); });
}

/// What is wrong with the parameters, beyond what the operation itself will say.
std::optional<Refusal> mistake_in(const Asked& asked) {
  const auto wrong =
      asked.broker->components.mistakes(std::string(asked.action->parameters), asked.parameters);
  Refusal refusal{400, "schema_violation", ""};
  for (const auto& mistake : wrong)
    refusal.errors.push_back({asked.pointer + mistake.pointer, mistake.what});
  if (wrong.empty()) {
    const auto field = unknown_field(*asked.action, asked.parameters);
    if (field.empty()) return std::nullopt;
    refusal.errors.push_back(
        {asked.pointer + "/fields", "'" + field + "' is no field of " + std::string(asked.action->item)});
  }
  refusal.detail = "The parameters do not match " + std::string(asked.action->parameters) + ": " +
                   refusal.errors[0].pointer + ": " + refusal.errors[0].detail;
  return refusal;
}

/// What Copilot gets of the operation's answer; a refusal as it is.
Response answer_of(const Asked& asked, Response inner) {
  if (inner.status >= 400) return inner;
  const Json answer =
      asked.action->answered(Json::parse(inner.body), asked.parameters, asked.call.public_root);
  return json_answer(inner.status, answer);
}

void carry_out(const AskedPtr& asked, const BegunCall& begun) {
  auto request = asked->action->request(asked->parameters);
  const Call& call = asked->call;
  Invocation invocation{.operation_id = std::move(request.operation_id),
                        .caller = call.caller,
                        .request_id = call.request_id,
                        .traceparent = call.traceparent,
                        .public_root = call.public_root,
                        .path = std::move(request.path),
                        .query = std::move(request.query),
                        .body = std::move(request.body)};
  if (asked->action->changes) invocation.idempotency_key = call.request.header("Idempotency-Key");
  asked->broker->agents.operations.invoke(std::move(invocation), [asked, begun](Response inner) {
    Response answer;
    try {
      answer = answer_of(*asked, std::move(inner));
    } catch (...) {
      answer =
          problem_answer(refusal_for(std::current_exception(), asked->call.request_id, asked->action->id),
                         asked->call.request_id);
    }
    asked->broker->agents.ledger.settle(begun, settlement_of(answer),
                                        [asked, answer] { asked->respond(answer); });
  });
}

void perform(const AskedPtr& asked) {
  if (const auto mistake = mistake_in(*asked)) return refuse(asked, *mistake);
  asked->broker->agents.ledger.begin(
      record_of(*asked->broker, asked->action, asked->call, asked->parameters),
      [asked](const BegunCall& begun, const std::exception_ptr& failed) {
        if (!failed) return carry_out(asked, begun);
        // Nothing is done that is not on record.
        asked->respond(problem_answer(refusal_for(failed, asked->call.request_id, asked->action->id),
                                      asked->call.request_id));
      });
}

/// The one with an envelope.
void perform_envelope(const AskedPtr& asked) {
  const Json& body = asked->call.body;
  const std::string operation = body.at("operation");
  asked->action = find_copilot_action(operation);
  asked->parameters = body.value("parameters", Json::object());
  asked->pointer = "/parameters";
  if (!asked->action)
    return refuse(asked, {400,
                          "action_unknown",
                          "There is no action of this name.",
                          {{"/operation", "is none of Copilot's actions"}}});
  const auto& caller = asked->call.caller;
  if (body.contains("caller_identity") &&
      !is_caller(body["caller_identity"].get<std::string>(), caller.identity(), caller.names))
    return refuse(asked, {403,
                          "caller_identity_mismatch",
                          "The caller is who the token says, and the body says another.",
                          {{"/caller_identity", "is not the token's"}}});
  perform(asked);
}

/// A query has text alone: what the schema calls a number becomes one.
Json parameters_of(const Call& call, const std::vector<QueryParameter>& declared) {
  Json parameters = Json::object();
  for (const auto& one : declared) {
    if (!call.query.has(one.name)) continue;
    if (one.type == ParameterType::integer)
      parameters[one.name] = call.query.integer(one.name, 0);
    else
      parameters[one.name] = call.query.text(one.name);
  }
  return parameters;
}

QueryParameter query_parameter(const std::string& name, const Json& schema) {
  QueryParameter parameter{.name = name, .help = schema.at("description")};
  if (schema.contains("enum")) {
    parameter.type = ParameterType::one_of;
    parameter.choices = schema["enum"];
  } else if (schema.at("type") == "integer") {
    parameter.type = ParameterType::integer;
    parameter.min = schema.at("minimum");
    parameter.max = schema.at("maximum");
  } else {
    const std::string format = schema.value("format", "");
    parameter.type = format == "uuid"        ? ParameterType::uuid
                     : format == "date-time" ? ParameterType::time
                                             : ParameterType::text;
    parameter.text_max = schema.at("maxLength");
  }
  return parameter;
}

/// The same for all of them. `action` may be null: then it is not known before the body is.
Route route_of(const std::shared_ptr<const Broker>& broker, const CopilotAction* action,
               Operation operation) {
  Route route;
  route.operation = std::move(operation);
  route.operation.tag = tag;
  route.for_agents = true;
  route.people_only = true;
  route.turned_away = [broker, action](const Call& call, Response answer, Respond respond) {
    const auto how = settlement_of(answer);
    broker->agents.ledger.refuse(
        record_of(*broker, action, call, Json::object()), how,
        [answer = std::move(answer), respond = std::move(respond)] { respond(answer); });
  };
  return route;
}

Route envelope_route(const std::shared_ptr<const Broker>& broker) {
  auto route = route_of(broker, nullptr,
                        {.method = "POST",
                         .path = actions_path,
                         .id = "call_copilot_action",
                         .summary = "One of Copilot's actions, by its name.",
                         .body = "CopilotAction",
                         .answers = {{200, "CopilotAnswer", "What the action answers."},
                                     {202, "CopilotScanJob", "The scan was accepted."},
                                     not_there}});
  route.begin = [broker](Call call, Respond respond) {
    perform_envelope(
        std::make_shared<Asked>(broker, nullptr, std::move(call), Json(), "", std::move(respond)));
  };
  return route;
}

Route action_route(const std::shared_ptr<const Broker>& broker, const CopilotAction& action) {
  Operation operation{.method = action.changes ? "POST" : "GET",
                      .path = actions_path + "/" + std::string(action.id),
                      .id = std::string(action.id),
                      .summary = std::string(action.summary)};
  const std::string answer(action.answer);
  const Json& schema = broker->schemas.at(std::string(action.parameters));
  if (action.changes) {
    operation.body = action.parameters;
    operation.body_optional = !schema.contains("required");
  } else {
    for (const auto& [name, one] : schema.at("properties").items())
      operation.query.push_back(query_parameter(name, one));
  }
  // A scan is a job, and only begun by then.
  operation.answers = {{answer == "CopilotScanJob" ? 202 : 200, answer, "What the action answers."}};
  if (action.changes) operation.answers.push_back(not_there);
  auto route = route_of(broker, &action, std::move(operation));
  route.begin = [broker, &action, declared = route.operation.query](Call call, Respond respond) {
    Json parameters =
        action.changes ? (call.body.is_null() ? Json::object() : call.body) : parameters_of(call, declared);
    perform(std::make_shared<Asked>(broker, &action, std::move(call), std::move(parameters), "",
                                    std::move(respond)));
  };
  return route;
}

}  // namespace

Settlement settlement_of(const Response& answer) {
  const auto body = parse_json(answer.body);
  return settlement_of(answer.status, body ? *body : Json());
}

Settlement settlement_of(int status, const Json& body) {
  Settlement how{.status = status};
  if (status >= 400) {
    how.code = text_member(body, "code");
    if (how.code.empty()) how.code = "internal";
  }
  for (const char* items : {"results", "value"})
    if (const auto found = body.find(items); found != body.end() && found->is_array())
      how.items = static_cast<long>(found->size());
  return how;
}

std::string kept_traceparent(const std::string& traceparent) {
  const bool sound = traceparent.size() == 55 && std::ranges::all_of(traceparent, [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
                     });
  return sound ? traceparent : std::string();
}

Routes copilot_routes(Parts& parts, const AgentParts& agents) {
  const auto broker = std::make_shared<const Broker>(Broker{agents, *parts.components, openapi_components()});
  Routes routes{envelope_route(broker)};
  for (const auto& action : copilot_actions())
    routes.push_back(action_route(broker, action));
  return routes;
}

}  // namespace rollcall::front
