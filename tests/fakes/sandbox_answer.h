#pragma once
#include "common/http_client/client.h"
#include "ops/sandbox/graph/graph_api.h"

#include <string>

namespace rollcall::fakes {

/// What the sandbox at http://sandbox answers, without a socket.
inline http_server::Response sandbox_answer(sandbox_graph::State& state, const http_client::Request& request,
                                            WallTime now) {
  http_server::Request asked{request.method,
                             request.url.substr(std::string("http://sandbox").size()),
                             {{"Host", "sandbox"}},
                             request.body};
  for (const auto& header : request.headers)
    asked.headers.push_back(header);
  return sandbox_graph::handle(asked, state, now);
}

}  // namespace rollcall::fakes
