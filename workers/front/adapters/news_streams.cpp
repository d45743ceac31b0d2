#include "workers/front/adapters/news_streams.h"

#include "common/core/error.h"
#include "common/kafka/reader.h"
#include "common/log/log.h"
#include "workers/front/adapters/news_readers.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace rollcall::front {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds come_back_after{2};
/// While readers have not read what they were sent, this often it is looked whether they have.
constexpr auto look_again = 50ms;
constexpr auto broker_timeout = 5s;
/// So many messages of a replay, or bytes, are judged with one statement.
constexpr std::size_t replay_block = 500, replay_block_bytes = std::size_t{128} << 10U;
/// In all, while Kafka is read once, it is waited for readers who are not quick enough; the others wait too.
constexpr auto patience = 500ms;
constexpr auto breath = 2ms;

/// For whom these are, by PostgreSQL; what is no news, or of a run that nobody has heard of, is for nobody.
std::vector<HeardNews> judge(postgres::Database& database, const std::vector<kafka::Message>& messages) {
  std::vector<HeardNews> judged;
  std::vector<Uuid> runs;
  std::vector<std::optional<Uuid>> of;
  for (const auto& message : messages) {
    auto news = read_news(message.value, message.header("ce_id").value_or(""));
    judged.push_back({static_cast<std::size_t>(message.partition), message.offset,
                      news ? std::move(news->body) : std::string()});
    of.push_back(news ? std::optional{news->run} : std::nullopt);
    if (news) runs.push_back(news->run);
  }
  if (runs.empty()) return judged;
  const auto audiences = find_audiences(database, runs);
  for (std::size_t i = 0; i < judged.size(); ++i) {
    const auto found = of[i] ? audiences.find(*of[i]) : audiences.end();
    found == audiences.end() ? judged[i].body.clear() : void(judged[i].audience = found->second);
  }
  return judged;
}

}  // namespace

struct NewsStreams::State {
  State(kafka::Options options, std::string name, postgres::Database& db, NewsLimits given)
      : kafka(std::move(options)),
        topic(std::move(name)),
        database(db),
        limits(given),
        memory(given.memory_messages, given.memory_bytes) {}

  // ---- All with the lock held.

  [[nodiscard]] bool nobody_reads() const { return readers.empty() && catching_up.empty(); }

  /// From here on it hears what comes.
  void go_live(const NewsReaderPtr& reader) {
    reader->catching_up = false;
    if (reader->gone) return;
    if (covers(now, reader->at)) reader->at.clear();
    readers.add(reader);
  }

  void begin_anew(const NewsReaderPtr& reader, std::string_view event) {
    reader->at.clear();
    if (reader->stream.send(event_text(write_positions(now), event, "{}"))) go_live(reader);
  }

  /// From memory where that is enough. False where it is still behind.
  bool catch_up(const NewsReaderPtr& reader) {
    if (!covers(reader->at, memory.from())) return false;
    for (const auto& news : memory.news()) {
      if (!has_room(*reader, news)) return false;
      if (!reader->hear(news)) return true;
    }
    go_live(reader);
    return true;
  }

  void tell(const NewsReaderPtr& reader, const HeardNews& news, const std::string& text) const {
    if (reader->at.empty()) return (void)reader->stream.send(text);
    // Another front had told it more than this one had seen when it came.
    if (news.offset >= position_of(reader->at, news.partition)) {
      reader->at = later_of(std::move(reader->at), now);
      (void)reader->stream.send(event_text(write_positions(reader->at), "job", news.body));
    }
    if (covers(now, reader->at)) reader->at.clear();
  }

  // ---- The replay's thread.

  void replay(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      try {
        const auto behind = next_block(stop);
        if (!behind.empty()) read_for(behind, stop);
      } catch (const std::exception& error) {
        log::warn("news_replay_failed", log::describe(error));
        std::unique_lock lock(mutex);
        catching_up.insert(catching_up.end(), reading.begin(), reading.end());
        reading.clear();
        changed.wait_for(lock, stop, 1s, [] { return false; });
      }
    }
  }

  /// Readers for whom Kafka has to be read. Those whom memory brings up are served on the way.
  std::vector<NewsReaderPtr> next_block(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    if (!changed.wait(lock, stop, [this] { return begun && !catching_up.empty(); })) return {};
    std::vector<NewsReaderPtr> behind, later;
    for (auto& reader : std::exchange(catching_up, {})) {
      if (reader->gone || !reader->stream.open()) continue;
      if (reader->stream.waiting() > limits.replay_ahead_bytes / 2) {
        later.push_back(reader);
      } else if (!asks_kafka(*reader) && catch_up(reader)) {
        continue;
      } else {
        (covers(reader->at, memory.from()) && !asks_kafka(*reader) ? later : behind).push_back(reader);
      }
    }
    catching_up = later;
    reading = behind;
    if (behind.empty() && !later.empty()) changed.wait_for(lock, stop, look_again, [] { return false; });
    return behind;
  }

  /// Whether only Kafka can say that the position is one of this topic's.
  [[nodiscard]] bool asks_kafka(const NewsReader& reader) const { return !covers(now, reader.at); }

  void read_for(const std::vector<NewsReaderPtr>& behind, const std::stop_token& stop) {
    const auto held = kafka::topic_ranges(kafka, topic, broker_timeout);
    std::vector<kafka::Range> ranges;
    std::vector<NewsReaderPtr> members;
    {
      const std::lock_guard lock(mutex);
      members = reading = admit(behind, held);
      for (const auto& range : held) {
        const auto partition = static_cast<std::size_t>(range.partition);
        std::int64_t first = position_of(now, partition);
        for (const auto& member : members)
          first = std::min(first, position_of(member->at, partition));
        ranges.push_back({range.partition, first, position_of(now, partition)});
      }
    }
    replay_to(members, ranges, stop);
    const std::lock_guard lock(mutex);
    for (const auto& member : members) {
      // What Kafka has no message at (retention, a transaction's mark) has been passed over too.
      if (!member->full) member->at = later_of(member->at, read_to(ranges));
      if (!catch_up(member)) catching_up.push_back(member);
    }
    reading.clear();
  }

  /// Those who can go on where they stood; the others begin anew. With the lock held.
  std::vector<NewsReaderPtr> admit(const std::vector<NewsReaderPtr>& behind,
                                   const std::vector<kafka::Range>& ranges) {
    std::vector<Held> held(ranges.size());
    for (const auto& range : ranges)
      held.at(static_cast<std::size_t>(range.partition)) = {range.first, range.next};
    std::vector<NewsReaderPtr> members;
    for (const auto& reader : behind) {
      reader->full = false;
      can_resume(held, reader->at, now, limits.replay_messages) ? members.push_back(reader)
                                                                : begin_anew(reader, "reset");
    }
    return members;
  }

  /// What is larger than all that may wait goes alone.
  [[nodiscard]] bool has_room(const NewsReader& reader, const HeardNews& news) const {
    const auto waiting = reader.stream.waiting();
    return waiting == 0 || waiting + news.body.size() <= limits.replay_ahead_bytes;
  }

  void replay_to(const std::vector<NewsReaderPtr>& members, const std::vector<kafka::Range>& ranges,
                 const std::stop_token& stop) {
    std::vector<kafka::Message> block;
    std::size_t bytes = 0;
    std::chrono::milliseconds left = patience;
    const auto hand_out = [&] {
      for (const auto& news : judge(database, std::exchange(block, {})))
        for (const auto& member : members)
          if (waits_for_room(*member, news, left, stop)) (void)member->hear(news);
      bytes = 0;
    };
    kafka::read_ranges(kafka, topic, ranges, [&](kafka::Message message) {
      bytes += message.value.size();
      block.push_back(std::move(message));
      if (block.size() >= replay_block || bytes >= replay_block_bytes) hand_out();
      const bool any = std::ranges::any_of(members, [](const auto& member) { return !member->full; });
      return any && !stop.stop_requested();
    });
    hand_out();
  }

  /// Whether this may be sent to it; with `left`, after a while perhaps. Once not, it is for the next time.
  bool waits_for_room(NewsReader& reader, const HeardNews& news, std::chrono::milliseconds& left,
                      const std::stop_token& stop) {
    if (reader.full) return false;
    while (!has_room(reader, news) && reader.stream.open() && left > 0ms && !stop.stop_requested()) {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, stop, breath, [] { return false; });
      left -= breath;
    }
    reader.full = !has_room(reader, news);
    return !reader.full;
  }

  static Positions read_to(const std::vector<kafka::Range>& ranges) {
    Positions to;
    for (const auto& range : ranges)
      if (range.next > 0) advance(to, static_cast<std::size_t>(range.partition), range.next - 1);
    return to;
  }

  const kafka::Options kafka;
  const std::string topic;
  postgres::Database& database;
  const NewsLimits limits;

  std::mutex mutex;
  std::condition_variable_any changed;
  bool begun = false;
  Positions now;  // of the thread that follows the topic
  NewsMemory memory;
  NewsReaders readers;
  std::vector<NewsReaderPtr> catching_up, reading;  // reading: those that the replay's thread works for
  std::jthread replayer;                            // last: it uses everything above
};

NewsStreams::NewsStreams(kafka::Options kafka, std::string topic, postgres::Database& database, Pulse& pulse,
                         NewsLimits limits)
    : state_(std::make_shared<State>(std::move(kafka), std::move(topic), database, limits)), pulse_(pulse) {
  state_->replayer = std::jthread([state = state_.get()](std::stop_token stop) { state->replay(stop); });
}

NewsStreams::~NewsStreams() {
  state_->replayer.request_stop();
  state_->replayer.join();
}

void NewsStreams::follow(Viewer viewer, std::string last_event_id, http_server::EventStream stream) {
  auto reader = std::make_shared<NewsReader>();
  reader->viewer = std::move(viewer);
  reader->stream = stream;
  if (!stream.send(retry_text(come_back_after))) return;
  const auto wanted = read_positions(last_event_id);
  {
    const std::lock_guard lock(state_->mutex);
    if (wanted) {
      reader->at = *wanted;
      reader->catching_up = true;
      state_->catching_up.push_back(reader);
      state_->changed.notify_all();
    } else if (state_->begun) {
      state_->begin_anew(reader, last_event_id.empty() ? "ready" : "reset");
    } else {
      state_->readers.add(reader);
    }
  }
  pulse_.add(stream, reader->viewer.expires_at);
  stream.on_close([state = std::weak_ptr(state_), gone = std::weak_ptr(reader)] {
    const auto alive = state.lock();
    const auto it = gone.lock();
    if (!alive || !it) return;
    const std::lock_guard lock(alive->mutex);
    it->gone = true;
    // One that catches up is let go of by the replay's thread.
    if (!it->catching_up) alive->readers.remove(it);
  });
}

void NewsStreams::begin(Positions now) {
  const std::lock_guard lock(state_->mutex);
  state_->now = std::move(now);
  state_->memory.begin(state_->now);
  state_->begun = true;
  state_->changed.notify_all();
}

void NewsStreams::deliver(const std::vector<kafka::Message>& messages) {
  auto& state = *state_;
  const auto pass = [&](const kafka::Message& message) {
    advance(state.now, static_cast<std::size_t>(message.partition), message.offset);
  };
  {
    const std::lock_guard lock(state.mutex);
    if (state.nobody_reads() && state.reading.empty()) {  // then nobody needs to be asked about either
      std::ranges::for_each(messages, pass);
      return state.memory.begin(state.now);
    }
  }
  auto judged = judge(state.database, messages);
  const std::lock_guard lock(state.mutex);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    pass(messages[i]);
    const auto text = judged[i].body.empty() ? std::string()
                                             : event_text(write_positions(state.now), "job", judged[i].body);
    state.readers.each(judged[i], [&](const NewsReaderPtr& reader) { state.tell(reader, judged[i], text); });
    state.memory.add(std::move(judged[i]));
  }
}

}  // namespace rollcall::front
