#pragma once
#include "workers/front/api/call.h"
#include "workers/front/mcp/era.h"
#include "workers/front/mcp/message.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::front::mcp {

class Exchange;
using ExchangePtr = std::shared_ptr<Exchange>;

/// Requests under way, for what a client says about them in another POST: that it takes one back, and the
/// answers to what it was asked (both of the legacy era). Safe from any thread.
class Underway {
 public:
  /// Of `principal`, in `session`.
  void add(const std::string& key, const ExchangePtr& exchange);
  void remove(const std::string& key, const Exchange* exchange);
  [[nodiscard]] ExchangePtr find(const std::string& key) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Exchange>> exchanges_;
};

/// One request and its answer. The answer is JSON, unless something is to be said before it: then it is a
/// stream of events, which ends behind it. Every method may be called from any thread; what is said after the
/// answer is dropped.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  struct Of {
    Call call;
    Message message;
    Era era = Era::modern;
    std::string version;
    Json client_capabilities = Json::object();
    std::string session = {};       ///< the id that the answer gives out; empty: none
    std::string cancelled_as = {};  ///< in Underway; empty: it cannot be taken back
  };
  Exchange(Of of, const ServerInfo& info, Underway& underway, Respond respond);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] const Call& call() const { return of_.call; }
  [[nodiscard]] const Json& params() const { return of_.message.params; }
  [[nodiscard]] const std::string& method() const { return of_.message.method; }
  [[nodiscard]] Era era() const { return of_.era; }
  [[nodiscard]] const std::string& version() const { return of_.version; }
  [[nodiscard]] const Json& client_capabilities() const { return of_.client_capabilities; }
  /// Throws Failed (missing_capability) where the client did not say that it can do that.
  void require_capability(const char* name) const;
  /// A member of params._meta; null where there is none.
  [[nodiscard]] Json meta(std::string_view name) const;
  /// Of the sender: for state that only it may bring back.
  [[nodiscard]] std::string principal() const { return of_.call.caller.identity(); }

  void finish(Json result);
  void fail(const RpcError& error);
  /// Runs `work`; what it throws is the answer.
  void guarded(const std::function<void()>& work);

  void notify(std::string_view method, Json params);
  /// notifications/progress, where the client asked for it and `progress` has grown.
  void progress(double progress, std::optional<double> total, std::string_view message);
  [[nodiscard]] bool wants_progress() const;
  /// Asks the client (legacy alone): `answered` gets the whole response. False where it cannot be asked.
  bool ask(std::string_view method, Json params, std::function<void(Json)> answered);
  /// The client's response to such a question.
  void answered(Json response);

  /// A comment, so that nothing on the way ends an idle stream.
  void beat();
  /// Nobody waits for the answer any more.
  void cancel();
  [[nodiscard]] bool cancelled() const;
  /// Runs `work` once, when the client takes its request back; not where it was answered before.
  void on_cancel(std::function<void()> work);

 private:
  enum class Phase { fresh, streaming, done };
  void send(const Json& message, bool last, int status);
  void start_stream();
  [[nodiscard]] Response json_response(const Json& message, int status) const;
  void close();

  const Of of_;
  const ServerInfo& info_;
  Underway& underway_;
  const Accepted accepted_;
  mutable std::mutex mutex_;
  Phase phase_ = Phase::fresh;
  Respond respond_;
  std::optional<http_server::EventStream> stream_;
  std::string waiting_;  // until the stream is there
  double progress_ = -1;
  bool cancelled_ = false;
  std::vector<std::function<void()>> on_cancel_;
  std::map<std::string, std::function<void(Json)>> asked_;
};

}  // namespace rollcall::front::mcp
