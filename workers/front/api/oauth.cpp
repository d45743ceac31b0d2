#include "common/crypto/crypto.h"
#include "common/log/log.h"
#include "common/vault/grant_store.h"
#include "common/vault/links.h"
#include "common/vault/tickets.h"
#include "workers/front/api/area.h"
#include "workers/front/api/connections.h"
#include "workers/front/core/oauth_page.h"

#include <algorithm>
#include <future>

/// The pages on which a person connects something of theirs. The link that POST /api/v1/connections made
/// brings them here; a sealed cookie binds the sign-in to this browser (state, nonce, PKCE verifier), and
/// what Entra ID says of who signed in must name the person for whom the link was made.
namespace rollcall::front {
namespace {

using std::chrono::milliseconds;

constexpr const char* tag = "connections";
constexpr const char* session_bound_to = "oauth session";
constexpr std::size_t ticket_length_max = 64;

/// One sign-in under way, as the cookie has it.
struct Session {
  Uuid ticket;
  std::string secret;  ///< of the link, to begin again by
  std::string state, nonce, verifier;
  WallTime expires_at{};
};

bool is_https(const Vault& vault) {
  return vault.public_root.starts_with("https://");
}

/// Browsers keep what __Host- promises: sent back to this host alone, over TLS. Without TLS (trying out on
/// one machine) they would refuse the name.
std::string cookie_name(const Vault& vault) {
  return is_https(vault) ? "__Host-rollcall-connect" : "rollcall-connect";
}

std::string cookie(const Vault& vault, const std::string& value, std::chrono::seconds age) {
  return cookie_name(vault) + "=" + value + "; Path=/; Max-Age=" + std::to_string(age.count()) +
         "; HttpOnly; SameSite=Lax" + (is_https(vault) ? "; Secure" : "");
}

std::string write_session(const Vault& vault, const Session& session) {
  const auto sealed = vault.keyring.seal(dump({{"ticket", session.ticket.to_string()},
                                               {"secret", session.secret},
                                               {"state", session.state},
                                               {"nonce", session.nonce},
                                               {"verifier", session.verifier},
                                               {"expires_at", to_rfc3339(session.expires_at)}}),
                                         session_bound_to);
  return sealed.key_id + "." + sealed.text;
}

std::optional<Session> read_session(const Vault& vault, const Call& call) {
  const auto value = cookie_value(call.request.header("Cookie"), cookie_name(vault));
  const auto dot = value ? value->rfind('.') : std::string::npos;
  if (dot == std::string::npos) return std::nullopt;
  const auto text = vault.keyring.open({value->substr(0, dot), value->substr(dot + 1)}, session_bound_to);
  const auto json = text ? parse_json(*text) : unexpected(text.error());
  if (!json) return std::nullopt;
  const auto ticket = Uuid::parse(text_member(*json, "ticket"));
  const auto expires_at = parse_rfc3339(text_member(*json, "expires_at"));
  if (!ticket || !expires_at || *expires_at <= call.now) return std::nullopt;
  return Session{*ticket,
                 text_member(*json, "secret"),
                 text_member(*json, "state"),
                 text_member(*json, "nonce"),
                 text_member(*json, "verifier"),
                 *expires_at};
}

/// Base64 with padding, as a Content-Security-Policy has hashes.
std::string style_hash() {
  std::string text = crypto::base64url(crypto::sha256(page_style()));
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  while (text.size() % 4 != 0)
    text += '=';
  return text;
}

Response page(int status, std::string html) {
  static const std::string policy = "default-src 'none'; style-src 'sha256-" + style_hash() +
                                    "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return {status,
          {{"Content-Type", "text/html; charset=utf-8"},
           {"Content-Security-Policy", policy},
           {"X-Frame-Options", "DENY"}},
          std::move(html)};
}

Response outcome(int status, const OutcomePage& content) {
  return page(status, outcome_page(content));
}

/// What the pipeline or a handler refuses, for a person's eyes.
Response refused_page(const Refusal& refusal, std::string_view request_id) {
  OutcomePage content{false, "This did not work", {refusal.detail}};
  if (refusal.status >= 500)
    content = {false, "Rollcall cannot do this just now", {"Try again in a few minutes."}};
  content.code = refusal.code + " " + std::string(request_id);
  return outcome(refusal.status, content);
}

std::string link_of(const Vault& vault, const std::string& secret) {
  return vault.public_root + "/oauth/connect?ticket=" + secret;
}

vault::Ticket open_ticket(const std::optional<vault::Ticket>& ticket) {
  constexpr const char* make_another = " Ask for a new one where you asked for this one.";
  if (!ticket)
    throw Refused({404, "connection_link_unknown",
                   std::string("This link is not known, or a newer one took its place.") + make_another});
  if (ticket->state == vault::Ticket::State::used)
    throw Refused({410, "connection_link_used",
                   "This link has done its work: the connection was made. There is nothing more to do."});
  if (ticket->state == vault::Ticket::State::expired)
    throw Refused(
        {410, "connection_link_expired",
         std::string("This link was good for a few minutes only, and they are over.") + make_another});
  return *ticket;
}

Response show(Parts& parts, const Call& call) {
  const Vault& vault = vault_of(parts);
  const std::string secret = call.query.text("ticket");
  const auto ticket = open_ticket(secret.empty() ? std::nullopt : vault::find_ticket(parts.database, secret));
  const Session session{ticket.id,
                        secret,
                        vault::random_secret(),
                        vault::random_secret(),
                        vault::random_secret(),  // 43 characters: a PKCE verifier has no fewer
                        call.now + connect_time};
  const auto& facts = vault::facts_of(ticket.key.connector);
  ConnectPage content{.title = std::string(facts.title),
                      .may_write = ticket.may_write,
                      .cancel_link = vault.public_root + "/oauth/cancel"};
  for (const auto& one : vault::permissions_of(ticket.key.connector, ticket.may_write))
    content.permissions.push_back({std::string(one.scope), std::string(one.allows)});
  content.permissions.push_back({"openid profile", "Know which account you signed in with."});
  content.permissions.push_back(
      {"offline_access", "Keep working until you disconnect, without asking you each hour."});
  content.sign_in_link = vault::sign_in_link(vault.endpoint.credentials(), vault.endpoint.graph_root(),
                                             {vault.redirect_uri(), session.state, session.nonce,
                                              crypto::base64url(crypto::sha256(session.verifier))},
                                             ticket.key.connector, ticket.may_write);
  auto response = page(200, connect_page(content));
  response.headers.emplace_back("Set-Cookie", cookie(vault, write_session(vault, session), connect_time));
  return response;
}

Response cancel(Parts& parts, const Call&) {
  auto response = outcome(
      200, {true, "Nothing was connected", {"You may close this window. The link stays good for a while."}});
  response.headers.emplace_back("Set-Cookie", cookie(vault_of(parts), "", std::chrono::seconds(0)));
  return response;
}

/// The sign-in is nobody's but this browser's: without its cookie, an answer of Entra ID's means nothing.
Session session_of(const Vault& vault, const Call& call) {
  const auto session = read_session(vault, call);
  if (!session)
    throw Refused(
        {400, "connection_session_missing",
         "This browser has no sign-in under way, or it took too long. Open your link again, in this "
         "browser, and let it keep cookies."});
  if (!crypto::equal_secrets(session->state, call.query.text("state")))
    throw Refused(
        {400, "connection_state_mismatch",
         "This answer belongs to another sign-in, perhaps in another window. Open your link again."});
  return *session;
}

auth::SignedIn person_of(const Vault& vault, const std::string& id_token, const std::string& nonce) {
  // Shared: the promise must outlive set_value(), which may still be running when get() returns.
  auto promise = std::make_shared<std::promise<Result<auth::SignedIn>>>();
  auto answer = promise->get_future();
  vault.authenticator.identify(
      id_token, vault.endpoint.credentials().client_id, nonce,
      [promise](Result<auth::SignedIn> person) { promise->set_value(std::move(person)); });
  auto person = answer.get();
  if (person) return std::move(*person);
  if (person.error().code == "keys_not_available")
    throw Refused({503, "keys_not_available", "Microsoft's signing keys cannot be had just now."});
  throw Refused({400, "connection_identity_refused",
                 "What Microsoft said about who signed in could not be trusted. Open your link again."});
}

/// What was granted, for the person of the ticket and no one else.
vault::NewGrant check_granted(const Vault& vault, const vault::Ticket& ticket, const Session& session,
                              const graph::TokenAnswer& answer, milliseconds took) {
  const auto person = person_of(vault, answer.id_token, session.nonce);
  if (person.tenant_id != ticket.key.tenant_id || Uuid::parse(person.object_id) != ticket.key.person)
    throw Refused(
        {403, "connection_wrong_account",
         "You signed in as " + (person.name.empty() ? "another account" : person.name) +
             ", but the link was made for somebody else. Nothing was kept. Open it again and choose "
             "the account that asked for it."});
  const auto scopes = vault::granted_scopes(answer.scope);
  const auto missing = vault::missing_scopes(ticket.key.connector, ticket.may_write, scopes);
  if (!missing.empty() || answer.refresh_token.empty())
    throw Refused(
        {403, "connection_incomplete",
         "Microsoft granted less than was asked for (" +
             (missing.empty() ? "offline_access" : missing.front()) +
             " is missing), so nothing was connected. Open your link again and accept all of it, or "
             "ask an administrator of Microsoft 365."});
  return {ticket.key,
          ticket.may_write,
          scopes,
          vault.endpoint.credentials().client_id,
          vault::seal_tokens(vault.keyring, {answer.access_token, answer.refresh_token}, ticket.key),
          std::max<milliseconds>(milliseconds(answer.lifetime) - took, milliseconds(0))};
}

Response connected(const vault::Ticket& ticket) {
  const std::string title(vault::facts_of(ticket.key.connector).title);
  return outcome(200,
                 {true,
                  "Connected",
                  {title + (ticket.may_write ? " can now be read and changed" : " can now be read") +
                       " by Rollcall in your name.",
                   "You may close this window. To end it, disconnect in the application where you began, "
                   "or remove Rollcall at https://myapps.microsoft.com."}});
}

Response refused_sign_in(const std::string& error, int number, const std::string& again) {
  log::info("sign_in_refused", {{"number", number}});
  return outcome(error == "temporarily_unavailable" || error == "server_error" ? 503 : 403,
                 sign_in_problem(error, number, again));
}

/// What the token endpoint refuses, in the words that a refused sign-in has pages for.
std::string as_sign_in_error(const graph::TokenRefusal& refusal) {
  if (refusal.error.fault() != Fault::config) return "temporarily_unavailable";
  if (vault::why_over(refusal).empty()) return "invalid_request";
  return "interaction_required";
}

Response finish(Parts& parts, const Call& call, const Session& session) {
  const Vault& vault = vault_of(parts);
  const std::string again = link_of(vault, session.secret);
  if (call.query.has("error"))
    return refused_sign_in(call.query.text("error"), sign_in_number(call.query.text("error_description")),
                           again);
  if (!call.query.has("code"))
    throw Refused(
        {400, "connection_answer_malformed", "Microsoft's answer has no code. Open your link again."});
  const auto ticket = open_ticket(vault::find_ticket(parts.database, session.ticket));
  const auto reply = vault.endpoint.redeem(call.query.text("code"), session.verifier, vault.redirect_uri(),
                                           ticket.key.connector, ticket.may_write);
  if (reply.refusal) {
    const auto& refusal = *reply.refusal;
    log::warn("code_not_redeemed", {{"code", refusal.error.code()}, {"why", refusal.error.what()}});
    return refused_sign_in(as_sign_in_error(refusal), refusal.number, again);
  }
  const auto grant = check_granted(vault, ticket, session, *reply.tokens, reply.took);
  const runs::Asker asker{ticket.key.tenant_id, ticket.key.tenant_id + "/" + ticket.key.person.to_string(),
                          call.now};
  auto stored = parts.database.transact([&](postgres::Transaction& transaction) {
    if (!vault::use_ticket(transaction, ticket.id)) return std::vector<runs::Stored>{};
    return vault::save_connected(transaction, grant, asker);
  });
  if (stored.empty()) open_ticket(vault::find_ticket(parts.database, ticket.id));  // says why
  publish(parts, std::move(stored));
  return connected(ticket);
}

/// An administrator comes back from the consent link. It proves nothing (anyone can call this address so),
/// and nothing follows from it: whether permissions are there shows when they are used.
Response consented(const Call& call) {
  if (call.query.has("error"))
    return outcome(200, {false,
                         "Consent was not given",
                         {"Nothing was changed. Open the link again if that was not what you meant."},
                         {},
                         "admin_consent"});
  return outcome(200,
                 {true,
                  "Microsoft sent you back",
                  {"If you accepted, Rollcall may now do in your tenant what its app registration lists; "
                   "it can take some minutes until that holds everywhere.",
                   "You may close this window."}});
}

Response come_back(Parts& parts, const Call& call) {
  if (call.query.has("admin_consent") || call.query.text("state") == "admin-consent") return consented(call);
  Vault& vault = vault_of(parts);
  const Session session = session_of(vault, call);
  Response response;
  try {
    response = finish(parts, call, session);
  } catch (const Refused& refused) {
    response = refused_page(refused.refusal(), call.request_id);
  }
  // One sign-in, one answer.
  response.headers.emplace_back("Set-Cookie", cookie(vault, "", std::chrono::seconds(0)));
  return response;
}

Route page_route(std::string path, std::string id, std::string summary, std::vector<QueryParameter> query,
                 std::function<Response(const Call&)> handle) {
  return {.operation = {.method = "GET",
                        .path = std::move(path),
                        .id = std::move(id),
                        .summary = std::move(summary),
                        .access = Access::anyone,
                        .microsoft = true,
                        .query = std::move(query),
                        .answers = {{200, "", "A page for the person.", "text/html"},
                                    {403, "", "Entra ID, or who signed in, forbids it.", "text/html"},
                                    {410, "", "The link did its work, or its time is over.", "text/html"}},
                        .tag = tag,
                        .page = true},
          .handle = std::move(handle),
          .refuse = refused_page};
}

}  // namespace

Routes oauth_routes(Parts& parts) {
  return {
      page_route("/oauth/connect", "show_connect_page",
                 "What is asked for and why, and the way to Microsoft's sign-in.",
                 {{.name = "ticket", .help = "From the link.", .text_max = ticket_length_max}},
                 [&parts](const Call& call) { return show(parts, call); }),
      page_route("/oauth/callback", "finish_connecting", "Where Entra ID sends the person back to.",
                 {{.name = "code", .help = "Of a sign-in.", .text_max = 8192},
                  {.name = "state", .help = "As it was sent.", .text_max = 256},
                  {.name = "error", .help = "Why there is no code.", .text_max = 256},
                  {.name = "error_description", .help = "The same for people.", .text_max = 8192},
                  {.name = "admin_consent", .help = "Of an administrator's consent.", .text_max = 16}},
                 [&parts](const Call& call) { return come_back(parts, call); }),
      page_route("/oauth/cancel", "cancel_connecting", "The person changed their mind.", {},
                 [&parts](const Call& call) { return cancel(parts, call); }),
  };
}

}  // namespace rollcall::front
