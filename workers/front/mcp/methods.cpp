#include "workers/front/mcp/methods.h"

#include <algorithm>
#include <charconv>

namespace rollcall::front::mcp {
namespace {

using namespace std::chrono_literals;

constexpr auto cursor_lasts = std::chrono::hours(24);
constexpr long list_kept_ms = 300'000;  // a list of ours changes with the program

[[noreturn]] void refuse(std::string what, Json data = nullptr) {
  throw Failed({rpc::invalid_params, std::move(what), std::move(data)});
}

std::string text_param(const Exchange& exchange, const char* name) {
  const auto found = exchange.params().find(name);
  if (found == exchange.params().end() || !found->is_string())
    refuse(std::string("'") + name + "' is missing, or no text.");
  return found->get<std::string>();
}

Json object_param(const Exchange& exchange, const char* name) {
  const auto found = exchange.params().find(name);
  if (found == exchange.params().end() || found->is_null()) return Json::object();
  if (!found->is_object()) refuse(std::string("'") + name + "' must be an object.");
  return *found;
}

// ---- Pages.

/// Where the page begins that "cursor" names; empty: at the beginning.
std::string position_of(const Serving& serving, const Exchange& exchange) {
  const auto cursor = exchange.params().find("cursor");
  if (cursor == exchange.params().end()) return {};
  const auto state = cursor->is_string()
                         ? serving.seal.open("cursor " + exchange.method(), exchange.principal(),
                                             cursor->get_ref<const std::string&>())
                         : std::nullopt;
  if (!state || !state->is_string()) refuse("'cursor' is none that this list gave out to you.");
  return state->get<std::string>();
}

Json page_result(const Serving& serving, const Exchange& exchange, const char* name, Json items,
                 const std::string& next) {
  Json result = {{name, std::move(items)}};
  if (!next.empty())
    result["nextCursor"] =
        serving.seal.seal("cursor " + exchange.method(), exchange.principal(), next, cursor_lasts);
  return result;
}

/// A list that is the same for everyone.
template <class Items, class Body>
void list(const Serving& serving, Exchange& exchange, const char* name, const Items& items, Body body) {
  const auto position = position_of(serving, exchange);
  std::size_t first = 0;
  std::from_chars(position.data(), position.data() + position.size(), first);
  const std::size_t last = std::min(first + serving.options.page, items.size());
  Json page = Json::array();
  for (std::size_t i = std::min(first, last); i < last; ++i)
    page.push_back(body(items[i]));
  Json result =
      page_result(serving, exchange, name, std::move(page), last < items.size() ? std::to_string(last) : "");
  result["ttlMs"] = list_kept_ms;
  result["cacheScope"] = "public";
  exchange.finish(std::move(result));
}

// ---- Who we are.

Json capabilities_of(const Features& features, Era era) {
  Json capabilities = Json::object();
  if (!features.tools.empty()) capabilities["tools"] = Json::object();
  if (!features.prompts.empty()) capabilities["prompts"] = Json::object();
  if (features.read_resource) capabilities["resources"] = Json::object();
  if (features.complete) capabilities["completions"] = Json::object();
  if (era == Era::modern) return capabilities;
  if (features.logging) capabilities["logging"] = Json::object();
  if (features.subscribe) capabilities["resources"]["subscribe"] = true;
  return capabilities;
}

void initialize(const Serving& serving, const ExchangePtr& exchange) {
  Json result = {{"protocolVersion", exchange->version()},
                 {"capabilities", capabilities_of(serving.features, Era::legacy)},
                 {"serverInfo", server_info_body(serving.features.info)}};
  if (!serving.features.instructions.empty()) result["instructions"] = serving.features.instructions;
  exchange->finish(std::move(result));
}

void discover(const Serving& serving, const ExchangePtr& exchange) {
  Json result = {{"supportedVersions", {modern_version}},
                 {"capabilities", capabilities_of(serving.features, Era::modern)},
                 {"ttlMs", list_kept_ms},
                 {"cacheScope", "public"}};
  if (!serving.features.instructions.empty()) result["instructions"] = serving.features.instructions;
  exchange->finish(std::move(result));
}

void nothing(const Serving& /*serving*/, const ExchangePtr& exchange) {
  exchange->finish(Json::object());
}

// ---- Tools.

void list_tools(const Serving& serving, const ExchangePtr& exchange) {
  list(serving, *exchange, "tools", serving.features.tools, tool_body);
}

/// With the tool that is called and what it is called with.
std::pair<const Tool*, Json> find_tool(const Serving& serving, const ExchangePtr& exchange) {
  const auto name = text_param(*exchange, "name");
  const auto arguments = object_param(*exchange, "arguments");
  const auto& tools = serving.features.tools;
  const auto tool = std::ranges::find(tools, name, &Tool::name);
  if (tool == tools.end()) refuse("There is no tool '" + name + "' here; tools/list says which there are.");
  if (exchange->era() == Era::modern) {
    const auto header = [&](std::string_view header_name) {
      return exchange->call().request.header(header_name);
    };
    if (auto refusal = check_param_headers(tool->input_schema, arguments, header)) throw Failed(*refusal);
  }
  return {&*tool, arguments};
}

void call_tool(const Serving& serving, const ExchangePtr& exchange) {
  std::pair<const Tool*, Json> found;
  try {
    found = find_tool(serving, exchange);
  } catch (const Failed& failed) {
    if (!serving.features.tool_refused) throw;
    return serving.features.tool_refused(exchange,
                                         [exchange, error = failed.error()] { exchange->fail(error); });
  }
  found.first->call(exchange, found.second);
}

// ---- Prompts.

Json prompt_body(const Prompt& prompt) {
  Json body = {{"name", prompt.name}, {"title", prompt.title}, {"description", prompt.description}};
  Json arguments = Json::array();
  for (const auto& argument : prompt.arguments)
    arguments.push_back(
        {{"name", argument.name}, {"description", argument.description}, {"required", argument.required}});
  if (!arguments.empty()) body["arguments"] = std::move(arguments);
  return body;
}

void list_prompts(const Serving& serving, const ExchangePtr& exchange) {
  list(serving, *exchange, "prompts", serving.features.prompts, prompt_body);
}

void get_prompt(const Serving& serving, const ExchangePtr& exchange) {
  const auto name = text_param(*exchange, "name");
  const auto arguments = object_param(*exchange, "arguments");
  const auto& prompts = serving.features.prompts;
  const auto prompt = std::ranges::find(prompts, name, &Prompt::name);
  if (prompt == prompts.end()) refuse("There is no prompt '" + name + "' here.");
  for (const auto& argument : prompt->arguments)
    if (argument.required && text_member(arguments, argument.name.c_str()).empty())
      refuse("The prompt needs the argument '" + argument.name + "', as text.");
  prompt->get(exchange, arguments);
}

// ---- Resources.

void list_resources(const Serving& serving, const ExchangePtr& exchange) {
  serving.features.list_resources(
      exchange, position_of(serving, *exchange),
      [&serving, exchange](Json resources, const std::string& next) {
        exchange->finish(page_result(serving, *exchange, "resources", std::move(resources), next));
      });
}

void list_templates(const Serving& serving, const ExchangePtr& exchange) {
  list(serving, *exchange, "resourceTemplates", serving.features.resource_templates,
       [](const Json& body) { return body; });
}

void read_resource(const Serving& serving, const ExchangePtr& exchange) {
  serving.features.read_resource(exchange, text_param(*exchange, "uri"));
}

void complete(const Serving& serving, const ExchangePtr& exchange) {
  const auto ref = object_param(*exchange, "ref");
  const auto argument = object_param(*exchange, "argument");
  const auto type = text_member(ref, "type");
  if (type != "ref/prompt" && type != "ref/resource") refuse("'ref' must be a ref/prompt or a ref/resource.");
  if (!argument.contains("name")) refuse("'argument' needs a 'name'.");
  const auto& prompts = serving.features.prompts;
  if (type == "ref/prompt" &&
      std::ranges::find(prompts, text_member(ref, "name"), &Prompt::name) == prompts.end())
    refuse("There is no prompt '" + text_member(ref, "name") + "' here.");
  serving.features.complete(exchange, ref, text_member(argument, "name"), text_member(argument, "value"));
}

// ---- The table.

struct Method {
  std::string_view name;
  bool legacy, modern;
  bool (*offered)(const Features&);
  void (*run)(const Serving&, const ExchangePtr&);
};

bool always(const Features& /*features*/) {
  return true;
}
bool with_tools(const Features& features) {
  return !features.tools.empty();
}
bool with_prompts(const Features& features) {
  return !features.prompts.empty();
}
bool with_resources(const Features& features) {
  return static_cast<bool>(features.read_resource);
}
bool with_completion(const Features& features) {
  return static_cast<bool>(features.complete);
}
bool with_logging(const Features& features) {
  return features.logging;
}
bool with_subscribe(const Features& features) {
  return features.subscribe;
}

constexpr Method methods[] = {
    {"server/discover", false, true, always, discover},
    {"initialize", true, false, always, initialize},
    {"ping", true, false, always, nothing},
    {"tools/list", true, true, with_tools, list_tools},
    {"tools/call", true, true, with_tools, call_tool},
    {"prompts/list", true, true, with_prompts, list_prompts},
    {"prompts/get", true, true, with_prompts, get_prompt},
    {"resources/list", true, true, with_resources, list_resources},
    {"resources/templates/list", true, true, with_resources, list_templates},
    {"resources/read", true, true, with_resources, read_resource},
    {"completion/complete", true, true, with_completion, complete},
    {"logging/setLevel", true, false, with_logging, nothing},
    {"resources/subscribe", true, false, with_subscribe, nothing},
    {"resources/unsubscribe", true, false, with_subscribe, nothing},
};

const Method* find_method(const Serving& serving, std::string_view name, Era era) {
  const auto* found = std::ranges::find(methods, name, &Method::name);
  if (found == std::end(methods) || !(era == Era::legacy ? found->legacy : found->modern)) return nullptr;
  return found->offered(serving.features) ? found : nullptr;
}

}  // namespace

bool has_method(const Serving& serving, std::string_view method, Era era) {
  return find_method(serving, method, era) != nullptr;
}

void run_method(const Serving& serving, const ExchangePtr& exchange) {
  const auto* method = find_method(serving, exchange->method(), exchange->era());
  if (!method) throw Failed({rpc::method_not_found, "There is no method '" + exchange->method() + "' here."});
  method->run(serving, exchange);
}

}  // namespace rollcall::front::mcp
