#pragma once
#include "common/runs/runs.h"
#include "common/worker/handler.h"

#include <functional>
#include <utility>
#include <vector>

namespace rollcall::fakes {

/// The context of a run that nobody cancels and no other worker takes; its checkpoints reach the database.
class RunContext final : public worker::RunContext {
 public:
  explicit RunContext(postgres::Database& database, std::stop_token stop = {})
      : database_(database), stop_(std::move(stop)) {}

  void checkpoint(const std::function<void(postgres::Transaction&)>& write,
                  std::vector<kafka::Message> publish) override {
    if (before_checkpoint) before_checkpoint();
    database_.transact([&](postgres::Transaction& transaction) {
      if (write) write(transaction);
      runs::store_in_outbox(transaction, publish);
    });
  }
  void confirm() override {}
  void carry(Json object) override { carried = std::move(object); }
  void progress(long, long) override {}
  [[nodiscard]] std::stop_token stop() const override { return stop_; }

  /// May throw, as where another worker took the run.
  std::function<void()> before_checkpoint;
  Json carried;

 private:
  postgres::Database& database_;
  std::stop_token stop_;
};

}  // namespace rollcall::fakes
