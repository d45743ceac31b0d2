#include "common/worker/heart.h"

#include "common/core/waiting.h"
#include "common/log/log.h"
#include "common/runs/blocks.h"

namespace rollcall::worker {
namespace {

constexpr std::chrono::milliseconds turn{250};
/// A run shorter than this is told of when it has ended, which is soon enough.
constexpr std::chrono::milliseconds worth_telling{200};

}  // namespace

void Heart::run(const std::stop_token& stop) {
  do {
    try {
      parts_.in_flight.store_progress(parts_.database);
      parts_.in_flight.forget_blocks(parts_.database);
      tell_running();
      if (std::chrono::steady_clock::now() < next_beat_) continue;
      mind_pause();
      beat();
      next_beat_ = std::chrono::steady_clock::now() + runs::heartbeat_every;
    } catch (const std::exception& error) {
      log::warn("heartbeat_failed", log::describe(error));
    }
  } while (pause(turn, stop));
  try {
    end_presence(parts_.database, presence());
  } catch (const std::exception& error) {
    log::warn("heartbeat_failed", log::describe(error));
  }
}

Presence Heart::presence() const {
  return {parts_.claimant.worker, parts_.claimant.instance, parts_.lanes, parts_.busy(),
          static_cast<long>(parts_.in_flight.size())};
}

void Heart::beat() {
  show_presence(parts_.database, presence());
  parts_.in_flight.heartbeat(parts_.database);
}

void Heart::mind_pause() {
  const auto rows = parts_.database.query("SELECT note, paused_by FROM ops.worker_pauses WHERE worker = $1",
                                          {postgres::value(parts_.claimant.worker)});
  const bool paused = !rows.empty();
  parts_.inbox.set_paused(paused);
  const std::string name = "paused";
  if (paused) {
    const std::string note = rows.front().text(0), by = rows.front().text(1), &kind = parts_.claimant.worker;
    parts_.health.note(name, kind + " is paused" + (by.empty() ? "" : " by " + by) +
                                 (note.empty() ? "" : " (" + note + ")") +
                                 " and begins nothing; go on with: rollcall workers resume " + kind);
  } else {
    parts_.health.clear(name);
  }
  if (paused && paused_ != true)
    log::info("paused", {{"note", rows.front().text(0)}, {"by", rows.front().text(1)}});
  if (!paused && paused_ == true) log::info("resumed");
  paused_ = paused;
}

void Heart::tell_running() {
  for (const auto& claimed : parts_.in_flight.long_running(worth_telling)) {
    runs::News news;
    news.run = claimed->run.id;
    if (!claimed->run.organization_id.is_nil()) news.organization = claimed->run.organization_id;
    news.worker = parts_.claimant.worker;
    news.operation = claimed->run.operation;
    news.state = "running";
    news.attempt = claimed->run.attempt;
    news.claim = claimed->claim;
    news.traceparent = claimed->traceparent;
    // Not certain to arrive: what matters comes when the run ends.
    parts_.producer.publish(runs::news_message(news, parts_.clock.wall()), [](const std::string&) {});
  }
}

}  // namespace rollcall::worker
