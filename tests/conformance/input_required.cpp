/// Tools that need more of the client before they answer: what they know meanwhile is kept by the client,
/// sealed.
#include "tests/conformance/fixtures.h"

namespace rollcall::mcp_conformance {
namespace {

using front::mcp::ExchangePtr;
using front::mcp::Seal;
using front::mcp::Tool;

constexpr auto state_lasts = std::chrono::minutes(10);

Json elicit(const char* message, const char* field, const char* type = "string") {
  return {{"method", "elicitation/create"},
          {"params",
           {{"message", message},
            {"requestedSchema",
             {{"type", "object"}, {"properties", {{field, {{"type", type}}}}}, {"required", {field}}}}}}};
}
Json sample(const char* text, int tokens) {
  return {{"method", "sampling/createMessage"},
          {"params",
           {{"messages", Json::array({{{"role", "user"}, {"content", text_content(text)}}})},
            {"maxTokens", tokens}}}};
}
Json list_roots() {
  return {{"method", "roots/list"}, {"params", Json::object()}};
}

/// The client's answer to the question of this name; null where it gave none that could be one.
Json answer_to(const ExchangePtr& exchange, const char* key) {
  const auto answers = exchange->params().find("inputResponses");
  if (answers == exchange->params().end() || !answers->is_object()) return nullptr;
  const auto found = answers->find(key);
  return found != answers->end() && found->is_object() ? *found : Json(nullptr);
}
std::string field_of(const Json& answer, const char* name) {
  return answer.contains("content") ? text_member(answer["content"], name) : "";
}

void require_input(const ExchangePtr& exchange, Json requests, const std::string& state = {}) {
  Json result = {{"resultType", "input_required"}, {"inputRequests", std::move(requests)}};
  if (!state.empty()) result["requestState"] = state;
  exchange->finish(std::move(result));
}

std::string purpose_of(const ExchangePtr& exchange) {
  return "state of " + text_member(exchange->params(), "name");
}
/// What the client brings back; null where it brings none. Throws Failed where it is not what it was given.
Json state_of(const Seal& seal, const ExchangePtr& exchange) {
  const auto given = exchange->params().find("requestState");
  if (given == exchange->params().end()) return nullptr;
  auto state = given->is_string()
                   ? seal.open(purpose_of(exchange), exchange->principal(), given->get<std::string>())
                   : std::nullopt;
  if (!state)
    throw front::mcp::Failed(
        {front::mcp::rpc::invalid_params, "'requestState' is not what was given out, or too old."});
  return *state;
}
std::string new_state(const Seal& seal, const ExchangePtr& exchange, const Json& state) {
  return seal.seal(purpose_of(exchange), exchange->principal(), state, state_lasts);
}

/// Asks one question, and is done with its answer.
Tool question(const std::string& name, const char* key, const Json& request) {
  return tool("test_input_required_result_" + name, "Needs an answer of the client.",
              [key, request](const ExchangePtr& exchange, const Json&) {
                const auto answer = answer_to(exchange, key);
                if (answer.is_null()) return require_input(exchange, {{key, request}});
                exchange->finish(text_result("The answer: " + answer.dump()));
              });
}

/// The same with state that must come back.
Tool with_state(const Seal& seal, const std::string& name, const Json& requests, const std::string& said) {
  return tool("test_input_required_result_" + name, "Needs answers of the client, and its own state back.",
              [&seal, requests, said](const ExchangePtr& exchange, const Json&) {
                bool complete = !state_of(seal, exchange).is_null();
                for (const auto& [key, unused] : requests.items())
                  complete = complete && !answer_to(exchange, key.c_str()).is_null();
                if (complete) return exchange->finish(text_result(said));
                require_input(exchange, requests, new_state(seal, exchange, "asked"));
              });
}

Tool rounds(const Seal& seal) {
  return tool("test_input_required_result_multi_round", "Asks twice.",
              [&seal](const ExchangePtr& exchange, const Json&) {
                const auto state = state_of(seal, exchange);
                const auto name = answer_to(exchange, "step1"), color = answer_to(exchange, "step2");
                if (state.is_object() && !color.is_null())
                  return exchange->finish(
                      text_result(text_member(state, "name") + " likes " + field_of(color, "color")));
                if (!state.is_null() && !name.is_null())
                  return require_input(exchange,
                                       {{"step2", elicit("Step 2: What is your favorite color?", "color")}},
                                       new_state(seal, exchange, {{"name", field_of(name, "name")}}));
                require_input(exchange, {{"step1", elicit("Step 1: What is your name?", "name")}},
                              new_state(seal, exchange, "asked"));
              });
}

Tool by_capabilities(const Seal& seal) {
  return tool("test_input_required_result_capabilities", "Asks for what the client can do.",
              [&seal](const ExchangePtr& exchange, const Json&) {
                Json requests = Json::object();
                const auto& can = exchange->client_capabilities();
                if (can.contains("elicitation")) requests["elicit_input"] = elicit("Say something.", "value");
                if (can.contains("sampling")) requests["sample_input"] = sample("Sample request", 50);
                const bool answered = !answer_to(exchange, "elicit_input").is_null() ||
                                      !answer_to(exchange, "sample_input").is_null();
                if (answered || requests.empty()) return exchange->finish(text_result("capabilities-ok"));
                require_input(exchange, requests, new_state(seal, exchange, "asked"));
              });
}

}  // namespace

std::vector<Tool> input_required_tools(const Seal& seal) {
  const auto ask_name = elicit("What is your name?", "name");
  const auto confirm = elicit("Please confirm", "ok", "boolean");
  return {question("elicitation", "user_name", ask_name),
          question("sampling", "capital_question", sample("What is the capital of France?", 100)),
          question("list_roots", "client_roots", list_roots()),
          with_state(seal, "request_state", {{"confirm", confirm}}, "state-ok"),
          with_state(seal, "tampered_state", {{"confirm", confirm}}, "integrity-ok"),
          with_state(seal, "multiple_inputs",
                     {{"user_name", ask_name},
                      {"greeting", sample("Generate a greeting", 50)},
                      {"client_roots", list_roots()}},
                     "All three answered."),
          rounds(seal),
          by_capabilities(seal)};
}

front::mcp::Prompt input_required_prompt() {
  return {"test_input_required_result_prompt",
          "Needs an answer",
          "Asks what it is about.",
          {},
          [](const ExchangePtr& exchange, const Json&) {
            const auto answer = answer_to(exchange, "user_context");
            if (answer.is_null())
              return require_input(
                  exchange, {{"user_context", elicit("What context should the prompt use?", "context")}});
            exchange->finish(
                {{"messages", Json::array({{{"role", "user"},
                                            {"content", text_content("Prompt with context: " +
                                                                     field_of(answer, "context"))}}})}});
          }};
}

}  // namespace rollcall::mcp_conformance
