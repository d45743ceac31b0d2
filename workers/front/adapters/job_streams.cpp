#include "workers/front/adapters/job_streams.h"

#include "common/log/log.h"
#include "workers/front/adapters/gatherer.h"
#include "workers/front/adapters/job_store.h"
#include "workers/front/core/event_text.h"
#include "workers/front/core/job.h"

#include <mutex>
#include <optional>
#include <unordered_map>

namespace rollcall::front {
namespace {

constexpr std::chrono::seconds come_back_after{2};

struct Reader {
  JobStreams::Subscription of;
  http_server::EventStream stream;
  std::size_t sent = 0;  ///< hash of the job that was sent last
  // Guarded by State::mutex. One look at a time: what changes meanwhile is looked at after it.
  bool looking = false, again = false;
};
using ReaderPtr = std::shared_ptr<Reader>;

}  // namespace

struct JobStreams::State : std::enable_shared_from_this<State> {
  State(postgres::Database& database, Pool& pool)
      : gatherer(pool, [&database](const std::vector<JobQuestion>& questions) {
          return find_jobs(database, questions);
        }) {}

  void look(const ReaderPtr& reader) {
    {
      const std::lock_guard lock(mutex);
      reader->again = reader->looking;
      if (std::exchange(reader->looking, true)) return;
    }
    try {
      gatherer.ask({reader->of.job, reader->of.viewer, reader->of.after},
                   [self = shared_from_this(), reader](std::optional<Job> job, std::exception_ptr failed) {
                     self->looked(reader, job, failed);
                   });
    } catch (const Error&) {  // too many wait: at the reader's next beat
      rest(reader);
    }
  }

  void looked(const ReaderPtr& reader, const std::optional<Job>& job, const std::exception_ptr& failed) {
    bool whole = true;
    try {
      if (failed) std::rethrow_exception(failed);
      whole = show(*reader, job);
    } catch (const std::exception& error) {  // PostgreSQL is away: at the reader's next beat
      log::debug("job_look_failed", log::describe(error));
      return (void)rest(reader);
    }
    if (rest(reader) || !whole) look(reader);
  }

  /// Whether something changed since the look began.
  bool rest(const ReaderPtr& reader) {
    const std::lock_guard lock(mutex);
    reader->looking = false;
    return std::exchange(reader->again, false);
  }

  /// Whether it saw all there is.
  static bool show(Reader& reader, const std::optional<Job>& job) {
    if (!job) {
      say_bye(reader.stream, "not_visible");
      return true;
    }
    for (const auto& event : job->events) {
      if (!reader.stream.send(event_text(std::to_string(event.seq), "event", job_event_body(event))))
        return true;
      reader.of.after = event.seq;
    }
    if (!job->events.empty() && job->events.size() >= job_events_max) return false;
    const std::string body = job_body(*job, reader.of.root);
    const auto hash = std::hash<std::string>{}(body);
    if (std::exchange(reader.sent, hash) != hash && !reader.stream.send(event_text("", "job", body)))
      return true;
    if (is_final(job->state)) reader.stream.close();
    return true;
  }

  Gatherer<JobQuestion, std::optional<Job>> gatherer;
  std::mutex mutex;
  std::unordered_multimap<Uuid, ReaderPtr> readers;
};

JobStreams::JobStreams(postgres::Database& database, Pool& pool, Pulse& pulse)
    : state_(std::make_shared<State>(database, pool)), pulse_(pulse) {}

void JobStreams::follow(Subscription subscription, http_server::EventStream stream) {
  auto reader = std::make_shared<Reader>();
  const Uuid job = subscription.job;
  const WallTime expires_at = subscription.viewer.expires_at;
  reader->of = std::move(subscription);
  reader->stream = stream;
  if (!stream.send(retry_text(come_back_after))) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->readers.emplace(job, reader);
  }
  stream.on_close([state = std::weak_ptr(state_), job, gone = std::weak_ptr(reader)] {
    const auto alive = state.lock();
    if (!alive) return;
    const std::lock_guard lock(alive->mutex);
    const auto [first, last] = alive->readers.equal_range(job);
    for (auto at = first; at != last; ++at)
      if (at->second == gone.lock()) return (void)alive->readers.erase(at);
  });
  // News can be lost with Kafka's data: what a reader waits for is looked at now and then in any case.
  pulse_.add(stream, expires_at, [state = std::weak_ptr(state_), of = std::weak_ptr(reader)] {
    const auto alive = state.lock();
    const auto still = of.lock();
    if (alive && still) alive->look(still);
  });
  state_->look(reader);
}

void JobStreams::changed(const std::vector<Uuid>& jobs) {
  std::vector<ReaderPtr> affected;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->readers.empty()) return;
    for (const auto& job : jobs) {
      const auto [first, last] = state_->readers.equal_range(job);
      for (auto at = first; at != last; ++at)
        affected.push_back(at->second);
    }
  }
  for (const auto& reader : affected)
    state_->look(reader);
}

}  // namespace rollcall::front
