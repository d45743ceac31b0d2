#include "workers/token_renewal/core/refusal.h"

#include "common/core/lower.h"

namespace rollcall::token_renewal {
namespace {

bool holds(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

Refusal refusal_of(int status, const std::string& error_code, const std::string& said) {
  const std::string words = lower(said);
  // The codes of these differ (ValidationError, InvalidRequest); the sentence begins the same.
  if (status == 400 && (lower(error_code) == "validationerror" || holds(words, "validation request")))
    return {
        "hook_unreachable", "Microsoft Graph got no answer from our /hooks/graph: " + said,
        "Let the internet reach ROLLCALL_PUBLIC_URL with /hooks/graph behind it over TLS 1.2 or later, with "
        "a "
        "certificate of a public authority, and give the front the same ROLLCALL_GRAPH_CLIENT_STATE; it must "
        "answer within 10 seconds. The next run tries again."};
  if (status == 403 && (holds(words, "quota") || holds(words, "limit") || holds(words, "maximum")))
    return {"subscription_limit", "Microsoft Graph allows no more subscriptions: " + said,
            "An app may have 100 subscriptions to groups and users in a tenant, and all apps together 1,000: "
            "delete "
            "those that nobody needs."};
  if (status == 403)
    return {"graph_not_permitted", "Microsoft Graph does not permit a subscription to groups: " + said,
            "Grant the app the application permission Group.Read.All and consent to it as an administrator."};
  if (status == 409)
    return {"subscription_taken",
            "This app has another subscription to groups, which does not notify us: " + said,
            "Delete it, or give each installation an app registration of its own: Microsoft Graph keeps one "
            "subscription of a kind for an app."};
  return {"graph_refused", "Microsoft Graph refuses the subscription: " + said,
          "See what Microsoft Graph says, and correct ROLLCALL_PUBLIC_URL or ROLLCALL_GRAPH_CLIENT_STATE."};
}

}  // namespace rollcall::token_renewal
