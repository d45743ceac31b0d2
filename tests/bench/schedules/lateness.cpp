// rollcall-bench-schedules TOPIC END: makes TOPIC stamp messages as it appends them, reads the ticks due
// before END (RFC 3339) from it, marks them served as a worker does, and prints how late they were on the
// topic.
#include "common/core/error.h"
#include "common/kafka/kafka.h"
#include "common/log/log.h"
#include "common/postgres/postgres.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace rollcall;

namespace {

std::string variable(const char* name) {
  const char* found = std::getenv(name);
  if (found == nullptr)
    throw Error(Fault::config, "setting_invalid",
                std::string(name) + " is not set: see tests/bench/schedules/run");
  return found;
}

class Ticks {
 public:
  Ticks(const std::string& url, WallTime end) : database_(options(url)), end_(end) {}

  void take(const kafka::Message& message) {
    const auto value = parse_json(message.value);
    if (!value) return;
    const std::string schedule = value->at("schedule_id"), due = value->at("due_at");
    const WallTime time = parse_rfc3339(due).value();
    if (time >= end_) return;
    ++messages_;
    if (!seen_.insert(schedule + due).second) return;
    late_ms_.push_back(message.timestamp_ms - time.time_since_epoch().count());
    auto& worst = worst_by_second_[time.time_since_epoch().count() / 1000];
    worst = std::max(worst, late_ms_.back());
    schedules_.push_back(schedule);
    dues_.push_back(due);
    if (schedules_.size() >= 200) serve();
  }

  void serve() {
    if (schedules_.empty()) return;
    database_.execute(
        "UPDATE ops.ticks t SET served_at = now(), resend_at = NULL FROM unnest($1::uuid[], "
        "$2::timestamptz[]) "
        "AS u(schedule, due) WHERE t.schedule_id = u.schedule AND t.due_at = u.due",
        {postgres::array(schedules_), postgres::array(dues_)});
    schedules_.clear();
    dues_.clear();
  }

  void report() {
    std::ranges::sort(late_ms_);
    Json worst = Json::array();  // where it was slow: at the start, once, always
    for (const auto& [second, late] : worst_by_second_)
      worst.push_back(late);
    const auto at = [&](double share) {
      return late_ms_.empty()
                 ? -1L
                 : static_cast<long>(
                       late_ms_[static_cast<std::size_t>(share * static_cast<double>(late_ms_.size() - 1))]);
    };
    std::printf(
        "%s\n",
        dump({{"ticks", late_ms_.size()},
              {"duplicates", messages_ - late_ms_.size()},
              {"worst_ms_by_second", worst},
              {"late_ms",
               {{"min", at(0)}, {"p50", at(0.5)}, {"p99", at(0.99)}, {"p999", at(0.999)}, {"max", at(1)}}}})
            .c_str());
  }

 private:
  static postgres::Options options(const std::string& url) {
    postgres::Options options;
    options.url = url;
    return options;
  }

  postgres::Database database_;
  WallTime end_;
  std::size_t messages_ = 0;
  std::set<std::string> seen_;
  std::vector<std::int64_t> late_ms_;
  std::map<std::int64_t, std::int64_t> worst_by_second_;
  std::vector<std::string> schedules_, dues_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto end = parse_rfc3339(argc == 3 ? argv[2] : "");
    if (!end) throw Error(Fault::config, "setting_invalid", "usage: rollcall-bench-schedules TOPIC END");
    const kafka::Options kafka{variable("KAFKA_BROKERS"), "bench", {}};
    kafka::create_topics(kafka, {{argv[1], 4, 1, {{"message.timestamp.type", "LogAppendTime"}}}},
                         std::chrono::seconds{20});
    Ticks ticks(variable("DATABASE_URL"), *end);
    const SystemClock clock;
    kafka::tail(
        kafka, argv[1], true,
        [&] {
          if (clock.wall() < *end + std::chrono::seconds{5}) return true;
          ticks.serve();
          return false;
        },
        [&](const kafka::Message& message) { ticks.take(message); });
    ticks.report();
    return 0;
  } catch (const std::exception& error) {
    return log::fail(error);
  }
}
