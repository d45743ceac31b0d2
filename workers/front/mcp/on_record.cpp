#include "workers/front/mcp/on_record.h"

#include "workers/front/api/agents.h"

#include <memory>
#include <optional>
#include <utility>

namespace rollcall::front::mcp {
namespace {

/// A call on its way. Settled in any case.
class Recorded : public std::enable_shared_from_this<Recorded> {
 public:
  Recorded(const FeatureParts& parts, ExchangePtr exchange, Invocation invocation, Answered then)
      : operations_(parts.operations),
        ledger_(parts.ledger),
        exchange_(std::move(exchange)),
        invocation_(std::move(invocation)),
        then_(std::move(then)) {}
  ~Recorded() {
    if (begun_) ledger_->settle(*begun_, {.status = 500, .code = "internal"}, [] {});
  }
  Recorded(const Recorded&) = delete;
  Recorded& operator=(const Recorded&) = delete;

  void run(AgentCall call) {
    if (!ledger_) return invoke();
    ledger_->begin(std::move(call),
                   [self = shared_from_this()](const BegunCall& begun, const std::exception_ptr& failed) {
                     self->exchange_->guarded([&] {
                       if (failed) std::rethrow_exception(failed);
                       self->begun_ = begun;
                       self->invoke();
                     });
                   });
  }

 private:
  void invoke() {
    operations_.invoke(std::move(invocation_), [self = shared_from_this()](const Response& response) {
      self->exchange_->guarded([&] { self->answered(response); });
    });
  }

  void answered(const Response& response) {
    auto body = response.body.empty() ? Result<Json>(Json()) : parse_json(response.body);
    if (!body) throw Error(Fault::invalid, "internal", "The operation's answer is no JSON.");
    const auto how = settlement_of(response.status, *body);
    const auto done = [self = shared_from_this(), status = response.status, body = std::move(*body)] {
      self->exchange_->guarded([&] { self->then_(status, body); });
    };
    if (const auto begun = std::exchange(begun_, std::nullopt)) return ledger_->settle(*begun, how, done);
    done();
  }

  const Operations& operations_;
  const CallLedger* const ledger_;
  const ExchangePtr exchange_;
  Invocation invocation_;
  const Answered then_;
  std::optional<BegunCall> begun_;  ///< while it is not settled
};

}  // namespace

AgentCall call_of(const Exchange& exchange, std::string operation, std::string parameters_hash) {
  return {.surface = "mcp",
          .operation = std::move(operation),
          .caller = exchange.call().caller,
          .parameters_hash = std::move(parameters_hash),
          .traceparent = kept_traceparent(exchange.call().traceparent)};
}

void ask_on_record(const FeatureParts& parts, const ExchangePtr& exchange, AgentCall call,
                   Invocation invocation, Answered then) {
  std::make_shared<Recorded>(parts, exchange, std::move(invocation), std::move(then))->run(std::move(call));
}

void refuse_on_record(const FeatureParts& parts, AgentCall call, Settlement how, std::function<void()> done) {
  if (!parts.ledger) return done();
  parts.ledger->refuse(std::move(call), std::move(how), std::move(done));
}

}  // namespace rollcall::front::mcp
