#include "common/graph/throttle_channel.h"

#include "common/core/waiting.h"
#include "common/crypto/crypto.h"
#include "common/graph/quota_share.h"
#include "common/log/log.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace rollcall::graph {
namespace {

using std::chrono::milliseconds;

// Shares need one order of all messages, so all go to one partition, whatever their keys.
constexpr std::int32_t partition = 0;

constexpr milliseconds living_asked_every{1'000};
constexpr milliseconds tried_again_after{1'000};
constexpr milliseconds last_word_within{1'000};

/// A broker that does not answer a waiting fetch as soon as there is something (the sandbox's) is asked often
/// enough for a pause to arrive within 100 ms.
kafka::Options prompt(kafka::Options options) {
  options.extra.emplace("fetch.wait.max.ms", "25");
  return options;
}

}  // namespace

struct ThrottleChannel::State {
  State(ThrottleChannelOptions given, kafka::Producer& given_producer, const schema::Validator& given_schemas,
        Governor& given_governor, const Clock& given_clock, metrics::Registry& registry)
      : options(std::move(given)),
        producer(given_producer),
        schemas(given_schemas),
        governor(given_governor),
        clock(given_clock),
        member(crypto::new_uuid().to_string()),
        share({member, options.instance, {options.limits.resource_unit_window, options.limits.write_window}},
              governor, clock.steady()),
        units_share(share_gauge(registry, "resource_units")),
        writes_share(share_gauge(registry, "writes")),
        members(
            registry.gauge("rollcall_graph_quota_members", "Processes that share the quota, this one too")),
        pauses(
            registry.counter("rollcall_graph_pauses_obeyed_total", "Retry-Afters given to other processes")) {
    governor.on_pause([this](milliseconds pause) {
      publish(to_json(options.key, PauseNews{member, pause}), {});
    });
    reader = std::jthread([this](const std::stop_token& stop) { read(stop); });
    ticker = std::jthread([this](const std::stop_token& stop) { tick(stop); });
  }

  ~State() {
    governor.on_pause(nullptr);
    ticker = {};
    reader = {};
    const std::lock_guard lock(mutex);
    publish(share.leave(clock.steady()));
    if (!producer.flush(last_word_within)) log::warn("quota_share_not_given_back");
  }

  static metrics::Gauge& share_gauge(metrics::Registry& registry, const std::string& quota) {
    return registry.gauge("rollcall_graph_quota_share", "This process's part of the app's quota, 0 to 1",
                          {{"quota", quota}});
  }

  void publish(const ShareNews& news) { publish(to_json(options.key, news), news.member); }

  void publish(const Json& value, const std::string& of_member) {
    kafka::Message message;
    message.topic = options.topic;
    message.to_partition = partition;
    message.key = message_key(options.key, of_member);
    message.value = dump(value);
    message.headers = {{"ce_specversion", "1.0"},
                       {"ce_id", crypto::new_uuid().to_string()},
                       {"ce_source", "/rollcall"},
                       {"ce_type", throttle_type},
                       {"ce_time", to_rfc3339(clock.wall())},
                       {"content-type", "application/json"}};
    // What is lost is said anew with the next beat; until then nobody counts on it.
    producer.publish(std::move(message), [](const std::string&) {});
  }

  void tick(const std::stop_token& stop) {
    auto living_asked = clock.steady() - living_asked_every;
    do {
      bool ask = false;
      {
        const std::lock_guard lock(mutex);
        const auto now = clock.steady();
        for (const ShareNews& news : share.tick(now)) {
          if (news.state == ShareNews::State::released)
            log::info("quota_share_released", {{"member", news.member}, {"instance", news.instance}});
          publish(news);
        }
        ask = share.wants_living(now) && now - living_asked >= living_asked_every;
        show();
      }
      if (!ask) continue;
      living_asked = clock.steady();
      ask_living(living_asked);
    } while (pause(QuotaShare::turn, stop));
  }

  void ask_living(SteadyTime asked) try {
    const auto ages = options.living();
    const std::lock_guard lock(mutex);
    share.hear_living(ages, asked);
  } catch (const std::exception& error) {
    log::debug("quota_living_unknown", log::describe(error));  // nobody is released meanwhile
  }

  void show() {
    const Governor::Status status = governor.status();
    units_share.set(status.share[0]);
    writes_share.set(status.share[1]);
    members.set(static_cast<double>(share.others() + 1));
  }

  void read(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      try {
        // From the start: the compacted topic holds the last word of everybody.
        kafka::tail(
            prompt(options.kafka), options.topic, true, [&] { return !stop.stop_requested(); },
            [this](const kafka::Message& message) { take_in(message); });
      } catch (const std::exception& error) {
        log::warn("throttle_topic_not_read", log::describe(error));
        pause(tried_again_after, stop);
      }
    }
  }

  void take_in(const kafka::Message& message) {
    if (message.partition != partition) return;
    auto value = parse_json(message.value);
    if (!value) return log::warn("throttle_message_refused", {{"offset", message.offset}});
    if (const auto problem = schemas.check(throttle_type, *value))
      return log::warn("throttle_message_refused", {{"offset", message.offset}, {"error", problem->message}});
    const auto news = from_json(options.key, *value);
    if (!news) return;
    const std::lock_guard lock(mutex);
    const auto now = clock.steady();
    if (const auto* one = std::get_if<PauseNews>(&*news)) {
      pause_by(*one, message.timestamp_ms, now);
      return;
    }
    const bool joined_before = share.joined();
    share.read(std::get<ShareNews>(*news), {message.timestamp_ms, message.broker_time}, now);
    if (joined_before || !share.joined()) return;
    for (const auto& [pause, at] : std::exchange(pauses_before, {}))
      obey(pause, share.log_time(now) - at);
  }

  void pause_by(const PauseNews& news, std::int64_t at, SteadyTime now) {
    if (news.member == member) return;
    if (!share.joined()) {
      pauses_before.emplace_back(news.pause, at);
      return;
    }
    // A process in touch reads it within moments. One that was stopped or cut off asks the log how long ago
    // it was said.
    obey(news.pause, share.in_touch(now) ? 0 : share.log_time(now) - at);
  }

  void obey(milliseconds pause, std::int64_t age_ms) {
    const milliseconds left = pause - milliseconds{std::max<std::int64_t>(0, age_ms)};
    if (left <= milliseconds{0}) return;
    log::info("pause_obeyed", {{"ms", left.count()}});
    pauses.add();
    governor.obey_pause(left);
  }

  const ThrottleChannelOptions options;
  kafka::Producer& producer;
  const schema::Validator& schemas;
  Governor& governor;
  const Clock& clock;
  const std::string member;

  std::mutex mutex;  // guards share and pauses_before, and the order in which our words are published
  QuotaShare share;
  std::vector<std::pair<milliseconds, std::int64_t>> pauses_before;  // read before we joined
  metrics::Gauge &units_share, &writes_share, &members;
  metrics::Counter& pauses;
  std::jthread reader, ticker;
};

ThrottleChannel::ThrottleChannel(ThrottleChannelOptions options, kafka::Producer& producer,
                                 const schema::Validator& schemas, Governor& governor, const Clock& clock,
                                 metrics::Registry& metrics)
    : state_(std::make_unique<State>(std::move(options), producer, schemas, governor, clock, metrics)) {}
ThrottleChannel::~ThrottleChannel() = default;

}  // namespace rollcall::graph
