#include "common/core/reasons.h"
#include "common/dead_letters/dead_letters.h"
#include "ops/cli/commands.h"

#include <algorithm>

/// What could not be served: looked at, and sent back once the cause is mended.
namespace rollcall::cli {
namespace {

using dead_letters::Letter;
using dead_letters::Replayed;

constexpr std::chrono::milliseconds patience{5'000};
/// So many are sent back in one transaction.
constexpr std::size_t replay_block = 500;

dead_letters::LetterId require_letter_id(const std::string& text) {
  if (const auto id = dead_letters::parse_letter_id(text)) return *id;
  throw Failure(usage, "usage", "'" + printable(text) + "' is no dead letter's id",
                "Give an id as 'rollcall dead list' shows it, such as rollcall.audit.dead:0:17.");
}

void print_letter(Output& output, const Letter& letter) {
  output.line("letter     " + printable(letter.id()));
  if (letter.death) {
    const auto& death = *letter.death;
    output.line("died       " + printable(letter.time_of_death()));
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
  context.output.document(dead_letters::to_json(answer, arguments.dry_run));
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
    names.push_back(dead_letters::require_dead_topic(topics, arguments.topic));
  } else {
    for (const auto& topic : topics)
      if (kafka::is_dead_topic(topic.name)) names.push_back(topic.name);
  }
  const auto [letters, total] =
      dead_letters::read_newest(context.database(), context.kafka(), names, arguments.limit);
  Json list = Json::array();
  std::vector<std::vector<std::string>> table;
  for (const auto& letter : letters) {
    list.push_back(dead_letters::to_json(letter));
    table.push_back({printable(letter.id()), printable(letter.time_of_death()),
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
  const auto id = require_letter_id(arguments.letters.at(0));
  dead_letters::require_dead_topic(context.topics(), id.topic);
  std::vector<Letter> letters{dead_letters::read_letter(context.kafka(), id)};
  dead_letters::mark_replayed(context.database(), letters);
  const Letter& letter = letters[0];
  context.output.document(dead_letters::to_json(letter, true));
  print_letter(context.output, letter);
  return done;
}

int dead_replay(Context& context, const Arguments& arguments) {
  dead_letters::Replayer replayer(context.database(), context.kafka(),
                                  {context.tenant(), actor, context.now()}, arguments.force,
                                  arguments.dry_run);
  Replayed answer;
  std::vector<dead_letters::LetterId> ids;
  std::ranges::transform(arguments.letters, std::back_inserter(ids), require_letter_id);
  const auto topics = context.topics();
  std::vector<Letter> letters;
  for (const auto& id : ids) {
    dead_letters::require_dead_topic(topics, id.topic);
    letters.push_back(dead_letters::read_letter(context.kafka(), id));
  }
  if (ids.empty()) {
    const auto topic = dead_letters::require_dead_topic(topics, arguments.topic);
    kafka::read_ranges(
        context.kafka(), topic, kafka::topic_ranges(context.kafka(), topic, patience),
        [&](kafka::Message message) {
          auto letter = dead_letters::letter_of(std::move(message));
          if (!arguments.reason.empty() && (!letter.death || letter.death->code != arguments.reason))
            return true;
          letters.push_back(std::move(letter));
          if (letters.size() == replay_block) replayer.replay(std::exchange(letters, {}), answer);
          return true;
        });
  }
  if (!letters.empty()) replayer.replay(std::move(letters), answer);
  context.publish(std::move(answer.stored));
  return report_replay(context, arguments, answer);
}

}  // namespace rollcall::cli
