/// mcp-conformance-server: serves the fixtures on a free port of this machine, to anyone, and says where.
#include "common/core/clock.h"
#include "tests/conformance/fixtures.h"
#include "tests/fakes/fake_transport.h"
#include "workers/front/api/document.h"
#include "workers/front/mcp/routes.h"
#include "workers/front/pipeline.h"

#include <csignal>
#include <iostream>

using namespace rollcall;  // NOLINT

int main() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  const SystemClock clock;
  metrics::Registry metrics{"mcp-conformance"};
  postgres::Database nowhere{postgres::Options{}};  // nothing asks it
  fakes::FakeTransport nobody_answers;
  auth::Authenticator nobody{{}, nobody_answers, clock, metrics};
  const schema::Validator components = front::component_validator();
  front::Pool pool{1, 1};
  const front::mcp::Seal seal{"", clock};
  const front::mcp::Server server{mcp_conformance::features(seal), {}, clock};
  front::Pipeline pipeline{{front::mcp::endpoint_route(server, front::Access::anyone)},
                           {.rates = {1e6, 1e6}},
                           {nobody, nowhere, components, pool, clock, metrics}};
  http_server::Server http{{.refusal = front::Pipeline::refuse},
                           [&](http_server::Request request, http_server::Respond respond) {
                             pipeline.serve(std::move(request), std::move(respond));
                           }};
  std::cout << R"({"url":"http://127.0.0.1:)" << http.port() << R"(/mcp"})" << std::endl;
  int signal = 0;
  sigwait(&stop, &signal);
  http.drain(std::chrono::seconds(2));
}
