#pragma once
#include "workers/front/mcp/exchange.h"
#include "workers/front/mcp/seal.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A server of the Model Context Protocol: what it offers is handed to it, the protocol is its own.
namespace rollcall::front::mcp {

struct Tool {
  std::string name = {}, title = {}, description = {};
  Json input_schema = {{"type", "object"}, {"additionalProperties", false}};
  Json output_schema = nullptr;  ///< null: none
  Json annotations = nullptr;
  /// Answers by exchange->finish() with a CallToolResult, or fail(); may throw Failed.
  std::function<void(const ExchangePtr& exchange, const Json& arguments)> call = {};
};

struct Prompt {
  struct Argument {
    std::string name = {}, description = {};
    bool required = true;
  };
  std::string name = {}, title = {}, description = {};
  std::vector<Argument> arguments = {};
  std::function<void(const ExchangePtr& exchange, const Json& arguments)> get = {};
};

/// What a server offers. Immutable once served.
struct Features {
  ServerInfo info = {};
  std::string instructions = {};
  std::vector<Tool> tools = {};
  std::vector<Prompt> prompts = {};
  Json resource_templates = Json::array();
  /// A page of resources: `position` is what an earlier page gave as `next`. Answers through `page`.
  using ResourcePage = std::function<void(Json resources, std::string next)>;
  std::function<void(const ExchangePtr&, const std::string& position, ResourcePage page)> list_resources = {};
  /// Answers by exchange->finish({"contents": …}); a URI that names nothing by resource_missing().
  std::function<void(const ExchangePtr&, const std::string& uri)> read_resource = {};
  /// Values for an argument of a prompt or a template.
  std::function<void(const ExchangePtr&, const Json& ref, const std::string& name, const std::string& begun)>
      complete = {};
  /// Where set: has every call of a tool that is refused before the tool has it; `then` refuses it.
  std::function<void(const ExchangePtr&, std::function<void()> then)> tool_refused = {};
  // Of the legacy era alone:
  bool logging = false;    ///< logging/setLevel
  bool subscribe = false;  ///< resources/subscribe and unsubscribe
};

/// A tool as tools/list gives it.
Json tool_body(const Tool& tool);
/// There is no such resource, or it is not the caller's to see.
Failed resource_missing(const Exchange& exchange, const std::string& uri);

struct ServerOptions {
  std::string public_root = {};           ///< whose origin may call; empty: not known
  std::vector<std::string> origins = {};  ///< more of them
  std::string key = {};                   ///< of Seal
  std::size_t page = 100;                 ///< tools and prompts on one
  std::chrono::seconds session_lasts = std::chrono::hours(24);
};

class Server {
 public:
  Server(Features features, ServerOptions options, const Clock& clock);
  ~Server();

  /// A POST to the endpoint, by a caller who is known.
  void post(Call call, Respond respond) const;
  [[nodiscard]] const Features& features() const;
  [[nodiscard]] const Seal& seal() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace rollcall::front::mcp
