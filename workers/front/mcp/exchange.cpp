#include "workers/front/mcp/exchange.h"

#include "common/crypto/crypto.h"
#include "common/log/log.h"

#include <utility>

namespace rollcall::front::mcp {
namespace {

const char* const event_stream = "text/event-stream";

std::string event_of(const Json& message) {
  return "event: message\ndata: " + dump(message) + "\n\n";
}

}  // namespace

void Underway::add(const std::string& key, const ExchangePtr& exchange) {
  const std::lock_guard lock(mutex_);
  exchanges_.insert_or_assign(key, exchange);
}

void Underway::remove(const std::string& key, const Exchange* exchange) {
  const std::lock_guard lock(mutex_);
  const auto found = exchanges_.find(key);
  if (found == exchanges_.end()) return;
  // A later request of the same id may have taken the place.
  const auto there = found->second.lock();
  if (!there || there.get() == exchange) exchanges_.erase(found);
}

ExchangePtr Underway::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = exchanges_.find(key);
  return found == exchanges_.end() ? nullptr : found->second.lock();
}

Exchange::Exchange(Of of, const ServerInfo& info, Underway& underway, Respond respond)
    : of_(std::move(of)),
      info_(info),
      underway_(underway),
      accepted_(read_accept(of_.call.request.header("Accept"))),
      respond_(std::move(respond)) {}

Exchange::~Exchange() {
  if (phase_ != Phase::done && !cancelled_)
    fail({rpc::internal, "The request was left without an answer; the log says why."});
  close();
}

void Exchange::require_capability(const char* name) const {
  if (of_.client_capabilities.contains(name)) return;
  throw Failed({rpc::missing_capability,
                std::string("This takes a client with the capability ") + name + ".",
                {{"requiredCapabilities", {{name, Json::object()}}}}});
}

Json Exchange::meta(std::string_view name) const {
  const auto found = params().find("_meta");
  if (found == params().end() || !found->is_object()) return nullptr;
  const auto member = found->find(name);
  return member == found->end() ? Json(nullptr) : *member;
}

void Exchange::finish(Json result) {
  send(result_message(of_.message.id, enveloped(std::move(result), era(), method(), info_)), true, 200);
}

void Exchange::fail(const RpcError& error) {
  send(error_message(of_.message.id, error), true, status_of(error, era()));
}

void Exchange::guarded(const std::function<void()>& work) {
  try {
    work();
  } catch (const Failed& failed) {
    fail(failed.error());
  } catch (...) {
    const auto refusal = refusal_for(std::current_exception(), call().request_id, "mcp");
    fail({rpc::internal, refusal.detail, {{"code", refusal.code}}});
  }
}

void Exchange::notify(std::string_view method, Json params) {
  send(notification_message(method, std::move(params)), false, 200);
}

bool Exchange::wants_progress() const {
  const auto token = meta("progressToken");
  return accepted_.events && (token.is_string() || token.is_number_integer());
}

void Exchange::progress(double progress, std::optional<double> total, std::string_view message) {
  if (!wants_progress()) return;
  {
    const std::lock_guard lock(mutex_);
    if (progress <= progress_) return;
    progress_ = progress;
  }
  Json params = {{"progressToken", meta("progressToken")}, {"progress", progress}};
  if (total) params["total"] = *total;
  if (!message.empty()) params["message"] = message;
  notify("notifications/progress", std::move(params));
}

bool Exchange::ask(std::string_view method, Json params, std::function<void(Json)> answered) {
  if (era() != Era::legacy || !accepted_.events) return false;
  const std::string id = crypto::new_uuid().to_string();
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::done) return false;
    asked_.emplace(id, std::move(answered));
  }
  underway_.add(principal() + " asked \"" + id + '"', shared_from_this());
  send(request_message(id, method, std::move(params)), false, 200);
  return true;
}

void Exchange::answered(Json response) {
  std::function<void(Json)> work;
  {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(text_member(response, "id"));
    if (found == asked_.end()) return;
    work = std::move(found->second);
    asked_.erase(found);
  }
  underway_.remove(principal() + " asked " + dump(response["id"]), this);
  guarded([&] { work(std::move(response)); });
}

Response Exchange::json_response(const Json& message, int status) const {
  http_server::Headers headers;
  if (!of_.session.empty() && message.contains("result")) headers.emplace_back("MCP-Session-Id", of_.session);
  return json_answer(status, message, std::move(headers));
}

void Exchange::send(const Json& message, bool last, int status) {
  std::unique_lock lock(mutex_);
  if (phase_ == Phase::done) return;
  // An error has a status of its own only where it is the whole answer.
  const bool as_json = phase_ == Phase::fresh && last && (accepted_.json || status != 200);
  if (as_json) {
    phase_ = Phase::done;
    auto respond = std::exchange(respond_, nullptr);
    lock.unlock();
    close();
    return respond(json_response(message, status));
  }
  if (!last && !accepted_.events) return;
  const bool fresh = phase_ == Phase::fresh;
  phase_ = last ? Phase::done : Phase::streaming;
  if (stream_) {
    if (!stream_->send(event_of(message))) log::debug("mcp_stream_gone", {{"method", method()}});
    if (last) stream_->close();
  } else {
    waiting_ += event_of(message);
  }
  lock.unlock();
  if (fresh) start_stream();
  if (last) close();
}

/// What was said until the stream is there goes first.
void Exchange::start_stream() {
  Response response;
  response.headers = {{"Content-Type", event_stream},
                      {"Cache-Control", "no-cache, no-store, no-transform"},
                      {"X-Accel-Buffering", "no"}};
  if (!of_.session.empty()) response.headers.emplace_back("MCP-Session-Id", of_.session);
  // The one that is answered already has nobody else who would keep it.
  const auto self = weak_from_this().lock();
  if (!self) return;
  response.stream = [self](const http_server::EventStream& stream) {
    {
      const std::lock_guard lock(self->mutex_);
      if (!self->waiting_.empty() && !stream.send(std::exchange(self->waiting_, {}))) return;
      if (self->phase_ == Phase::done) return stream.close();
      self->stream_ = stream;
    }
    stream.on_close([weak = std::weak_ptr(self)] {
      if (const auto still = weak.lock()) still->cancel();
    });
  };
  std::exchange(respond_, nullptr)(std::move(response));
}

void Exchange::beat() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::streaming && stream_) static_cast<void>(stream_->send(":\n\n"));
}

void Exchange::cancel() {
  std::vector<std::function<void()>> work;
  Respond respond;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::done) return;
    phase_ = Phase::done;
    cancelled_ = true;
    work = std::exchange(on_cancel_, {});
    if (stream_) stream_->close();
    respond = std::exchange(respond_, nullptr);
  }
  close();
  // A request that was taken back has no answer; its HTTP request has one all the same.
  if (respond) respond({202, {}, {}});
  for (const auto& one : work)
    one();
}

bool Exchange::cancelled() const {
  if (!call().request.wanted()) return true;
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

void Exchange::on_cancel(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::done) on_cancel_.push_back(std::move(work));
}

/// Takes it from the list of what is under way.
void Exchange::close() {
  if (!of_.cancelled_as.empty()) underway_.remove(of_.cancelled_as, this);
}

}  // namespace rollcall::front::mcp
