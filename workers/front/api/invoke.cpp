#include "workers/front/api/invoke.h"

#include "common/core/percent.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

namespace rollcall::front {
namespace {

/// The target that a request over HTTP would have. Throws Refused where the path wants for a parameter.
std::string target_of(const Operation& operation, const Invocation& invocation) {
  std::string target;
  std::string_view rest = operation.path;
  while (!rest.empty()) {
    const auto open = std::min(rest.find('{'), rest.size());
    target += rest.substr(0, open);
    rest.remove_prefix(open);
    if (rest.empty()) break;
    const std::string name(rest.substr(1, rest.find('}') - 1));
    rest.remove_prefix(name.size() + 2);
    const auto given = invocation.path.find(name);
    if (given == invocation.path.end() || given->second.empty())
      throw Refused({400, "path_invalid", "'" + name + "' is missing.", {{name, "is missing"}}});
    target += percent_encode(given->second);
  }
  char separator = '?';
  for (const auto& [name, value] : invocation.query) {
    target += separator + percent_encode(name) + '=' + percent_encode(value);
    separator = '&';
  }
  return target;
}

struct Invoked : Errand {
  std::shared_ptr<const void> routes;  ///< keeps its route
  Respond respond;

  void answer(Response response) override {
    if (respond) std::exchange(respond, nullptr)(std::move(response));
  }
  void leave() override { respond = nullptr; }
};

/// The request that says the same over HTTP, so that the two are read by the same code and an
/// Idempotency-Key stands for both.
http_server::Request request_of(const Operation& operation, Invocation& invocation) {
  http_server::Request request;
  request.method = operation.method;
  request.target = target_of(operation, invocation);
  request.headers = std::move(invocation.headers);
  if (!invocation.body.is_null()) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = dump(invocation.body);
  }
  if (!invocation.idempotency_key.empty())
    request.headers.emplace_back("Idempotency-Key", std::move(invocation.idempotency_key));
  request.unwanted = std::move(invocation.unwanted);
  return request;
}

}  // namespace

struct Operations::State {
  State(Routes all, Options chosen, Execution::Parts given)
      : routes(std::move(all)), options(chosen), execution(given) {
    for (const auto& route : routes)
      if (!by_id.emplace(route.operation.id, &route).second)
        throw std::logic_error("two operations are called " + route.operation.id);
  }

  [[nodiscard]] const Route* find(std::string_view id) const {
    const auto found = by_id.find(id);
    return found == by_id.end() ? nullptr : found->second;
  }

  const Routes routes;
  const Options options;
  const Execution execution;
  std::map<std::string_view, const Route*> by_id;
};

Operations::Operations(Routes routes, Options options, Execution::Parts parts)
    : state_(std::make_shared<const State>(std::move(routes), options, parts)) {}

const Operation* Operations::find(std::string_view id) const {
  const Route* route = state_->find(id);
  return route ? &route->operation : nullptr;
}

void Operations::invoke(Invocation invocation, Respond respond) const {
  const auto invoked = std::make_shared<Invoked>();
  invoked->routes = state_;
  invoked->respond = std::move(respond);
  Call& call = invoked->call;
  call.request_id = std::move(invocation.request_id);
  call.traceparent = std::move(invocation.traceparent);
  call.public_root = std::move(invocation.public_root);
  call.caller = std::move(invocation.caller);
  call.operates = call.caller.has_role(operator_role);
  Execution::guarded(*invoked, [&] {
    invoked->route = state_->find(invocation.operation_id);
    if (!invoked->route)
      throw Refused({404, "route_not_found", "There is no operation " + invocation.operation_id + "."});
    const Operation& operation = invoked->route->operation;
    Execution::require_switched_on(operation, state_->options.microsoft_enabled);
    call.request = request_of(operation, invocation);
    call.path = std::move(invocation.path);
    state_->execution.run(invoked);
  });
}

}  // namespace rollcall::front
