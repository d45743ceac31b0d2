#pragma once
#include "common/config/settings.h"
#include "common/metrics/metrics.h"
#include "common/schema/validator.h"
#include "common/worker/common_settings.h"
#include "common/worker/handler.h"
#include "common/worker/health.h"
#include "common/worker/settlement.h"

#include <map>
#include <stop_token>
#include <string>

namespace rollcall::worker {

struct LoopOptions {
  std::string worker;  ///< "member-sync": topics are rollcall.<worker>.commands and .ticks
  kafka::Options kafka;
  std::string instance;  ///< who this process is: CommonSettings::instance
  bool stable = false;   ///< static group membership by that name
  int lanes = 8;
  int claim_batch_max = 500;
  RetryPolicy policy{};
  std::map<std::string, RetryPolicy> policies{};  ///< of operations that differ
  std::chrono::milliseconds stop_deadline{20'000};
  std::string topic_prefix = "rollcall";  ///< of topics and group; tests have their own
};
/// Declares the settings of the loop (ROLLCALL_LANES, ROLLCALL_ATTEMPTS_MAX, …).
LoopOptions load_loop_options(config::Settings& settings, const CommonSettings& common);

/// The loop every worker runs: poll, validate, claim in blocks, hand to lanes (order per organization,
/// parallel across), settle in blocks with the outbox in the same transaction, publish, commit the contiguous
/// finished prefix. Returns after `stop`, within stop_deadline. PostgreSQL or Kafka being away is waited out;
/// a consumer beyond repair ends the loop as `stop` does and is then thrown (Error{conflict}). `health`: what
/// the loop has to say of itself; nullptr: nobody asks.
void run_worker(const LoopOptions& options, postgres::Database& database, kafka::Producer& producer,
                const schema::Validator& schemas, Handler& handler, const Clock& clock,
                metrics::Registry& metrics, const std::stop_token& stop, Health* health = nullptr);

}  // namespace rollcall::worker
