#pragma once
#include "common/kafka/kafka.h"
#include "common/postgres/postgres.h"
#include "tests/support/services.h"

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rollcall::test {

inline kafka::Options kafka_options() {
  kafka::Options options;
  options.brokers = kafka_brokers();
  options.client_id = "test";
  return options;
}

inline postgres::Options database_options(const std::string& url) {
  postgres::Options options;
  options.url = url;
  options.connections_max = 16;
  return options;
}

/// A migrated database of its own.
struct MigratedDatabase {
  postgres::Database database{database_options(migrated_database())};
};

/// Polls until `done`; whether it came to be.
inline bool eventually(const std::function<bool()>& done,
                       std::chrono::milliseconds timeout = std::chrono::seconds{20}) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return true;
}

/// Collects a topic from its start on, in the background.
class Collector {
 public:
  explicit Collector(const std::string& topic)
      : reader_([this, topic](const std::stop_token& stop) {
          kafka::tail(
              kafka_options(), topic, true, [&] { return !stop.stop_requested(); },
              [this](const kafka::Message& message) {
                const std::lock_guard lock(mutex_);
                messages_.push_back(message);
              });
        }) {}
  std::vector<kafka::Message> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  std::size_t count() const { return messages().size(); }

 private:
  mutable std::mutex mutex_;
  std::vector<kafka::Message> messages_;
  std::jthread reader_;
};

inline void create_topics(const std::vector<std::string>& names) {
  std::vector<kafka::TopicSpec> specs;
  for (const auto& name : names)
    specs.push_back({name, 2, 1, {}});
  kafka::create_topics(kafka_options(), specs, std::chrono::seconds{20});
}

}  // namespace rollcall::test
