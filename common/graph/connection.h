#pragma once
#include "common/graph/client.h"
#include "common/graph/governor.h"
#include "common/graph/settings.h"
#include "common/graph/throttle_channel.h"
#include "common/graph/token_source.h"

#include <chrono>
#include <functional>
#include <map>
#include <string>

namespace rollcall::graph {

struct ConnectionOptions {
  MicrosoftSettings microsoft;
  kafka::Options kafka;
  std::string instance;  ///< "worker/instance", as `living` names it
  /// See ThrottleChannelOptions.
  std::function<std::map<std::string, std::chrono::milliseconds>()> living;
};

/// All that stands between a process and Microsoft Graph: its token, its share of the quota that it divides
/// with the other processes of the app, and the client over both. One per process.
class Connection {
 public:
  Connection(const ConnectionOptions& options, http_client::Transport& transport, kafka::Producer& producer,
             const schema::Validator& messages, const Clock& clock, metrics::Registry& metrics);
  [[nodiscard]] Client& client() { return client_; }
  [[nodiscard]] TokenSource& tokens() { return tokens_; }

 private:
  TokenSource tokens_;
  Governor governor_;
  ThrottleChannel channel_;
  Client client_;
};

}  // namespace rollcall::graph
