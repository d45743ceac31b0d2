#include "common/core/reasons.h"
#include "ops/cli/commands.h"
#include "ops/cli/dead_letters.h"
#include "ops/cli/rows.h"

#include <algorithm>

/// What could not be served: looked at, and sent back once the cause is mended.
namespace rollcall::cli {
namespace {

constexpr std::chrono::milliseconds patience{5'000};
/// So many are sent back in one transaction.
constexpr std::size_t replay_block = 500;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json to_json(const Letter& letter) {
  Json json = {{"id", letter.id()},
               {"topic", letter.message.topic},
               {"partition", letter.message.partition},
               {"offset", letter.message.offset},
               {"key", letter.message.key},
               {"bytes", letter.message.value.size()},
               {"replays", letter.replays},
               {"replayed_at", text_or_null(letter.replayed_at)}};
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

std::string time_of_death(const Letter& letter) {
  if (letter.death && !letter.death->died_at.empty()) return letter.death->died_at;
  return to_rfc3339(WallTime(std::chrono::milliseconds(letter.message.timestamp_ms)));
}

/// The newest of a topic, `limit` of each partition at most; how many there are in all is added to `total`.
void read_newest(Context& context, const std::string& topic, long limit, std::vector<Letter>& letters,
                 long& total) {
  auto ranges = kafka::topic_ranges(context.kafka(), topic, patience);
  for (auto& range : ranges) {
    total += range.next - range.first;
    range.first = std::max(range.first, range.next - limit);
  }
  kafka::read_ranges(context.kafka(), topic, ranges, [&](kafka::Message message) {
    letters.push_back(letter_of(std::move(message)));
    return true;
  });
}

Letter read_letter(Context& context, const LetterId& id) {
  std::optional<Letter> found;
  for (auto range : kafka::topic_ranges(context.kafka(), id.topic, patience)) {
    if (range.partition != id.partition || id.offset < range.first || id.offset >= range.next) continue;
    range.first = id.offset;
    range.next = id.offset + 1;
    kafka::read_ranges(context.kafka(), id.topic, {range}, [&](kafka::Message message) {
      found = letter_of(std::move(message));
      return false;
    });
  }
  if (found) return std::move(*found);
  throw Failure(not_found, "dead_letter_not_found",
                "there is no message " + std::to_string(id.offset) + " in partition " +
                    std::to_string(id.partition) + " of " + printable(id.topic));
}

void print_letter(Output& output, const Letter& letter) {
  output.line("letter     " + printable(letter.id()));
  if (letter.death) {
    const auto& death = *letter.death;
    output.line("died       " + printable(time_of_death(letter)));
    output.line("came from  " + printable(death.origin.topic) + " partition " +
                std::to_string(death.origin.partition) + " offset " + std::to_string(death.origin.offset) +
                ", sent " + to_rfc3339(WallTime(std::chrono::milliseconds(death.origin.timestamp_ms))));
    output.line("read by    " + printable(death.group) + ", attempts " + std::to_string(death.attempts));
    output.line("why        " + printable(death.message) + " (" + printable(death.code) + ")");
    if (const auto cure = cure_for(death.code); !cure.empty()) output.line("what to do " + std::string(cure));
  } else {
    output.line("why        its headers do not say; Rollcall did not put it here");
  }
  output.line("sent back  " + (letter.replays == 0 ? std::string("never")
                                                   : std::to_string(letter.replays) + " times, the last " +
                                                         letter.replayed_at));
  output.line("key        " + printable(letter.message.key));
  for (const auto& [name, value] : letter.message.headers)
    output.line("header     " + printable(name) + ": " + printable(value));
  output.line("value      " + printable(letter.message.value));
}

int report_replay(Context& context, const Arguments& arguments, const Replayed& answer) {
  Json refusals = Json::array();
  for (const auto& [id, code, message] : answer.refused)
    refusals.push_back({{"id", id}, {"code", code}, {"message", message}, {"cure", cure_for(code)}});
  context.output.document({{"replayed", answer.sent}, {"refused", refusals}, {"dry_run", arguments.dry_run}});
  const char* verb = arguments.dry_run ? "would send back " : "sent back ";
  for (const auto& id : answer.sent)
    context.output.line(verb + printable(id));
  for (const auto& [id, code, message] : answer.refused)
    context.output.line("left " + printable(id) + ": " + message + " (" + code + ")");
  if (answer.sent.empty() && answer.refused.empty())
    context.output.line("nothing to send back: there are no such dead letters");
  // Of all there are, what was sent before is simply not sent again; what was named was meant.
  return arguments.letters.empty() || answer.refused.empty() ? done : refused;
}

}  // namespace

int dead_list(Context& context, const Arguments& arguments) {
  const auto topics = context.topics();
  std::vector<std::string> names;
  if (!arguments.topic.empty()) {
    names.push_back(require_dead_topic(topics, arguments.topic));
  } else {
    for (const auto& topic : topics)
      if (kafka::is_dead_topic(topic.name)) names.push_back(topic.name);
  }
  std::vector<Letter> letters;
  long total = 0;
  for (const auto& name : names)
    read_newest(context, name, arguments.limit, letters, total);
  std::ranges::stable_sort(letters, std::greater{}, [](const Letter& letter) {
    return std::pair{letter.message.timestamp_ms, letter.message.offset};
  });
  if (letters.size() > static_cast<std::size_t>(arguments.limit))
    letters.resize(static_cast<std::size_t>(arguments.limit));
  mark_replayed(context.database(), letters);
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& letter : letters) {
    list.push_back(to_json(letter));
    table.push_back({printable(letter.id()), printable(time_of_death(letter)),
                     letter.death ? printable(letter.death->code) : "-", printable(letter.message.key),
                     letter.replays > 0 ? letter.replayed_at : "never",
                     letter.death ? printable(letter.death->message) : "-"});
  }
  context.output.document(list);
  context.output.table({"ID", "DIED", "WHY", "KEY", "SENT BACK", "MESSAGE"}, table,
                       "There are no dead letters.");
  if (total > static_cast<long>(letters.size()) && !context.output.json())
    context.output.note("note: the newest " + std::to_string(letters.size()) + " of " +
                        std::to_string(total) + "; give --limit for more.");
  return done;
}

int dead_show(Context& context, const Arguments& arguments) {
  const LetterId id = parse_letter_id(arguments.letters.at(0));
  require_dead_topic(context.topics(), id.topic);
  std::vector<Letter> letters{read_letter(context, id)};
  mark_replayed(context.database(), letters);
  const Letter& letter = letters[0];
  Json json = to_json(letter);
  json["headers"] = Json::array();
  for (const auto& [name, value] : letter.message.headers)
    json["headers"].push_back({{"name", name}, {"value", value}});
  const auto value = parse_json(letter.message.value);
  json["value"] = value ? *value : Json(letter.message.value);
  context.output.document(json);
  print_letter(context.output, letter);
  return done;
}

int dead_replay(Context& context, const Arguments& arguments) {
  Replayer replayer(context, arguments.force, arguments.dry_run);
  Replayed answer;
  std::vector<LetterId> ids;
  std::ranges::transform(arguments.letters, std::back_inserter(ids), parse_letter_id);
  const auto topics = context.topics();
  std::vector<Letter> letters;
  for (const auto& id : ids) {
    require_dead_topic(topics, id.topic);
    letters.push_back(read_letter(context, id));
  }
  if (ids.empty()) {
    const auto topic = require_dead_topic(topics, arguments.topic);
    kafka::read_ranges(
        context.kafka(), topic, kafka::topic_ranges(context.kafka(), topic, patience),
        [&](kafka::Message message) {
          auto letter = letter_of(std::move(message));
          if (!arguments.reason.empty() && (!letter.death || letter.death->code != arguments.reason))
            return true;
          letters.push_back(std::move(letter));
          if (letters.size() == replay_block) replayer.replay(std::exchange(letters, {}), answer);
          return true;
        });
  }
  if (!letters.empty()) replayer.replay(std::move(letters), answer);
  return report_replay(context, arguments, answer);
}

}  // namespace rollcall::cli
