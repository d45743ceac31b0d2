#include "common/worker/feed.h"

#include "common/core/error.h"
#include "common/core/waiting.h"
#include "common/kafka/dead_letter.h"
#include "common/log/log.h"
#include "common/runs/blocks.h"

#include <utility>

namespace rollcall::worker {
namespace {

constexpr std::size_t poll_max = 256;
constexpr std::chrono::milliseconds poll_wait{100};
constexpr std::chrono::milliseconds commit_every{100};
constexpr std::chrono::milliseconds patience{500};  // with a full house, before the consumer is paused
constexpr const char* tick_type = "rollcall.tick.v1";

/// Takes a text out of an object; empty where there is none.
std::string take_text(Json& value, const char* field) {
  const auto found = value.find(field);
  if (found == value.end()) return {};
  std::string text = found->is_string() ? std::move(found->get_ref<std::string&>()) : std::string{};
  value.erase(found);
  return text;
}

std::string type_of(const kafka::Message& message, const Json& value, const std::string& command_type,
                    bool ticks) {
  if (auto type = message.header("ce_type"); type && !type->empty()) return std::move(*type);
  return ticks && value.is_object() && value.contains("tick_id") ? tick_type : command_type;
}

}  // namespace

Command command_of(Json value) {
  Command command;
  command.run_id = Uuid::parse(take_text(value, "run_id")).value_or(Uuid{});
  command.organization_id = Uuid::parse(take_text(value, "organization_id"));
  command.tenant_id = take_text(value, "tenant_id");
  command.operation = take_text(value, "operation");
  command.caller_identity = take_text(value, "requested_by");
  value.erase("requested_at");
  command.parameters = std::move(value);  // what is not the envelope is what the run is about
  return command;
}

Judged judge(const kafka::Message& message, const std::string& worker, bool ticks,
             const schema::Validator& schemas) {
  auto parsed = parse_json(message.value);
  if (!parsed) return parsed.error();
  Json& value = *parsed;
  const std::string command_type = "rollcall." + worker + ".command.v1";
  const std::string type = type_of(message, value, command_type, ticks);
  const bool is_tick = ticks && type == tick_type;
  if (!is_tick && type != command_type) {
    return Problem{"unknown_message_type",
                   "Messages of type '" + type + "' are not served on " + message.topic + "."};
  }
  if (auto problem = schemas.check(type, value)) return *problem;
  if (is_tick) return Tick{std::move(value), {}};
  Command command = command_of(std::move(value));
  command.urgent = !ticks;
  command.parameters_hash = runs::parameters_hash(command.parameters);
  command.traceparent = message.header("traceparent").value_or("");
  return command;
}

void Graveyard::bury(const Ticket& ticket, const Problem& problem, const std::string& group) {
  log::warn("message_buried", {{"topic", ticket.message->topic},
                               {"partition", ticket.message->partition},
                               {"offset", ticket.message->offset},
                               {"code", problem.code},
                               {"message", problem.message}});
  counter_.add();
  deliveries_.send(ticket, kafka::dead_letter(*ticket.message, problem, group, clock_.wall()));
}

Feed::Feed(kafka::ConsumerOptions options, Wiring wiring, Deliveries& deliveries, Graveyard& graveyard,
           metrics::Counter& messages)
    : group_(options.group),
      topic_(options.topics.front()),
      wiring_(std::move(wiring)),
      deliveries_(deliveries),
      graveyard_(graveyard),
      messages_(messages),
      consumer_(std::move(options)) {
  consumer_.on_revoked([this](const std::vector<kafka::TopicPartition>& partitions) {
    commit(true);  // the next holder then repeats as little as possible
    for (const auto& partition : partitions)
      offsets_->forget(partition);
  });
}

void Feed::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    try {
      poll_once();
    } catch (const std::exception& error) {
      const auto* ours = dynamic_cast<const Error*>(&error);
      if (ours != nullptr && ours->fault() == Fault::conflict) throw;
      log::warn("poll_failed", log::describe(error));
      pause(std::chrono::milliseconds{500}, stop);
    }
  }
}

void Feed::poll_once() {
  hold_back();
  for (auto& message : consumer_.poll(poll_max, poll_wait))
    take(std::move(message));
  if (std::chrono::steady_clock::now() - committed_at_ >= commit_every) commit(false);
  deliveries_.retry();
}

// Pausing makes librdkafka throw away what it has fetched ahead, so it is for work that takes long; a short
// wait is just not polling.
void Feed::hold_back() {
  bool full = offsets_->open() >= wiring_.open_max;
  if (full && !paused_) full = !offsets_->wait_for_fewer(wiring_.open_max * 3 / 4, patience);
  if (full == paused_) return;
  paused_ = full;
  full ? consumer_.pause() : consumer_.resume();
  if (wiring_.health == nullptr) return;
  const std::string name = "queue " + topic_;
  if (!full) return wiring_.health->clear(name);
  wiring_.health->note(name, "full: " + std::to_string(wiring_.open_max) +
                                 " messages are in hand, and no more are taken before some are finished");
}

void Feed::take(kafka::Message message) {
  messages_.add();
  const auto original = std::make_shared<const kafka::Message>(std::move(message));
  const Ticket ticket{offsets_, original};
  offsets_->started({original->topic, original->partition}, original->offset);
  if (const auto problem = wiring_.take(ticket)) graveyard_.bury(ticket, *problem, group_);
}

void Feed::commit(bool synchronous) {
  committed_at_ = std::chrono::steady_clock::now();
  const auto next = offsets_->take_committable();
  if (next.empty()) return;
  try {
    consumer_.commit(next, synchronous);
  } catch (const std::exception& error) {
    // Whoever reads these again skips them: their runs are settled.
    log::warn("commit_failed", log::describe(error));
  }
}

void Feed::close() {
  commit(true);
  try {
    consumer_.close();
  } catch (const std::exception& error) {
    log::warn("consumer_close_failed", log::describe(error));
  }
}

}  // namespace rollcall::worker
