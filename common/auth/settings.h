#pragma once
#include "common/auth/verify.h"
#include "common/config/settings.h"

#include <string>

namespace rollcall::auth {

struct Settings {
  std::string authority;  ///< where keys are asked for: the origin of tokens
  std::string tenant_id;  ///< lower-case GUID
  Policy policy;
  std::string
      scope;  ///< that a person's token must carry to be let in; empty: any. Whoever calls with a valid token
              ///< that lacks it is known, but not let in: not the Authenticator's to judge
};

/// Who may call, by MS_AUTH_AUTHORITY, MS_AUTH_TENANT_ID, MS_AUTH_CLIENT_ID and ROLLCALL_API_…; what is
/// missing or wrong is a mistake only while MS_AUTH_ENABLED is true. The caller calls finish().
Settings load_settings(config::Settings& settings);

}  // namespace rollcall::auth
