#include "common/core/error.h"
#include "common/kafka/handle.h"
#include "common/log/log.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <thread>

namespace rollcall::kafka {

std::optional<std::string> Message::header(const std::string& name) const {
  for (const auto& [found, text] : headers) {
    if (found == name) return text;
  }
  return std::nullopt;
}

namespace internal {
namespace {

void set(rd_kafka_conf_t* conf, const std::string& name, const std::string& setting) {
  char why[512] = "";
  if (rd_kafka_conf_set(conf, name.c_str(), setting.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) {
    // Not `why` where it may quote a secret.
    const bool secret = name.find("password") != std::string::npos || name.find("key") != std::string::npos;
    throw Error(Fault::config, "setting_invalid",
                "Kafka setting " + name + ": " + (secret ? "not accepted" : why));
  }
}

void write_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
  // syslog's levels; librdkafka's own warnings are mostly about brokers that come and go
  const auto ours = level <= 3 ? log::Level::warn : level <= 5 ? log::Level::info : log::Level::debug;
  log::write(ours, "librdkafka", {{"facility", std::string(facility)}, {"text", std::string(text)}});
}

}  // namespace

Conf configure(const Options& options, const Settings& ours) {
  if (options.brokers.empty()) throw Error(Fault::config, "setting_invalid", "KAFKA_BROKERS names no broker");
  Conf conf(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(conf.get(), write_log);
  set(conf.get(), "bootstrap.servers", options.brokers);
  if (!options.client_id.empty()) set(conf.get(), "client.id", options.client_id);
  set(conf.get(), "socket.keepalive.enable", "true");
  set(conf.get(), "reconnect.backoff.max.ms",
      "2000");  // back within seconds after a broker's restart (10 s by default)
  for (const auto& [name, setting] : ours)
    set(conf.get(), name, setting);
  for (const auto& [name, setting] : options.extra)
    set(conf.get(), name, setting);
  return conf;
}

Handle make(rd_kafka_type_t type, Conf conf) {
  char why[512] = "";
  rd_kafka_t* raw = rd_kafka_new(type, conf.get(), why, sizeof why);
  if (!raw)
    throw Error(Fault::config, "setting_invalid", std::string("Kafka settings do not go together: ") + why);
  static_cast<void>(conf.release());  // the handle's now
  return Handle(raw);
}

void log_error(int error, const char* reason) {
  log::warn("kafka_error",
            {{"error", std::string(rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)))},
             {"reason", std::string(reason ? reason : "")}});
}

std::string words(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return "";
    default:
      return rd_kafka_err2str(error);
  }
}

Error unavailable(const Options& options, const std::string& why) {
  return {Fault::transient, "kafka_unavailable",
          why.empty() ? "no Kafka broker answers at " + options.brokers
                      : "Kafka at " + options.brokers + ": " + why};
}

Metadata metadata(rd_kafka_t* handle, bool all_topics, rd_kafka_topic_t* only,
                  std::chrono::milliseconds timeout, std::string* problem) {
  const rd_kafka_metadata_t* found = nullptr;
  const auto error =
      rd_kafka_metadata(handle, all_topics ? 1 : 0, only, &found, static_cast<int>(timeout.count()));
  if (error && problem) *problem = words(error);
  return Metadata(error ? nullptr : found);
}

Message to_message(const rd_kafka_message_t& raw) {
  Message message;
  message.topic = rd_kafka_topic_name(raw.rkt);
  if (raw.key) message.key.assign(static_cast<const char*>(raw.key), raw.key_len);
  if (raw.payload) message.value.assign(static_cast<const char*>(raw.payload), raw.len);
  message.partition = raw.partition;
  message.offset = raw.offset;
  rd_kafka_timestamp_type_t kind{};
  message.timestamp_ms = std::max<std::int64_t>(0, rd_kafka_message_timestamp(&raw, &kind));
  message.broker_time = kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&raw, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* text = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &text, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      message.headers.emplace_back(name,
                                   text ? std::string(static_cast<const char*>(text), size) : std::string());
    }
  }
  return message;
}

}  // namespace internal

namespace {

using Topic = internal::Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using Event = internal::Owned<rd_kafka_event_t, rd_kafka_event_destroy>;
using Queue = internal::Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using AdminOptions = internal::Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using NewTopic = internal::Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;

internal::Handle admin_handle(const Options& options) {
  return internal::make(RD_KAFKA_PRODUCER, internal::configure(options, {}));
}

std::vector<TopicDescription> list(rd_kafka_t* handle, const Options& options,
                                   std::chrono::milliseconds timeout) {
  std::string problem;
  const auto found = internal::metadata(handle, true, nullptr, timeout, &problem);
  if (!found) throw internal::unavailable(options, problem);
  std::vector<TopicDescription> out;
  for (int i = 0; i < found->topic_cnt; ++i) {
    const auto& topic = found->topics[i];
    if (std::string_view(topic.topic).starts_with("__")) continue;  // the broker's own
    out.push_back({topic.topic, topic.partition_cnt});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

/// The mock cluster names a controller (0) that is none of its brokers (1), and the request would wait for it
/// until it times out. A real cluster that has just answered list() names a real one within moments.
bool has_controller(rd_kafka_t* handle) {
  const auto id = rd_kafka_controllerid(handle, 3000);
  const auto found = internal::metadata(handle, false, nullptr, std::chrono::seconds(3));
  return found && std::any_of(found->brokers, found->brokers + found->broker_cnt,
                              [&](const auto& broker) { return broker.id == id; });
}

/// Asks until the broker knows the topic. One without CreateTopics makes it when it is asked, with a number of
/// partitions of its own.
void await_topic(rd_kafka_t* handle, const Options& options, const std::string& name,
                      std::chrono::milliseconds timeout) {
  const Topic topic(rd_kafka_topic_new(handle, name.c_str(), nullptr));
  const auto until = std::chrono::steady_clock::now() + timeout;
  std::string problem = "the topic " + name + " does not appear";
  while (std::chrono::steady_clock::now() < until) {
    const auto found = internal::metadata(handle, false, topic.get(), std::chrono::seconds(2), &problem);
    if (found && found->topic_cnt == 1 && found->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    rd_kafka_poll(handle, 100);
  }
  throw internal::unavailable(options, problem);
}

}  // namespace

std::vector<TopicDescription> list_topics(const Options& options, std::chrono::milliseconds timeout) {
  return list(admin_handle(options).get(), options, timeout);
}

std::vector<std::string> create_topics(const Options& options, const std::vector<TopicSpec>& topics,
                                       std::chrono::milliseconds timeout) {
  const auto handle = admin_handle(options);
  std::set<std::string> present;
  for (const auto& topic : list(handle.get(), options, timeout))
    present.insert(topic.name);

  std::vector<NewTopic> missing;
  std::vector<std::string> names;
  for (const auto& spec : topics) {
    if (!present.insert(spec.name).second) continue;
    char why[512] = "";
    NewTopic topic(
        rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, spec.replication, why, sizeof why));
    if (!topic) throw Error(Fault::config, "setting_invalid", "topic " + spec.name + ": " + why);
    for (const auto& [name, setting] : spec.config)
      rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), setting.c_str());
    missing.push_back(std::move(topic));
    names.push_back(spec.name);
  }
  if (missing.empty()) return {};
  const auto ask_for_all = [&](const std::string& why) {
    log::info("kafka_topics_created_by_asking", {{"why", why}});
    for (const auto& name : names)
      await_topic(handle.get(), options, name, timeout);
    return names;
  };
  if (!has_controller(handle.get())) return ask_for_all("no broker of the cluster is its controller");

  const Queue queue(rd_kafka_queue_new(handle.get()));
  const AdminOptions admin(rd_kafka_AdminOptions_new(handle.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS));
  char why[512] = "";
  const int milliseconds = static_cast<int>(timeout.count());
  rd_kafka_AdminOptions_set_request_timeout(admin.get(), milliseconds, why, sizeof why);
  rd_kafka_AdminOptions_set_operation_timeout(admin.get(), milliseconds, why,
                                              sizeof why);  // until they can be used
  std::vector<rd_kafka_NewTopic_t*> raw;
  for (const auto& topic : missing)
    raw.push_back(topic.get());
  rd_kafka_CreateTopics(handle.get(), raw.data(), raw.size(), admin.get(), queue.get());
  const Event event(rd_kafka_queue_poll(queue.get(), milliseconds + 1000));
  if (!event) throw internal::unavailable(options, "creating topics timed out");
  if (const auto error = rd_kafka_event_error(event.get())) {
    if (error != RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE && error != RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION) {
      throw internal::unavailable(options, internal::words(error));
    }
    return ask_for_all(rd_kafka_event_error_string(event.get()));
  }
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  std::vector<std::string> created;
  for (std::size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(results[i]);
    const std::string name = rd_kafka_topic_result_name(results[i]);
    if (error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;  // another process was quicker
    if (error) {
      const char* text = rd_kafka_topic_result_error_string(results[i]);
      throw Error(Fault::invalid, "kafka_unavailable",
                  "Kafka did not create the topic " + name + ": " + (text ? text : rd_kafka_err2str(error)));
    }
    created.push_back(name);
  }
  // The controller has made them; who is asked next may not have heard of it yet.
  for (const auto& name : created)
    await_topic(handle.get(), options, name, timeout);
  return created;
}

void tail(const Options& options, const std::string& topic, bool from_start,
          const std::function<bool()>& keep_going, const std::function<void(const Message&)>& on_message) {
  // librdkafka wants a group's name to read at all; with assign() and no commit the group never comes into
  // being.
  const auto handle =
      internal::make(RD_KAFKA_CONSUMER, internal::configure(options, {{"group.id", "rollcall-tail"},
                                                                      {"enable.auto.commit", "false"},
                                                                      {"enable.auto.offset.store", "false"},
                                                                      {"allow.auto.create.topics", "true"},
                                                                      {"auto.offset.reset", "earliest"},
                                                                      {"fetch.wait.max.ms", "100"}}));
  rd_kafka_poll_set_consumer(handle.get());
  await_topic(handle.get(), options, topic, std::chrono::seconds(10));
  const Topic named(rd_kafka_topic_new(handle.get(), topic.c_str(), nullptr));
  std::string problem;
  const auto found = internal::metadata(handle.get(), false, named.get(), std::chrono::seconds(10), &problem);
  if (!found || found->topic_cnt != 1) throw internal::unavailable(options, problem);
  const internal::Partitions partitions(rd_kafka_topic_partition_list_new(found->topics[0].partition_cnt));
  for (int i = 0; i < found->topics[0].partition_cnt; ++i) {
    rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), found->topics[0].partitions[i].id)
        ->offset = from_start ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  }
  if (const auto error = rd_kafka_assign(handle.get(), partitions.get()))
    throw internal::unavailable(options, internal::words(error));
  while (keep_going()) {
    const internal::RawMessage raw(rd_kafka_consumer_poll(handle.get(), 100));
    if (!raw) continue;
    if (raw->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      on_message(internal::to_message(*raw));
    } else {
      log::warn("kafka_consumer_error", {{"error", std::string(rd_kafka_message_errstr(raw.get()))}});
    }
  }
  rd_kafka_consumer_close(handle.get());
}

}  // namespace rollcall::kafka
