#include "common/core/percent.h"
#include "common/graph/token_source.h"

#include "common/core/error.h"
#include "common/core/json.h"
#include "common/crypto/crypto.h"
#include "common/graph/answers.h"
#include "common/core/waiting.h"

#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <optional>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Aadsts {
  int number;
  Fault fault;
  const char* words;
};

/// The numbers worth their own words (reference-error-codes). They may change and are for people: what we do
/// follows from `error`, but for the few that only tell a bad minute from a bad setting.
constexpr Aadsts known_numbers[] = {
    {7000215, Fault::config, "the client secret is wrong (the value is needed, not the secret's id)"},
    {7000222, Fault::config, "the client secret has expired: make a new one in the app registration"},
    {7000112, Fault::config, "the app is disabled in this tenant"},
    {700027, Fault::config, "the certificate does not match one that is registered for the app"},
    {700016, Fault::config, "the app is not known in this tenant: check client id and tenant id"},
    {90002, Fault::config, "the tenant is not found: check the tenant id"},
    {900023, Fault::config, "the tenant id is neither a GUID nor a domain"},
    {9001023, Fault::config, "the tenant id must name one tenant, not 'common' or 'organizations'"},
    {90124, Fault::config, "the tenant id must name one tenant, not 'common' or 'organizations'"},
    {65001, Fault::config, "no consent has been given to the app"},
    {90094, Fault::config, "an administrator must consent to the app's permissions"},
    {500011, Fault::config, "Microsoft Graph is not found in this tenant under the scope asked for"},
    {70011, Fault::config, "the scope is not valid"},
    {50057, Fault::config, "the account is disabled"},
    {90033, Fault::transient, "Entra ID is unavailable for a moment"},
    {50033, Fault::transient, "Entra ID has a passing problem"},
    {90024, Fault::transient, "Entra ID is too busy to answer"},
    {90006, Fault::transient, "Entra ID could not reach a service of its own"},
    {90055, Fault::throttled, "the tenant is throttled: too many token requests"},
    {50196, Fault::throttled, "too many token requests in a short time"},
};

/// From error_codes, else from the text.
int number_of(const Json& body) {
  if (const auto codes = body.find("error_codes");
      codes != body.end() && codes->is_array() && !codes->empty())
    if (const Json& first = codes->front(); first.is_number_integer()) return first.get<int>();
  const auto text = body.find("error_description");
  if (text == body.end() || !text->is_string()) return 0;
  const auto& words = text->get_ref<const std::string&>();
  const auto at = words.find("AADSTS");
  int number = 0;
  for (std::size_t i = at == std::string::npos ? words.size() : at + 6;
       i < words.size() && number < 100'000'000; ++i) {
    if (words[i] < '0' || words[i] > '9') break;
    number = number * 10 + (words[i] - '0');
  }
  return number;
}

/// A short word of the service's that may be shown: an error name or a trace id, never free text, which could
/// echo what we sent.
std::string word_of(const Json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end() || !found->is_string()) return {};
  const auto& text = found->get_ref<const std::string&>();
  const bool plain = text.size() <= 64 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
                       return std::isalnum(c) || c == '_' || c == '-';
                     });
  return plain ? text : std::string{};
}

/// Why there is no token.
Error refusal(const http_client::Response& http, std::optional<milliseconds> retry_after) {
  const std::string ends = "Entra ID gave no token";
  if (http.status == 0)
    return {Fault::transient, "graph_unavailable",
            ends + ": the token endpoint did not answer (" + http.error + ")"};
  Json body = Json::object();
  if (auto parsed = parse_json(http.body, {1024 * 1024, 16}); parsed && parsed->is_object())
    body = std::move(*parsed);
  const int number = number_of(body);
  const std::string name = word_of(body, "error");
  std::string why = "HTTP " + std::to_string(http.status) + (name.empty() ? "" : ", " + name);
  Fault fault = http.status >= 500 || name == "temporarily_unavailable" || name == "server_error"
                    ? Fault::transient
                    : Fault::config;
  if (number != 0) why += ", AADSTS" + std::to_string(number);
  for (const Aadsts& known : known_numbers)
    if (known.number == number) {
      if (fault == Fault::config) fault = known.fault;
      why = std::string(known.words) + " (" + why + ")";
    }
  if (const auto trace = word_of(body, "trace_id"); !trace.empty()) why += ", trace id " + trace;
  if (http.status == 429 || retry_after) fault = Fault::throttled;
  const std::string message = ends + ": " + why;
  if (fault == Fault::throttled) return {fault, "throttled", message, retry_after.value_or(seconds{60})};
  return {fault, fault == Fault::transient ? "graph_unavailable" : "graph_token_refused", message};
}

Error stopped() {
  return {Fault::transient, "graph_unavailable", "stopped while waiting for a token"};
}

}  // namespace

struct TokenSource::State {
  http_client::Transport& transport;
  const Clock& clock;
  const Credentials credentials;

  std::mutex mutex;  // guards all below
  std::condition_variable_any changed;
  std::string token;
  SteadyTime renew_at{}, expires_at{};
  bool fetching = false;
  std::uint64_t fetches = 0;     // ended, well or not
  std::optional<Error> failure;  // of the last one
  std::optional<Error> hold;     // why nobody calls before hold_until
  SteadyTime hold_until{};

  State(http_client::Transport& given_transport, const Clock& given_clock, Credentials given)
      : transport(given_transport), clock(given_clock), credentials(std::move(given)) {}

  [[nodiscard]] http_client::Request request() const {
    http_client::Request request;
    request.method = "POST";
    request.url = credentials.authority + "/" + percent_encode(credentials.tenant_id) + "/oauth2/v2.0/token";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
    request.timeout = seconds{30};
    request.response_bytes_max = std::size_t{1024} * 1024;
    request.body = "grant_type=client_credentials&client_id=" + percent_encode(credentials.client_id) +
                   "&scope=" + percent_encode(credentials.scope);
    if (!credentials.certificate_pem.empty()) {
      const long now =
          static_cast<long>(std::chrono::duration_cast<seconds>(clock.wall().time_since_epoch()).count());
      // Made anew for each request: its jti must not repeat (certificate-credentials).
      request.body += "&client_assertion_type=" +
                      percent_encode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
                      "&client_assertion=" +
                      percent_encode(crypto::client_assertion(credentials.certificate_pem.reveal(),
                                                              credentials.client_id, request.url, now));
    } else {
      request.body += "&client_secret=" + percent_encode(credentials.secret.reveal());
    }
    return request;
  }

  /// Takes over what the endpoint said; throws where it is not a token. Under the lock.
  void accept(const http_client::Response& http, SteadyTime asked_at) {
    Json body;
    if (auto parsed = parse_json(http.body, {1024 * 1024, 16})) body = std::move(*parsed);
    if (http.status != 200 || !body.is_object() || !body.contains("access_token") ||
        !body["access_token"].is_string() || body["access_token"].get_ref<const std::string&>().empty()) {
      auto retry_after = parse_retry_after(http.header("Retry-After"), clock.wall());
      if (http.status == 200) {
        http_client::Response cut;
        cut.error = "its answer holds no token";
        throw refusal(cut, std::nullopt);
      }
      Error error = refusal(http, retry_after);
      if (error.retry_after()) {
        hold = error;
        hold_until = clock.steady() + *error.retry_after();
      }
      throw error;
    }
    // A number, but a text in v1 answers. Lifetimes vary (access-tokens): no default of ours would be right.
    const Json& given = body.contains("expires_in") ? body["expires_in"] : Json(3599);
    long lifetime = 0;
    if (given.is_number()) lifetime = static_cast<long>(std::clamp(given.get<double>(), 0.0, 86'400.0 * 7));
    if (given.is_string())
      lifetime = std::clamp(std::atol(given.get_ref<const std::string&>().c_str()), 0L, 86'400L * 7);
    token = body["access_token"].get<std::string>();
    expires_at = asked_at + seconds{lifetime};
    // Five minutes early, as MSAL does; a shorter life is used by half, or it would be renewed at every call.
    renew_at = lifetime < 600 ? asked_at + milliseconds{lifetime * 500} : expires_at - seconds{300};
    hold.reset();
  }

  /// One request, and one more after a second on 5xx or silence, as MSAL does; none where a Retry-After was
  /// given.
  void fetch(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
    for (int attempt = 1;; ++attempt) {
      const auto asked_at = clock.steady();
      lock.unlock();
      http_client::Response http;
      try {
        http = transport.send(request());
      } catch (...) {
        lock.lock();
        throw;
      }
      lock.lock();
      const bool again = (http.status == 0 || http.status >= 500) && http.header("Retry-After").empty();
      if (!again || attempt == 2) return accept(http, asked_at);
      wait_until(clock, lock, changed, stop, clock.steady() + seconds{1}, [] { return false; });
      if (stop.stop_requested()) throw stopped();
    }
  }
};

TokenSource::TokenSource(http_client::Transport& transport, const Clock& clock, Credentials credentials)
    : state_(std::make_unique<State>(transport, clock, std::move(credentials))) {}
TokenSource::~TokenSource() = default;

std::string TokenSource::token(const std::stop_token& stop) {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  for (;;) {
    const auto now = s.clock.steady();
    const bool still_good = !s.token.empty() && now < s.expires_at;
    if (still_good && now < s.renew_at) return s.token;
    if (s.hold && now < s.hold_until) {
      if (still_good) return s.token;  // the five minutes are there for this
      throw Error(s.hold->fault(), s.hold->code(), s.hold->what(),
                  std::chrono::ceil<milliseconds>(s.hold_until - now));
    }
    if (s.fetching) {
      if (still_good) return s.token;
      const auto seen = s.fetches;
      while (s.fetches == seen)
        if (!s.changed.wait(lock, stop, [&] { return s.fetches != seen; })) throw stopped();
      if (s.failure)
        throw Error(*s.failure);  // that request was ours too: no second one for the same question
      continue;
    }
    s.fetching = true;
    s.failure.reset();
    std::exception_ptr thrown;
    try {
      s.fetch(lock, stop);
    } catch (const Error& error) {
      s.failure = error;
      thrown = std::current_exception();
    } catch (...) {
      s.failure = Error(Fault::transient, "graph_unavailable", "the token request could not be made");
      thrown = std::current_exception();
    }
    if (thrown && stop.stop_requested())
      s.failure.reset();  // we were stopped; those who wait beside us were not
    s.fetching = false;
    ++s.fetches;
    s.changed.notify_all();
    if (!thrown) return s.token;
    if (stop.stop_requested() || s.clock.steady() >= s.expires_at || s.token.empty())
      std::rethrow_exception(thrown);
    // The old token still serves; the endpoint is not asked again at every call meanwhile.
    if (!s.hold || s.hold_until < s.clock.steady() + seconds{30}) {
      s.hold = s.failure;
      s.hold_until = s.clock.steady() + seconds{30};
    }
  }
}

void TokenSource::invalidate(const std::string& token) {
  const std::lock_guard lock(state_->mutex);
  if (state_->token == token) state_->token.clear();
}

}  // namespace rollcall::graph
