#include "common/dead_letters/dead_letters.h"

#include "workers/advisor_scan/adapters/sources.h"

#include <algorithm>

namespace rollcall::advisor_scan {
namespace {

constexpr std::chrono::milliseconds patience{5'000};
/// Of a topic, the newest so many are looked at: whoever has more knows enough.
constexpr long letters_max = 500;

}  // namespace

void read_dead_letters(postgres::Database& database, const kafka::Options& kafka, const std::string& prefix,
                       Snapshot& snapshot) {
  for (const auto& topic : kafka::list_topics(kafka, patience)) {
    if (!kafka::is_dead_topic(topic.name) || !topic.name.starts_with(prefix + ".")) continue;
    DeadLetters dead{topic.name, 0, {}, {}};
    for (const auto& letter : dead_letters::read_newest(database, kafka, {topic.name}, letters_max).letters) {
      if (letter.replays > 0) continue;
      ++dead.letters;
      ++dead.codes[letter.death ? letter.death->code : "dead_letter_unreadable"];
      if (const auto died = parse_rfc3339(letter.time_of_death()))
        dead.oldest = std::min(dead.oldest.value_or(*died), *died);
    }
    snapshot.dead_letters.push_back(std::move(dead));
  }
}

}  // namespace rollcall::advisor_scan
