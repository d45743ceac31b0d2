#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What is asked of the head of a request beyond what Beast's parser asks. A reading of the bytes that any
/// other reader on the way (a proxy, an ingress) could take differently is refused, so that no request can be
/// smuggled inside another: one line ending, one length, one host, no folding. RFC 9112 sections 2 to 7.
namespace rollcall::http_server {

/// Why a request is answered by the server itself. status 0: not refused.
struct Refusal {
  int status = 0;
  std::string_view what;  ///< lower case, names what is wrong
  explicit operator bool() const { return status != 0; }
};

struct HeadLimits {
  std::size_t target_bytes_max;
  std::size_t headers_max;
};

/// RFC 9110 sections 5.1 and 5.5.
bool is_header_name(std::string_view text);
bool is_header_value(std::string_view text);
bool same_name(std::string_view left, std::string_view right);

/// Views into the bytes that were read.
struct Head {
  std::string_view method;
  std::string_view target;
  bool http_1_1 = false;
  bool chunked = false;
  bool sized = false;  ///< has a Content-Length
  std::uint64_t content_length = 0;
  bool expects_continue = false;
  std::size_t hosts = 0;
};

/// Where in `raw`, which begins with a request line, its head ends (behind the empty line); 0: not yet.
/// Nothing before `scanned` is looked at again.
struct HeadEnd {
  std::size_t at = 0;
  Refusal refusal;
};
HeadEnd find_head_end(std::string_view raw, std::size_t scanned);

/// Reads a whole head, the empty line included.
Refusal read_head(std::string_view raw, const HeadLimits& limits, Head& head);

}  // namespace rollcall::http_server
