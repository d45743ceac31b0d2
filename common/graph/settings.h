#pragma once
#include "common/config/settings.h"
#include "common/graph/token_source.h"

#include <string>

namespace rollcall::graph {

struct MicrosoftSettings {
  bool enabled = true;  ///< MS_AUTH_ENABLED; unset is true
  std::string root;     ///< of Microsoft Graph, without version
  Credentials credentials;
};

/// Declares and reads MS_AUTH_… and MS_GRAPH_URL, the same for every process and for the command line. What
/// is missing is a mistake only while MS_AUTH_ENABLED is true; the caller calls finish().
MicrosoftSettings load_settings(config::Settings& settings);

}  // namespace rollcall::graph
