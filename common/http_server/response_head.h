#pragma once
#include "common/http_server/server.h"

#include <string>

namespace rollcall::http_server {

/// How a client learns where an answer ends.
enum class Framing {
  none,     ///< it has no body
  sized,    ///< Content-Length
  chunked,  ///< Transfer-Encoding, HTTP/1.1
  to_end    ///< the connection ends with it
};

/// False for what would not be the answer that was meant: a line break in a header (response splitting), a
/// header name that is none, a status that is not final.
bool can_be_sent(const Response& response);

/// Status line and headers, the empty line included.
std::string response_head(const Response& response, Framing framing, bool http_1_1, bool keep_alive);

}  // namespace rollcall::http_server
