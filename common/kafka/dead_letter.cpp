#include "common/kafka/dead_letter.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace rollcall::kafka {
namespace {

constexpr std::string_view dead_suffix = ".dead";
constexpr std::string_view dead_prefix = "rollcall-dead-";
constexpr std::string_view replay_prefix = "rollcall-replay-";
constexpr const char* replay_count = "rollcall-replay-count";

/// A letter that someone put back by other means still carries its old headers; a second death must not hide
/// behind the first.
Headers without(const Headers& headers, std::string_view prefix) {
  Headers kept;
  std::ranges::copy_if(headers, std::back_inserter(kept),
                       [&](const auto& header) { return !header.first.starts_with(prefix); });
  return kept;
}

template <class Number>
std::optional<Number> number_of(const Message& message, const std::string& name) {
  const auto text = message.header(name);
  if (!text) return std::nullopt;
  Number number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size() || number < 0) return std::nullopt;
  return number;
}

/// A count that others may have written: absent or absurd, it is none.
long count_of(const Message& message, const std::string& name) {
  return std::min(number_of<long>(message, name).value_or(0), 1'000'000L);
}

}  // namespace

bool is_dead_topic(const std::string& topic) {
  return topic.size() > dead_suffix.size() && topic.ends_with(dead_suffix);
}

Message dead_letter(const Message& message, const Problem& problem, const std::string& group, WallTime now) {
  Message letter;
  letter.topic = dead_topic(message.topic);
  letter.key = message.key;
  letter.value = message.value;
  letter.headers = without(message.headers, dead_prefix);
  for (auto& header : Headers{{"rollcall-dead-topic", message.topic},
                              {"rollcall-dead-partition", std::to_string(message.partition)},
                              {"rollcall-dead-offset", std::to_string(message.offset)},
                              {"rollcall-dead-timestamp", std::to_string(message.timestamp_ms)},
                              {"rollcall-dead-group", group},
                              {"rollcall-dead-reason", problem.code},
                              {"rollcall-dead-message", problem.message},
                              {"rollcall-dead-attempts", std::to_string(1 + count_of(message, replay_count))},
                              {"rollcall-dead-at", to_rfc3339(now)}}) {
    letter.headers.push_back(std::move(header));
  }
  return letter;
}

std::optional<Death> death_of(const Message& letter) {
  const auto topic = letter.header("rollcall-dead-topic");
  const auto partition = number_of<std::int32_t>(letter, "rollcall-dead-partition");
  const auto offset = number_of<std::int64_t>(letter, "rollcall-dead-offset");
  if (!topic || topic->empty() || !partition || !offset) return std::nullopt;
  const auto text = [&](const char* name) { return letter.header(name).value_or(""); };
  Death death;
  death.origin = {*topic, *partition, *offset,
                  number_of<std::int64_t>(letter, "rollcall-dead-timestamp").value_or(0)};
  death.group = text("rollcall-dead-group");
  death.code = text("rollcall-dead-reason");
  death.message = text("rollcall-dead-message");
  death.attempts = std::max(1L, count_of(letter, "rollcall-dead-attempts"));
  death.died_at = text("rollcall-dead-at");
  death.replays = count_of(letter, replay_count);
  return death;
}

Message replay_of(const Message& letter, const Death& death, long nth, WallTime now) {
  Message message;
  message.topic = death.origin.topic;
  message.key = letter.key;
  message.value = letter.value;
  message.headers = without(without(letter.headers, dead_prefix), replay_prefix);
  message.headers.emplace_back(replay_count, std::to_string(nth));
  message.headers.emplace_back("rollcall-replay-of", death.origin.topic + ":" +
                                                         std::to_string(death.origin.partition) + ":" +
                                                         std::to_string(death.origin.offset));
  message.headers.emplace_back("rollcall-replay-at", to_rfc3339(now));
  return message;
}

}  // namespace rollcall::kafka
