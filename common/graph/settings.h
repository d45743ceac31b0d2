#pragma once
#include "common/config/settings.h"
#include "common/graph/governor.h"
#include "common/graph/token_source.h"
#include "common/http_client/client.h"

#include <string>

namespace rollcall::graph {

struct MicrosoftSettings {
  bool enabled = true;  ///< MS_AUTH_ENABLED; unset is true
  std::string root;     ///< of Microsoft Graph, without version
  Credentials credentials;
  http_client::Options http;
  GovernorLimits limits;
};

/// Declares and reads MS_AUTH_…, MS_GRAPH_URL, ROLLCALL_GRAPH_… and ROLLCALL_CA_FILE, the same for every
/// process and for the command line. What is missing is a mistake only while MS_AUTH_ENABLED is true; the
/// caller calls finish().
MicrosoftSettings load_settings(config::Settings& settings);

}  // namespace rollcall::graph
