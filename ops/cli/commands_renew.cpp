#include "common/crypto/crypto.h"
#include "ops/cli/commands.h"

/// Asks token-renewal for what its schedules ask for otherwise.
namespace rollcall::cli {

int renew(Context& context, const Arguments& arguments) {
  const auto asked = ask_for(context, {crypto::new_uuid(), context.tenant(), "token-renewal",
                                       "renew-" + arguments.name, actor, std::nullopt, Json::object()});
  return wait_or_tell(context, arguments, asked);
}

}  // namespace rollcall::cli
