#include "tests/conformance/fixtures.h"

#include <thread>

namespace rollcall::mcp_conformance {
namespace {

using front::mcp::ExchangePtr;
using front::mcp::Features;
using front::mcp::Prompt;
using front::mcp::Tool;
using namespace std::chrono_literals;

// A red pixel, and a WAV file without samples.
const char* const png =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const char* const wav = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

Json result(Json content) {
  return {{"content", Json::array({std::move(content)})}};
}
Json image_content() {
  return {{"type", "image"}, {"data", png}, {"mimeType", "image/png"}};
}
Json resource_content(const std::string& uri, const std::string& type, const std::string& text) {
  return {{"type", "resource"}, {"resource", {{"uri", uri}, {"mimeType", type}, {"text", text}}}};
}

/// What says nothing but its result.
Tool constant(const std::string& name, const std::string& description, const Json& answer) {
  return tool(name, description,
              [answer](const ExchangePtr& exchange, const Json&) { exchange->finish(answer); });
}

std::vector<Tool> contents() {
  return {
      constant("test_simple_text", "Answers with text.",
               text_result("This is a simple text response for testing.")),
      constant("test_image_content", "Answers with an image.", result(image_content())),
      constant("test_audio_content", "Answers with sound.",
               result({{"type", "audio"}, {"data", wav}, {"mimeType", "audio/wav"}})),
      constant("test_embedded_resource", "Answers with a resource.",
               result(resource_content("test://embedded-resource", "text/plain",
                                       "This is an embedded resource content."))),
      constant("test_multiple_content_types", "Answers with text, an image and a resource.",
               {{"content",
                 {text_content("Multiple content types test:"), image_content(),
                  resource_content("test://mixed-content-resource", "application/json",
                                   R"({"test":"data","value":123})")}}}),
      constant("test_error_handling", "Fails.",
               {{"content", {text_content("This tool intentionally returns an error for testing")}},
                {"isError", true}}),
  };
}

// ---- What takes a while.

/// Runs `work` beside the server's thread, which must not wait.
void later(const ExchangePtr& exchange, std::function<void()> work) {
  std::thread([exchange, work = std::move(work)] { exchange->guarded(work); }).detach();
}

void say(const ExchangePtr& exchange, const char* text) {
  exchange->notify("notifications/message", {{"level", "info"}, {"data", text}});
}

std::vector<Tool> slow() {
  return {
      tool("test_tool_with_progress", "Tells its progress.",
           [](const ExchangePtr& exchange, const Json&) {
             later(exchange, [exchange] {
               for (const int done : {0, 50, 100}) {
                 exchange->progress(done, 100, "Completed step " + std::to_string(done) + " of 100");
                 std::this_thread::sleep_for(50ms);
               }
               exchange->finish(text_result("done"));
             });
           }),
      tool("test_tool_with_logging", "Logs what it does.",
           [](const ExchangePtr& exchange, const Json&) {
             later(exchange, [exchange] {
               for (const char* text :
                    {"Tool execution started", "Tool processing data", "Tool execution completed"}) {
                 say(exchange, text);
                 std::this_thread::sleep_for(50ms);
               }
               exchange->finish(text_result("Tool with logging executed successfully"));
             });
           }),
      tool("test_logging_tool", "Logs where it was asked to.",
           [](const ExchangePtr& exchange, const Json&) {
             if (exchange->meta(front::mcp::meta_log_level).is_string()) say(exchange, "Logging evaluated");
             exchange->finish(text_result("Logging evaluated"));
           }),
      tool("test_streaming_elicitation", "Answers with a stream.",
           [](const ExchangePtr& exchange, const Json&) {
             exchange->progress(50, 100, "Half of it");
             exchange->finish(text_result("Streaming complete"));
           }),
      tool("test_missing_capability", "Needs a client that samples.",
           [](const ExchangePtr& exchange, const Json&) {
             exchange->require_capability("sampling");
             exchange->finish(text_result("Success"));
           }),
  };
}

// ---- What asks the client, as the legacy era does.

/// Asks, and answers with what the client says to it.
Tool asking(Tool made, const std::string& method, std::function<Json(const Json& arguments)> params) {
  made.call = [method, params = std::move(params)](const ExchangePtr& exchange, const Json& arguments) {
    const bool asked = exchange->ask(method, params(arguments), [exchange](const Json& response) {
      const auto answer = response.find("result");
      if (answer == response.end())
        return exchange->finish(text_result("The client refused: " + response["error"].dump()));
      const auto content = answer->value("content", Json::object());
      exchange->finish(text_result(
          "The client answered: action=" + answer->value("action", "accept") +
          ", content=" + (content.contains("text") ? content["text"].get<std::string>() : content.dump())));
    });
    if (!asked)
      exchange->finish({{"content", {text_content("This client cannot be asked.")}}, {"isError", true}});
  };
  return made;
}

Json argument_schema(const char* name) {
  return {{"type", "object"},
          {"properties", {{name, {{"type", "string"}}}}},
          {"required", {name}},
          {"additionalProperties", false}};
}

Json form(const char* message, Json properties, Json required = Json::array()) {
  return {{"message", message},
          {"requestedSchema",
           {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}}}};
}

Json choices(const char* prefix, const char* titles) {
  Json all = Json::array();
  int number = 0;
  for (const char* which : {"First ", "Second ", "Third "})
    all.push_back({{"const", prefix + std::to_string(++number)}, {"title", std::string(which) + titles}});
  return all;
}

Json form_of_defaults() {
  return form(
      "Please review and update the form fields with defaults",
      {{"name", {{"type", "string"}, {"description", "User name"}, {"default", "John Doe"}}},
       {"age", {{"type", "integer"}, {"description", "User age"}, {"default", 30}}},
       {"score", {{"type", "number"}, {"description", "User score"}, {"default", 95.5}}},
       {"status",
        {{"type", "string"},
         {"description", "User status"},
         {"enum", {"active", "inactive", "pending"}},
         {"default", "active"}}},
       {"verified", {{"type", "boolean"}, {"description", "Verification status"}, {"default", true}}}});
}

Json form_of_enums() {
  const Json options = {"option1", "option2", "option3"};
  return form("Please select options from the enum fields",
              {{"untitledSingle", {{"type", "string"}, {"description", "One"}, {"enum", options}}},
               {"titledSingle",
                {{"type", "string"}, {"description", "One, titled"}, {"oneOf", choices("value", "Option")}}},
               {"legacyEnum",
                {{"type", "string"},
                 {"description", "One, as before"},
                 {"enum", {"opt1", "opt2", "opt3"}},
                 {"enumNames", {"Option One", "Option Two", "Option Three"}}}},
               {"untitledMulti",
                {{"type", "array"},
                 {"description", "Some"},
                 {"minItems", 1},
                 {"maxItems", 3},
                 {"items", {{"type", "string"}, {"enum", options}}}}},
               {"titledMulti",
                {{"type", "array"},
                 {"description", "Some, titled"},
                 {"minItems", 1},
                 {"maxItems", 3},
                 {"items", {{"anyOf", choices("value", "Choice")}}}}}});
}

std::vector<Tool> askers() {
  const auto elicit = "elicitation/create";
  auto sampling = tool("test_sampling", "Has the client's model answer.", {});
  sampling.input_schema = argument_schema("prompt");
  auto elicitation = tool("test_elicitation", "Asks the person.", {});
  elicitation.input_schema = argument_schema("message");
  return {asking(sampling, "sampling/createMessage",
                 [](const Json& arguments) -> Json {
                   return {{"messages",
                            Json::array({{{"role", "user"},
                                          {"content", text_content(text_member(arguments, "prompt"))}}})},
                           {"maxTokens", 100}};
                 }),
          asking(elicitation, elicit,
                 [](const Json& arguments) {
                   return form(text_member(arguments, "message").c_str(),
                               {{"response", {{"type", "string"}, {"description", "User's response"}}}},
                               {"response"});
                 }),
          asking(tool("test_elicitation_sep1034_defaults", "Asks, with defaults.", {}), elicit,
                 [](const Json&) { return form_of_defaults(); }),
          asking(tool("test_elicitation_sep1330_enums", "Asks, with choices.", {}), elicit,
                 [](const Json&) { return form_of_enums(); })};
}

// ---- Schemas that must come through as they are, and headers that say what arguments say.

std::vector<Tool> schemas() {
  auto dialect = constant("json_schema_2020_12_tool", "Has a schema of many words.", text_result("called"));
  dialect.input_schema =
      Json::parse(R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
    "$defs":{"address":{"$anchor":"addressDef","type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"}}}},
    "properties":{"name":{"type":"string"},"address":{"$ref":"#/$defs/address"},"contactMethod":{"type":"string","enum":["phone","email"]},
      "phone":{"type":"string"},"email":{"type":"string"}},
    "allOf":[{"anyOf":[{"required":["phone"]},{"required":["email"]}]}],
    "if":{"properties":{"contactMethod":{"const":"phone"}},"required":["contactMethod"]},
    "then":{"required":["phone"]},"else":{"required":["email"]},"additionalProperties":false})");
  auto mirrored =
      constant("test_x_mcp_header", "Has an argument that a header repeats.", text_result("called"));
  mirrored.input_schema = argument_schema("region");
  mirrored.input_schema["properties"]["region"]["x-mcp-header"] = "Region";
  mirrored.input_schema.erase("required");
  return {dialect, mirrored};
}

// ---- Resources and prompts.

Json contents_of(const std::string& uri, const std::string& type, const char* member,
                 const std::string& what) {
  return {{"contents", Json::array({{{"uri", uri}, {"mimeType", type}, {member, what}}})}};
}

void read_resource(const ExchangePtr& exchange, const std::string& uri) {
  const std::string open = "test://template/", close = "/data";
  if (uri == "test://static-text")
    return exchange->finish(
        contents_of(uri, "text/plain", "text", "This is the content of the static text resource."));
  if (uri == "test://static-binary") return exchange->finish(contents_of(uri, "image/png", "blob", png));
  if (uri == "test://watched-resource")
    return exchange->finish(contents_of(uri, "text/plain", "text", "Watched resource content"));
  if (!uri.starts_with(open) || !uri.ends_with(close) || uri.size() <= open.size() + close.size())
    throw front::mcp::resource_missing(*exchange, uri);
  const auto id = uri.substr(open.size(), uri.size() - open.size() - close.size());
  exchange->finish(
      contents_of(uri, "application/json", "text",
                  Json{{"id", id}, {"templateTest", true}, {"data", "Data for ID: " + id}}.dump()));
}

Json user_messages(const std::vector<Json>& contents) {
  Json messages = Json::array();
  for (const auto& content : contents)
    messages.push_back({{"role", "user"}, {"content", content}});
  return {{"messages", messages}};
}

std::vector<Prompt> prompts() {
  std::vector<Prompt> all{
      {"test_simple_prompt",
       "Simple",
       "Without arguments.",
       {},
       [](const ExchangePtr& exchange, const Json&) {
         exchange->finish(user_messages({text_content("This is a simple prompt for testing.")}));
       }},
      {"test_prompt_with_arguments",
       "With arguments",
       "With two arguments.",
       {{"arg1", "The first."}, {"arg2", "The second."}},
       [](const ExchangePtr& exchange, const Json& arguments) {
         exchange->finish(
             user_messages({text_content("Prompt with arguments: arg1='" + text_member(arguments, "arg1") +
                                         "', arg2='" + text_member(arguments, "arg2") + "'")}));
       }},
      {"test_prompt_with_embedded_resource",
       "With a resource",
       "Embeds a resource.",
       {{"resourceUri", "Of the resource."}},
       [](const ExchangePtr& exchange, const Json& arguments) {
         exchange->finish(user_messages({resource_content(text_member(arguments, "resourceUri"), "text/plain",
                                                          "Embedded resource content for testing."),
                                         text_content("Please process the embedded resource above.")}));
       }},
      {"test_prompt_with_image",
       "With an image",
       "Has an image.",
       {},
       [](const ExchangePtr& exchange, const Json&) {
         exchange->finish(user_messages({image_content(), text_content("Please analyze the image above.")}));
       }}};
  all.push_back(input_required_prompt());
  return all;
}

Json resource(const char* uri, const char* name, const char* type) {
  return {
      {"uri", uri}, {"name", name}, {"description", std::string("The ") + name + "."}, {"mimeType", type}};
}

}  // namespace

Json text_content(const std::string& text) {
  return {{"type", "text"}, {"text", text}};
}

Json text_result(const std::string& text) {
  return result(text_content(text));
}

Tool tool(const std::string& name, const std::string& description,
          std::function<void(const ExchangePtr&, const Json&)> call) {
  Tool made;
  made.name = name;
  made.title = name;
  made.description = description;
  made.call = std::move(call);
  return made;
}

Features features(const front::mcp::Seal& seal) {
  Features all;
  all.info = {"rollcall-conformance", "Fixtures", ROLLCALL_VERSION};
  for (const auto& area : {contents(), slow(), askers(), schemas(), input_required_tools(seal)})
    all.tools.insert(all.tools.end(), area.begin(), area.end());
  all.prompts = prompts();
  all.resource_templates = Json::array({{{"uriTemplate", "test://template/{id}/data"},
                                         {"name", "template"},
                                         {"description", "By its id."},
                                         {"mimeType", "application/json"}}});
  all.list_resources = [](const ExchangePtr&, const std::string&, const Features::ResourcePage& page) {
    page({resource("test://static-text", "static-text", "text/plain"),
          resource("test://static-binary", "static-binary", "image/png"),
          resource("test://watched-resource", "watched-resource", "text/plain")},
         "");
  };
  all.read_resource = read_resource;
  all.complete = [](const ExchangePtr& exchange, const Json&, const std::string&, const std::string&) {
    exchange->finish({{"completion", {{"values", Json::array()}, {"total", 0}, {"hasMore", false}}}});
  };
  all.logging = all.subscribe = true;
  return all;
}

}  // namespace rollcall::mcp_conformance
