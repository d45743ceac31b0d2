#include "workers/front/mcp/server.h"

#include "common/core/lower.h"
#include "workers/front/mcp/methods.h"

#include <utility>

namespace rollcall::front::mcp {
namespace {

const char* const session_purpose = "session";

bool is_json(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' '))
    content_type.remove_suffix(1);
  return lower(content_type) == "application/json";
}

}  // namespace

struct Server::State {
  State(Features offered, ServerOptions given, const Clock& clock)
      : features(std::move(offered)), options(std::move(given)), seal(options.key, clock) {}

  [[nodiscard]] Serving serving() const { return {features, options, seal}; }

  struct Session {
    std::string version;
    Json capabilities = Json::object();
  };
  [[nodiscard]] std::optional<Session> session_of(const Call& call) const {
    const auto id = call.request.header("MCP-Session-Id");
    const auto state = id.empty() ? std::nullopt : seal.open(session_purpose, call.caller.identity(), id);
    if (!state) return std::nullopt;
    return Session{text_member(*state, "version"), state->value("capabilities", Json::object())};
  }

  /// What an initialize agrees on: the id of the session says it, so that nothing is to be remembered.
  [[nodiscard]] std::string new_session(const Exchange::Of& of) const {
    Json names = Json::object();  // of what the client can do: large declarations would make a large header
    for (const auto& [name, unused] : of.client_capabilities.items())
      if (names.size() < 16 && name.size() <= 32) names[name] = Json::object();
    return seal.seal(session_purpose, of.call.caller.identity(),
                     {{"version", of.version}, {"capabilities", std::move(names)}}, options.session_lasts);
  }

  void post(Call call, Respond respond) {
    if (!origin_allowed(call.request.header("Origin"), options.public_root, options.origins))
      throw Refused({403, "origin_not_allowed", "Pages of this origin may not call this."});
    if (!is_json(call.request.header("Content-Type")))
      throw Refused({415, "content_type_unsupported", "The body must come as application/json."});
    auto read = read_message(call.request.body);
    if (const auto* unreadable = std::get_if<Unreadable>(&read))
      return respond(json_answer(unreadable->error.status, error_message(unreadable->id, unreadable->error)));
    auto& message = std::get<Message>(read);
    const auto session = session_of(call);
    const auto reading = read_era(
        message, [&](std::string_view name) { return call.request.header(name); },
        session ? session->version : "");
    const auto refuse = [&](const RpcError& error) {
      respond(json_answer(status_of(error, reading.era), error_message(message.id, error)));
    };
    if (reading.refusal) return refuse(*reading.refusal);
    const bool names_session = !call.request.header("MCP-Session-Id").empty();
    if (reading.era == Era::legacy && names_session && !session && message.method != "initialize")
      return refuse(
          {rpc::invalid_request, "The session is not known, or has ended: initialize again.", nullptr, 404});
    switch (message.kind) {
      case Message::Kind::response:
        if (reading.era == Era::modern)
          return refuse(
              {rpc::invalid_request, "Answers are not taken here: send inputResponses with the request."});
        if (const auto asked = underway.find(asked_key(call, message)))
          asked->answered(std::move(message.answer));
        return respond({202, {}, {}});
      case Message::Kind::notification:
        if (reading.era == Era::legacy && message.method == "notifications/cancelled")
          take_back(call, message);
        return respond({202, {}, {}});
      case Message::Kind::request:
        return begin({.call = std::move(call),
                      .message = std::move(message),
                      .era = reading.era,
                      .version = reading.version,
                      .client_capabilities = session ? session->capabilities : Json::object()},
                     std::move(respond));
    }
  }

  void begin(Exchange::Of of, Respond respond) {
    const auto& params = of.message.params;
    if (of.era == Era::modern) {
      of.client_capabilities = params["_meta"][std::string(meta_capabilities)];
    } else if (of.message.method == "initialize") {
      of.version = negotiated_version(text_member(params, "protocolVersion"));
      if (const auto found = params.find("capabilities"); found != params.end() && found->is_object())
        of.client_capabilities = *found;
      of.session = new_session(of);
    } else {
      of.cancelled_as = request_key(of.call, of.message.id);
    }
    const auto key = of.cancelled_as;
    const auto exchange =
        std::make_shared<Exchange>(std::move(of), features.info, underway, std::move(respond));
    if (!key.empty()) underway.add(key, exchange);
    exchange->guarded([&] { run_method(serving(), exchange); });
  }

  static std::string request_key(const Call& call, const Json& id) {
    return call.caller.identity() + " " + std::string(call.request.header("MCP-Session-Id")) + " " + dump(id);
  }
  static std::string asked_key(const Call& call, const Message& message) {
    return call.caller.identity() + " asked " + dump(message.id);
  }

  void take_back(const Call& call, const Message& message) const {
    const auto id = message.params.find("requestId");
    if (id == message.params.end()) return;
    if (const auto exchange = underway.find(request_key(call, *id))) exchange->cancel();
  }

  Underway underway;  // first: what the features keep may be under way to the end
  const Features features;
  const ServerOptions options;
  const Seal seal;
};

Server::Server(Features features, ServerOptions options, const Clock& clock)
    : state_(std::make_shared<State>(std::move(features), std::move(options), clock)) {}

Server::~Server() = default;

void Server::post(Call call, Respond respond) const {
  state_->post(std::move(call), std::move(respond));
}

const Features& Server::features() const {
  return state_->features;
}

const Seal& Server::seal() const {
  return state_->seal;
}

Json tool_body(const Tool& tool) {
  Json body = {{"name", tool.name},
               {"title", tool.title},
               {"description", tool.description},
               {"inputSchema", tool.input_schema}};
  if (!tool.output_schema.is_null()) body["outputSchema"] = tool.output_schema;
  if (!tool.annotations.is_null()) body["annotations"] = tool.annotations;
  return body;
}

Failed resource_missing(const Exchange& exchange, const std::string& uri) {
  const int code = exchange.era() == Era::modern ? rpc::invalid_params : rpc::resource_not_found;
  return Failed({code, "There is no resource with this URI that you may read.", {{"uri", uri}}});
}

}  // namespace rollcall::front::mcp
