#include "common/graph/token_exchange.h"

#include "common/core/json.h"
#include "common/core/percent.h"
#include "common/crypto/crypto.h"
#include "common/graph/answers.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t answer_bytes_max = std::size_t{1024} * 1024;
constexpr JsonLimits answer_limits{.bytes_max = answer_bytes_max, .depth_max = 16};
constexpr double lifetime_seconds_max = 86'400.0 * 7;

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

Json body_of(const http_client::Response& http) {
  auto parsed = parse_json(http.body, answer_limits);
  return parsed && parsed->is_object() ? std::move(*parsed) : Json::object();
}

Error unavailable(const std::string& why) {
  return {Fault::transient, "graph_unavailable", "Entra ID gave no token: " + why};
}

/// In words, with the fault that follows from it.
Error explain(const http_client::Response& http, const Json& body, const std::string& name, int number,
              std::optional<milliseconds> retry_after) {
  const std::string ends = "Entra ID gave no token";
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

/// A number, but a text in v1 answers. Lifetimes vary (access-tokens): no default of ours would be right.
seconds lifetime_of(const Json& body) {
  const auto found = body.find("expires_in");
  if (found == body.end()) return seconds{3599};
  double number = 0;
  if (found->is_number()) number = found->get<double>();
  if (found->is_string())
    number = static_cast<double>(std::atol(found->get_ref<const std::string&>().c_str()));
  return seconds{static_cast<long>(std::clamp(number, 0.0, lifetime_seconds_max))};
}

}  // namespace

http_client::Request token_request(const Credentials& credentials, const std::string& grant,
                                   const FormFields& fields, WallTime now) {
  http_client::Request request;
  request.method = "POST";
  request.url = credentials.authority + "/" + percent_encode(credentials.tenant_id) + "/oauth2/v2.0/token";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  request.timeout = seconds{30};
  request.response_bytes_max = answer_bytes_max;
  FormFields all{{"grant_type", grant}, {"client_id", credentials.client_id}};
  all.insert(all.end(), fields.begin(), fields.end());
  if (!credentials.certificate_pem.empty()) {
    const auto now_seconds = std::chrono::duration_cast<seconds>(now.time_since_epoch()).count();
    all.emplace_back("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    all.emplace_back("client_assertion",
                     crypto::client_assertion(credentials.certificate_pem.reveal(), credentials.client_id,
                                              request.url, static_cast<long>(now_seconds)));
  } else {
    all.emplace_back("client_secret", credentials.secret.reveal());
  }
  for (const auto& [name, value] : all)
    request.body += (request.body.empty() ? "" : "&") + name + "=" + percent_encode(value);
  return request;
}

std::optional<TokenAnswer> read_token_answer(const http_client::Response& response) {
  if (response.status != 200) return std::nullopt;
  const Json body = body_of(response);
  TokenAnswer answer{text_member(body, "access_token"), text_member(body, "refresh_token"),
                     text_member(body, "id_token"), text_member(body, "scope"), lifetime_of(body)};
  if (answer.access_token.empty()) return std::nullopt;
  return answer;
}

TokenRefusal read_token_refusal(const http_client::Response& response, WallTime now) {
  if (response.status == 0)
    return {unavailable("the token endpoint did not answer (" + response.error + ")"), {}, {}, 0};
  if (response.status == 200)
    return {unavailable("the token endpoint did not answer (its answer holds no token)"), {}, {}, 0};
  const Json body = body_of(response);
  const std::string name = word_of(body, "error");
  const int number = number_of(body);
  return {explain(response, body, name, number, parse_retry_after(response.header("Retry-After"), now)), name,
          word_of(body, "suberror"), number};
}

}  // namespace rollcall::graph
