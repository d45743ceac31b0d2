#include "common/dead_letters/dead_letters.h"

#include "workers/front/api/area.h"

/// Dead letters: what could not be served, and sending it back once the cause is mended.
namespace rollcall::front {
namespace {

constexpr const char* tag = "operations";
constexpr std::chrono::milliseconds kafka_patience{5'000};

/// The dead-letter topic that the path names, by itself or by the topic it belongs to.
std::string topic_of(Parts& parts, const Call& call) {
  const std::string& name = call.path.at("topic");
  const bool sound =
      !name.empty() && name.size() <= 249 &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
          std::string::npos;
  if (!sound) throw path_mistake("topic", "is no name of a topic");
  return dead_letters::require_dead_topic(kafka::list_topics(parts.kafka, kafka_patience), name);
}

dead_letters::LetterId letter_in(const std::string& topic, const std::string& partition_and_offset) {
  const auto id = dead_letters::parse_letter_id(topic + ":" + partition_and_offset);
  if (!id || id->topic != topic) throw path_mistake("letter", "is no partition and offset such as 0:17");
  return *id;
}

Response list_topics(Parts& parts, const Call&) {
  Json topics = Json::array();
  for (const auto& topic : kafka::list_topics(parts.kafka, kafka_patience)) {
    if (!kafka::is_dead_topic(topic.name)) continue;
    std::int64_t letters = 0;
    for (const auto& range : kafka::topic_ranges(parts.kafka, topic.name, kafka_patience))
      letters += range.next - range.first;
    topics.push_back({{"topic", topic.name}, {"letters", letters}});
  }
  return json_answer(200, {{"value", std::move(topics)}});
}

Response list_letters(Parts& parts, const Call& call) {
  const auto newest =
      dead_letters::read_newest(parts.database, parts.kafka, {topic_of(parts, call)}, limit_of(call));
  Json letters = Json::array();
  for (const auto& letter : newest.letters)
    letters.push_back(dead_letters::to_json(letter));
  return json_answer(200, {{"value", std::move(letters)}, {"total", newest.total}});
}

Response show_letter(Parts& parts, const Call& call) {
  const auto id = letter_in(topic_of(parts, call), call.path.at("letter"));
  std::vector<dead_letters::Letter> letters{dead_letters::read_letter(parts.kafka, id)};
  dead_letters::mark_replayed(parts.database, letters);
  return json_answer(200, dead_letters::to_json(letters[0], true));
}

Response replay(Parts& parts, const Call& call) {
  const auto topic = topic_of(parts, call);
  std::vector<dead_letters::Letter> letters;
  std::size_t i = 0;
  for (const auto& one : call.body.at("letters")) {
    const auto id = dead_letters::parse_letter_id(one.get<std::string>());
    if (!id || id->topic != topic)
      throw body_mistake("/letters/" + std::to_string(i),
                         "is no dead letter's id on " + topic + ", such as " + topic + ":0:17");
    letters.push_back(dead_letters::read_letter(parts.kafka, *id));
    ++i;
  }
  const bool dry_run = call.body.value("dry_run", false);
  dead_letters::Replayer replayer(parts.database, parts.kafka, asker_of(call),
                                  call.body.value("force", false), dry_run);
  dead_letters::Replayed answer;
  replayer.replay(std::move(letters), answer);
  publish(parts, std::move(answer.stored));
  return json_answer(200, dead_letters::to_json(answer, dry_run));
}

Operation operation(std::string method, std::string path, std::string id, std::string summary,
                    std::string answer) {
  return {.method = std::move(method),
          .path = std::move(path),
          .id = std::move(id),
          .summary = std::move(summary),
          .access = Access::operator_only,
          .answers = {{200, std::move(answer), "As it is now."}},
          .tag = tag};
}

}  // namespace

Routes dead_letters_routes(Parts& parts) {
  const std::string topic = "/api/v1/dead/{topic}";
  const auto with = [&parts](Response (*handler)(Parts&, const Call&)) {
    return [&parts, handler](const Call& call) { return handler(parts, call); };
  };
  Operation list = operation("GET", topic, "list_dead_letters",
                             "The newest dead letters of a topic, named by itself or by what it belongs to.",
                             "DeadLetterList");
  list.query = {paged()[0]};
  Operation send =
      operation("POST", topic + "/replay", "replay_dead_letters",
                "Sends dead letters back to where they came from, each once.", "DeadLetterReplay");
  send.body = "DeadLetterReplayRequest";
  return {
      {operation("GET", "/api/v1/dead", "list_dead_topics", "Dead-letter topics, and how much is on them.",
                 "DeadTopics"),
       with(list_topics)},
      {list, with(list_letters)},
      {operation("GET", topic + "/{letter}", "get_dead_letter",
                 "A dead letter whole, by partition and offset (0:17).", "DeadLetter"),
       with(show_letter)},
      {send, with(replay)},
  };
}

}  // namespace rollcall::front
