#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rollcall::test {

/// An HTTP/1.1 server that may do what no proper one does: read a whole request, and close without an answer.
/// Its connections stay open otherwise.
class RawServer {
 public:
  /// The bytes of the answer to one request, head and body; nothing: the connection is closed.
  using Answer = std::function<std::optional<std::string>(const std::string& request)>;
  /// `answer` runs on the server's threads, for one request at a time.
  explicit RawServer(Answer answer);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] std::string url() const;
  /// From here on new connections are refused; those that are open stay so.
  void refuse_connections();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rollcall::test
