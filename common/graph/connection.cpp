#include "common/graph/connection.h"

namespace rollcall::graph {

Connection::Connection(const ConnectionOptions& options, http_client::Transport& transport,
                       kafka::Producer& producer, const schema::Validator& messages, const Clock& clock,
                       metrics::Registry& metrics)
    : tokens_(transport, clock, options.microsoft.credentials),
      governor_(options.microsoft.limits, clock),
      channel_({options.kafka,
                {options.microsoft.credentials.tenant_id, options.microsoft.credentials.client_id},
                options.instance,
                options.microsoft.limits,
                options.living},
               producer, messages, governor_, clock, metrics),
      client_(transport, tokens_, governor_, clock, {.root = options.microsoft.root}, metrics) {}

}  // namespace rollcall::graph
