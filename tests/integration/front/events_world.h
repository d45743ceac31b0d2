#pragma once
#include "common/kafka/reader.h"
#include "tests/integration/front/jobs_world.h"
#include "tests/unit/http_server/wire.h"
#include "workers/front/adapters/news_feed.h"

#include <thread>

/// Fronts with real sockets on one database and one topic, and readers of their events.
namespace rollcall::front_test {

/// What one front process is, apart from its settings.
class Front {
 public:
  Front(const postgres::Options& database, const std::string& topic, front::NewsLimits limits = {},
        http_server::Options server_options = {}, std::size_t streams_max = 100)
      : world(database, [&](World& made) {
          const kafka::Options kafka{test::kafka_brokers(), "front-test", {}};
          producer.emplace(kafka);
          outbox.emplace(made.database, *producer);
          feed.emplace(front::NewsOptions{kafka, topic, std::chrono::seconds(15), limits}, made.database,
                       made.pool, made.clock, made.metrics);
          parts.emplace(front::Parts{made.database, *outbox, made.pool, made.clock, entra::tenant});
          parts->news = &*feed;
          parts->streams_max = streams_max;
          auto routes = front::jobs_routes(*parts);
          for (auto& route : front::events_routes(*parts))
            routes.push_back(std::move(route));
          return routes;
        }) {
    server_options.port = 0;
    server.emplace(server_options, [this](http_server::Request request, http_server::Respond respond) {
      world.pipeline->serve(std::move(request), std::move(respond));
    });
    while (!feed->following())
      std::this_thread::yield();
  }
  ~Front() {
    server.reset();
    world.pipeline.reset();
    feed.reset();
    outbox.reset();
  }

  std::optional<kafka::Producer> producer;
  std::optional<runs::OutboxPublisher> outbox;
  std::optional<front::NewsFeed> feed;
  std::optional<front::Parts> parts;
  World world;
  std::optional<http_server::Server> server;
};

struct Event {
  std::string id, event;
  std::string text;  ///< of data
  [[nodiscard]] Json data() const { return Json::parse(text); }
};

/// One reader. HTTP/1.0, so that nothing but events is in the answer's body.
class Reading {
 public:
  Reading(const Front& front, const std::string& path, const std::string& token,
          const std::string& last_event_id = {}, const std::string& headers = {}, int receive_buffer = 0)
      : wire_(front.server->port(), receive_buffer) {
    wire_.send("GET /api/v1" + path + " HTTP/1.0\r\nHost: rollcall.test\r\nAuthorization: Bearer " + token +
               "\r\n" + (last_event_id.empty() ? "" : "Last-Event-ID: " + last_event_id + "\r\n") + headers +
               "\r\n");
    head = wire_.read_until("\r\n\r\n");
  }
  [[nodiscard]] int status() const { return http_server::status_of(head); }
  /// The next event; `event` is empty at the end of the stream.
  Event next() {
    for (;;) {
      Event event;
      const std::string text = wire_.read_until("\n\n");
      if (!text.ends_with("\n\n")) return event;
      if (text == ":\n\n") ++heartbeats;
      std::size_t from = 0;
      for (auto end = text.find('\n'); end != std::string::npos;
           from = end + 1, end = text.find('\n', from)) {
        const std::string line = text.substr(from, end - from);
        if (line.starts_with("id: ")) event.id = last_id = line.substr(4);
        if (line.starts_with("event: ")) event.event = line.substr(7);
        if (line.starts_with("data: ")) event.text += line.substr(6);
      }
      if (!event.event.empty()) return event;
    }
  }
  /// What comes before any event: a comment, for one.
  std::string next_text() { return wire_.read_until("\n\n"); }
  std::string rest() { return wire_.read_all(); }

  std::string head, last_id;
  int heartbeats = 0;

 private:
  http_server::Wire wire_;
};

class EventsWorld {
 public:
  EventsWorld() : options(migrated_database()), database(options), topic(test::unique("front-runs")) {
    kafka::create_topics(kafka, {{topic, 3, 1, {}}}, std::chrono::seconds(20));
    ours = add_ours();
    foreign = add_foreign_organization(database);
  }
  /// Tells of a job, as its worker would; `mark` is the attempt.
  void tell(const Uuid& job, const std::string& state, int mark = 0, const Json& result = nullptr) {
    auto message = runs::run_news(job, std::nullopt, "member-sync", "sync-members", state, mark,
                                  fakes::ManualClock().wall(), result, {}, {});
    message.topic = topic;
    producer.publish(std::move(message), [](const std::string&) {});
  }
  void flush() { REQUIRE(producer.flush(std::chrono::seconds(20))); }
  Uuid add(JobRow row) {
    if (!row.organization) row.organization = ours;
    return add_job(database, row);
  }
  void set_state(const Uuid& job, const std::string& state) {
    database.transact([&](postgres::Transaction& transaction) {
      transaction.execute("UPDATE ops.runs SET state = $2 WHERE id = $1::uuid",
                          {postgres::value(job), postgres::value(state)});
      transaction.execute("INSERT INTO ops.run_events (run_id, event) VALUES ($1::uuid, $2)",
                          {postgres::value(job), postgres::value(state)});
    });
  }

  const postgres::Options options;
  postgres::Database database;
  const kafka::Options kafka{test::kafka_brokers(), "front-test", {}};
  const std::string topic;
  kafka::Producer producer{kafka};
  Uuid ours, foreign;

 private:
  Uuid add_ours() {
    const auto id =
        database
            .query("INSERT INTO directory.organizations (tenant_id, name) VALUES ($1, 'Ours') RETURNING id",
                   {postgres::value(entra::tenant)})[0]
            .uuid(0);
    database.execute(
        "INSERT INTO directory.members (organization_id, email, role, object_id) VALUES ($1::uuid, 'a@x', "
        "'admin', $2::uuid)",
        {postgres::value(id), postgres::value(admin)});
    return id;
  }
};

}  // namespace rollcall::front_test
