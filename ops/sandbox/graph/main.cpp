#include "common/core/error.h"
#include "common/log/log.h"
#include "ops/sandbox/graph/calls.h"
#include "ops/sandbox/graph/graph_api.h"
#include "ops/sandbox/graph/identity.h"
#include "ops/sandbox/graph/seed.h"
#include "ops/sandbox/graph/snapshot.h"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace {

using namespace rollcall;

constexpr const char* help =
    R"(rollcall-sandbox-graph: Microsoft Graph and Entra ID, as far as Rollcall uses them, in memory.
Prints {"url":"http://127.0.0.1:PORT"} when ready; SIGTERM or SIGINT ends it.

  --port N               port on 127.0.0.1; 0: any free one (default 0)
  --seed-file FILE       users and groups to begin with, the JSON of POST /sandbox/seed
  --state-file FILE      what was there when the last process ended, with deleted items and delta links: read at
                         the start in place of the seed, written at the end
  --size S|M|L           quota of a tenant of that size: 3500, 5000 or 8000 units per 10 s (default: by its users)
  --resource-units N     units per 10 s, instead of a size's
  --writes N             writes per 150 s (default 3000)
  --latency-ms N         every Graph answer takes that long
  --consistency-lag-ms N reads see changes that much later
  --client-id ID, --client-secret SECRET, --tenant ID
                         the only ones accepted (default: any)
  --client-certificate FILE
                         PEM: assertions must be signed with its key (default: signatures are not looked at)
  --redirect-uri URI     may be given more than once: sign-ins go back to these only (default: to any)
  --app-id-uri URI, --api-token-version 1|2
                         of the app's own API (default api://CLIENT-ID and 2)
  --public-url URL       how callers reach the sandbox, for issuers and links of Entra (default: by each request's Host)
  --token-lifetime-s N   default: random, 60 to 90 minutes
  --rng-seed N           of faults, orders and ids (default 1)
  --help

People have mail, a calendar and documents, made when they are first asked for and forgotten at the end; a token that
speaks for a person opens their own, as far as its scopes go. 4 requests at once to one mailbox, more get 429.

Control, without a token: GET /sandbox/stats, /sandbox/log[?group=ID], /sandbox/groups/ID/members,
/sandbox/tokens (those for Graph);
POST /sandbox/seed, /sandbox/faults, /sandbox/reset[?only=stats], /sandbox/expire-delta {"mode":"gone"|"sync_state_not_found"},
/sandbox/expire-tokens, /sandbox/roll-keys [{"drop_old":true}], /sandbox/revoke {"user":ID[,"how":"sessions"|"consent"|"policy"]},
/sandbox/lifecycle {"event":"reauthorizationRequired"|"subscriptionRemoved"|"missed"}: tells every subscriber,
/sandbox/token {"user":ID or name,"roles":[…],"scopes":[…],"audience":…,"tenant":…,"app":true,…}: a token for the app's own API.
)";

struct Arguments {
  http_server::Options server;
  std::chrono::milliseconds latency{0};
  std::string seed_file;
  std::string state_file;
};

[[noreturn]] void invalid(const std::string& message) {
  throw Error(Fault::config, "setting_invalid", message);
}

long number(const std::string& name, const std::string& text, long most = 1'000'000'000) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most)
    invalid(name + " takes a number from 0 to " + std::to_string(most) + ", not '" + text + "'");
  return value;
}

double size_units(const std::string& text) {
  if (text == "S") return 3500;
  if (text == "M") return 5000;
  if (text == "L") return 8000;
  invalid("--size takes S, M or L, not '" + text + "'");
}

std::string read(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) invalid("cannot read " + file);
  std::ostringstream content;
  content << stream.rdbuf();
  return content.str();
}

void set(Arguments& arguments, sandbox_graph::State& state, const std::string& name,
         const std::string& value) {
  auto& settings = state.settings;
  if (name == "--port")
    arguments.server.port = static_cast<std::uint16_t>(number(name, value, 65535));
  else if (name == "--seed-file")
    arguments.seed_file = value;
  else if (name == "--state-file")
    arguments.state_file = value;
  else if (name == "--size")
    settings.units_limit = size_units(value);
  else if (name == "--resource-units")
    settings.units_limit = static_cast<double>(number(name, value));
  else if (name == "--writes")
    settings.writes_limit = static_cast<double>(number(name, value));
  else if (name == "--latency-ms")
    arguments.latency = std::chrono::milliseconds(number(name, value));
  else if (name == "--consistency-lag-ms")
    settings.lag = std::chrono::milliseconds(number(name, value));
  else if (name == "--client-id")
    settings.client_id = value;
  else if (name == "--client-secret")
    settings.client_secret = value;
  else if (name == "--tenant")
    settings.tenant = value;
  else if (name == "--client-certificate")
    settings.certificate = sandbox_graph::Certificate::from_pem(read(value));
  else if (name == "--redirect-uri")
    settings.redirect_uris.push_back(value);
  else if (name == "--app-id-uri")
    settings.app_id_uri = value;
  else if (name == "--api-token-version")
    settings.api_token_version = value == "1" ? 1 : value == "2" ? 2 : (invalid(name + " takes 1 or 2"), 0);
  else if (name == "--public-url")
    settings.public_url = value;
  else if (name == "--token-lifetime-s")
    settings.token_lifetime = std::chrono::seconds(number(name, value));
  else if (name == "--rng-seed")
    state.random.seed(static_cast<std::uint64_t>(number(name, value)));
  else
    invalid("unknown option " + name + "; see --help");
}

Arguments parse(int count, char** values, sandbox_graph::State& state) {
  Arguments arguments;
  arguments.server.body_bytes_max = 256 * 1024 * 1024;  // seeds are large
  for (int i = 1; i < count; i += 2) {
    if (i + 1 == count) invalid(std::string(values[i]) + " needs a value; see --help");
    set(arguments, state, values[i], values[i + 1]);
  }
  return arguments;
}

void load(sandbox_graph::State& state, const std::string& file, WallTime now) {
  JsonLimits limits;
  limits.bytes_max = std::size_t{1} << 30;
  const auto input = parse_json(read(file), limits);
  if (!input) invalid(file + ": " + input.error().message);
  const auto made = input->is_object() ? sandbox_graph::seed(state, *input, now)
                                       : Result<Json>(unexpected(Problem{"", "not an object"}));
  if (!made) invalid(file + ": " + made.error().message);
}

void save(const std::string& file, const Json& content) {
  const std::string fresh = file + ".new";
  std::ofstream(fresh, std::ios::binary) << dump(content);
  std::filesystem::rename(fresh, file);
}

int run(int count, char** values) {
  sandbox_graph::State state;
  const Arguments arguments = parse(count, values, state);
  const SystemClock clock;
  const bool resumed = !arguments.state_file.empty() && std::filesystem::exists(arguments.state_file);
  const std::string& source = resumed ? arguments.state_file : arguments.seed_file;
  if (!source.empty()) load(state, source, clock.wall());
  sandbox_graph::signing_key(state);  // made now rather than while somebody waits for a token
  // Blocked before the server's thread exists, so that only sigwait() below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::atomic<http_server::Server*> timers =
      nullptr;  // the handler may run before the constructor has returned
  sandbox_graph::Calls calls{state, clock};
  auto server = std::make_unique<http_server::Server>(
      arguments.server, [&](http_server::Request request, http_server::Respond respond) {
        const bool slow = arguments.latency.count() > 0 && request.path().starts_with("/v1.0/") && timers;
        const auto mailbox = sandbox_graph::begin_mailbox(state, request);
        calls.serve(std::move(request), [&, slow, mailbox, respond](http_server::Response response) {
          // Status 0 is an injected cut: respond goes, and the connection with it.
          auto end = [&state, mailbox, respond, response = std::move(response)]() mutable {
            sandbox_graph::end_mailbox(state, mailbox);
            if (response.status != 0) respond(std::move(response));
          };
          if (!slow) return end();
          timers.load()->after(arguments.latency, end);
        });
      });
  timers = server.get();
  calls.begin(*server);
  std::printf("{\"url\":\"http://127.0.0.1:%u\"}\n", static_cast<unsigned>(server->port()));
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  calls.end();
  server.reset();  // its thread owns the state until then
  if (!arguments.state_file.empty()) save(arguments.state_file, sandbox_graph::snapshot(state));
  return 0;
}

}  // namespace

int main(int count, char** values) {
  try {
    if (count > 1 && std::string_view(values[1]) == "--help") return std::fputs(help, stdout) < 0;
    rollcall::log::init("sandbox_graph", "info");
    return run(count, values);
  } catch (const std::exception& error) {
    return rollcall::log::fail(error);
  }
}
