#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// HTTP towards the outside on libcurl's multi interface: HTTP/2 where the server offers it over TLS,
/// HTTP/1.1 keep-alive otherwise.
namespace rollcall::http_client {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  std::chrono::milliseconds timeout{60'000};
  std::size_t response_bytes_max = std::size_t{64} * 1024 * 1024;
  bool fresh_connection = false;  ///< after a 503, Microsoft asks for a new connection
};

/// What came of a request. status 0: no complete answer; then `error` says why and `sent` whether the request
/// may have reached the server, so that the outcome of a write is unknown.
struct Response {
  int status = 0;
  Headers headers;
  std::string body;
  std::string error;
  bool sent = false;

  /// First value of a header, any case; empty where absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// The seam: graph tests replace it by a fake.
class Transport {
 public:
  virtual ~Transport() = default;
  using OnDone = std::function<void(Response)>;
  /// Starts a request; `done` runs exactly once, on the transport's thread, and must not block.
  virtual void start(Request request, OnDone done) = 0;
  /// start() and wait. Never throws for what the network does.
  Response send(Request request);
};

struct Options {
  int connections_per_host = 16;
  std::string user_agent = "NONISV|Rollcall|Rollcall/" ROLLCALL_VERSION;
  std::string ca_file;  ///< extra trust anchors, PEM; empty: the system's
};

/// What ROLLCALL_CA_FILE means, in every program that has it.
inline constexpr const char* ca_file_help =
    "PEM of authorities trusted beside the system's, where Graph is reached through a private one";

/// One thread of its own. Destruction fails what is under way (status 0) and joins.
class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(Options options = {});
  ~CurlTransport() override;
  void start(Request request, OnDone done) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::http_client
