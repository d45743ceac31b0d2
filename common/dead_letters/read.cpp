#include "common/core/error.h"
#include "common/core/reasons.h"
#include "common/dead_letters/dead_letters.h"

#include <algorithm>
#include <charconv>
#include <functional>

namespace rollcall::dead_letters {
namespace {

constexpr std::chrono::milliseconds patience{5'000};

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= 0;
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace

std::string Letter::id() const {
  return message.topic + ":" + std::to_string(message.partition) + ":" + std::to_string(message.offset);
}

std::string Letter::time_of_death() const {
  if (death && !death->died_at.empty()) return death->died_at;
  return to_rfc3339(WallTime(std::chrono::milliseconds(message.timestamp_ms)));
}

std::optional<LetterId> parse_letter_id(const std::string& text) {
  LetterId id;
  const auto last = text.rfind(':');
  const auto first = last == std::string::npos || last == 0 ? std::string::npos : text.rfind(':', last - 1);
  if (first == std::string::npos || first == 0) return std::nullopt;
  id.topic = text.substr(0, first);
  if (!read_number(std::string_view(text).substr(first + 1, last - first - 1), id.partition) ||
      !read_number(std::string_view(text).substr(last + 1), id.offset) || !kafka::is_dead_topic(id.topic))
    return std::nullopt;
  return id;
}

Letter letter_of(kafka::Message message) {
  Letter letter{std::move(message), {}, 0, {}};
  letter.death = kafka::death_of(letter.message);
  // Headers are anybody's to write: a letter goes back to its own topic or nowhere.
  if (letter.death && kafka::dead_topic(letter.death->origin.topic) != letter.message.topic)
    letter.death.reset();
  return letter;
}

Json to_json(const Letter& letter, bool whole) {
  Json json = {{"id", letter.id()},
               {"topic", letter.message.topic},
               {"partition", letter.message.partition},
               {"offset", letter.message.offset},
               {"key", letter.message.key},
               {"bytes", letter.message.value.size()},
               {"replays", letter.replays},
               {"replayed_at", text_or_null(letter.replayed_at)}};
  if (whole) {
    json["headers"] = Json::array();
    for (const auto& [name, value] : letter.message.headers)
      json["headers"].push_back({{"name", name}, {"value", value}});
    const auto value = parse_json(letter.message.value);
    json["value"] = value ? *value : Json(letter.message.value);
  }
  if (!letter.death) return json;
  const auto& death = *letter.death;
  json["code"] = death.code;
  json["message"] = death.message;
  json["cure"] = cure_for(death.code);
  json["group"] = death.group;
  json["attempts"] = death.attempts;
  json["died_at"] = text_or_null(death.died_at);
  json["origin"] = {
      {"topic", death.origin.topic},
      {"partition", death.origin.partition},
      {"offset", death.origin.offset},
      {"timestamp", to_rfc3339(WallTime(std::chrono::milliseconds(death.origin.timestamp_ms)))}};
  return json;
}

std::string require_dead_topic(const std::vector<kafka::TopicDescription>& topics, const std::string& name) {
  const std::string wanted = kafka::is_dead_topic(name) ? name : kafka::dead_topic(name);
  if (std::ranges::find(topics, wanted, &kafka::TopicDescription::name) != topics.end()) return wanted;
  throw Error(Fault::not_found, "topic_not_found", "there is no topic '" + wanted + "'");
}

Newest read_newest(postgres::Database& database, const kafka::Options& kafka,
                   const std::vector<std::string>& topics, long limit) {
  Newest newest;
  auto& letters = newest.letters;
  for (const auto& topic : topics) {
    auto ranges = kafka::topic_ranges(kafka, topic, patience);
    for (auto& range : ranges) {
      newest.total += range.next - range.first;
      range.first = std::max(range.first, range.next - limit);
    }
    kafka::read_ranges(kafka, topic, ranges, [&](kafka::Message message) {
      letters.push_back(letter_of(std::move(message)));
      return true;
    });
  }
  std::ranges::stable_sort(letters, std::greater{}, [](const Letter& letter) {
    return std::pair{letter.message.timestamp_ms, letter.message.offset};
  });
  if (letters.size() > static_cast<std::size_t>(limit)) letters.resize(static_cast<std::size_t>(limit));
  mark_replayed(database, letters);
  return newest;
}

Letter read_letter(const kafka::Options& kafka, const LetterId& id) {
  std::optional<Letter> found;
  for (auto range : kafka::topic_ranges(kafka, id.topic, patience)) {
    if (range.partition != id.partition || id.offset < range.first || id.offset >= range.next) continue;
    range.first = id.offset;
    range.next = id.offset + 1;
    kafka::read_ranges(kafka, id.topic, {range}, [&](kafka::Message message) {
      found = letter_of(std::move(message));
      return false;
    });
  }
  if (found) return std::move(*found);
  throw Error(Fault::not_found, "dead_letter_not_found",
              "there is no message " + std::to_string(id.offset) + " in partition " +
                  std::to_string(id.partition) + " of " + id.topic);
}

Json to_json(const Replayed& answer, bool dry_run) {
  Json refusals = Json::array();
  for (const auto& [id, code, message] : answer.refused)
    refusals.push_back({{"id", id}, {"code", code}, {"message", message}, {"cure", cure_for(code)}});
  return {{"replayed", answer.sent}, {"refused", refusals}, {"dry_run", dry_run}};
}

}  // namespace rollcall::dead_letters
