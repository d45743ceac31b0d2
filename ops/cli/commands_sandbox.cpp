#include "common/http_client/client.h"
#include "ops/cli/commands.h"

#include <initializer_list>
#include <map>

namespace rollcall::cli {
namespace {

Json ask(Context& context, const std::string& method, const std::string& path, const Json& body = nullptr) {
  std::string root = context.required("MS_GRAPH_URL", "http://localhost:8082");
  while (root.ends_with('/'))
    root.pop_back();
  // Nothing of this sort must ever be sent to the real service.
  if (root.find("microsoft.") != std::string::npos)
    throw Failure(refused, "not_the_sandbox", "MS_GRAPH_URL names Microsoft itself: " + root);
  http_client::CurlTransport transport;
  http_client::Request request;
  request.method = method;
  request.url = root + path;
  request.timeout = std::chrono::seconds(30);
  if (!body.is_null()) {
    request.headers = {{"Content-Type", "application/json"}};
    request.body = dump(body);
  }
  const auto response = transport.send(std::move(request));
  if (response.status == 0)
    throw Failure(unreachable, "sandbox_unreachable", "no answer from " + root + ": " + response.error);
  if (response.status == 404)
    throw Failure(refused, "not_the_sandbox", root + " is not the sandbox: it knows no " + path);
  if (response.status >= 300)
    throw Failure(failed, "sandbox_failed",
                  path + " answered " + std::to_string(response.status) + ": " +
                      printable(response.body.substr(0, 300)));
  const auto json = parse_json(response.body);
  return json ? *json : Json::object();
}

void print(Output& output, const Json& value, const std::string& prefix) {
  for (const auto& [name, item] : value.items()) {
    if (item.is_object()) {
      print(output, item, prefix + name + ".");
    } else {
      output.line(prefix + printable(name) + "  " + printable(dump(item)));
    }
  }
}

/// What POST /sandbox/token is to be told: by the options, else as Rollcall's own settings would have it.
Json token_wanted(const Context& context, const Arguments& arguments) {
  const auto set = [&](const char* name) { return context.environment()(name).value_or(""); };
  const auto first = [](std::initializer_list<std::string> choices) {
    for (const auto& one : choices)
      if (!one.empty()) return one;
    return std::string{};
  };
  const std::string audiences = set("ROLLCALL_API_AUDIENCE");
  Json wanted{{"app", arguments.application},
              {"lifetime_s", arguments.lifetime_seconds},
              {"user", arguments.user},
              {"tenant", first({arguments.tenant, set("MS_AUTH_TENANT_ID")})},
              {"client_id", first({arguments.client, set("MS_AUTH_CLIENT_ID")})},
              {"audience", first({arguments.audience, audiences.substr(0, audiences.find(',')),
                                  set("MS_AUTH_CLIENT_ID")})},
              {"scopes", arguments.scopes},
              {"roles", arguments.roles}};
  const std::string scope = set("ROLLCALL_API_SCOPE");
  if (arguments.scopes.empty() && !arguments.application && !scope.empty())
    wanted["scopes"] = Json::array({scope});
  std::erase_if(wanted.get_ref<Json::object_t&>(), [](const auto& member) {
    return member.second == "" || member.second == Json::array();  // left to the sandbox
  });
  return wanted;
}

}  // namespace

int sandbox_reset(Context& context, const Arguments&) {
  ask(context, "POST", "/sandbox/reset");
  context.output.document({{"reset", true}});
  context.output.line("the sandbox is empty again");
  return done;
}

int sandbox_stats(Context& context, const Arguments&) {
  const Json stats = ask(context, "GET", "/sandbox/stats");
  context.output.document(stats);
  if (!context.output.json()) print(context.output, stats, "");
  return done;
}

int sandbox_token(Context& context, const Arguments& arguments) {
  const Json made = ask(context, "POST", "/sandbox/token", token_wanted(context, arguments));
  context.output.document(made);
  if (!context.output.json()) context.output.line(made.value("access_token", ""));
  return done;
}

}  // namespace rollcall::cli
