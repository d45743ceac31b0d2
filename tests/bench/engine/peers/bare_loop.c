// The floor: what librdkafka and libpq cost when nothing else is done. Takes commands by the thousand, writes run and audit row with one
// statement each in one transaction, produces the results, waits for their delivery, commits the offsets, takes the next thousand. No schema, no
// claim, no outbox, no lanes: killed between the commits it repeats or loses results. With 'claimed' each run is first written as running, in a
// transaction of its own, as whoever must not do a thing twice has to.
//   bare_loop BROKERS COMMANDS RESULTS CONNECTION BATCH [claimed]
#define _GNU_SOURCE  // memmem
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>

#include "../../kafka_client.h"

enum { id_length = 36, batch_most = 10000 };

static volatile sig_atomic_t stopping;
static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

static void execute(PGconn* database, const char* name, int count, const char* const* values) {
  PGresult* result = count ? PQexecPrepared(database, name, count, values, NULL, NULL, 0) : PQexec(database, name);
  if (PQresultStatus(result) != PGRES_COMMAND_OK) die("PostgreSQL", PQerrorMessage(database));
  PQclear(result);
}

static void prepare(PGconn* database, const char* name, const char* sql) {
  PGresult* result = PQprepare(database, name, sql, 0, NULL);
  if (PQresultStatus(result) != PGRES_COMMAND_OK) die(name, PQerrorMessage(database));
  PQclear(result);
}

static const char* field(const rd_kafka_message_t* message, const char* name) {
  const char* at = memmem(message->payload, message->len, name, strlen(name));
  if (!at || at + strlen(name) + id_length > (const char*)message->payload + message->len) die("command", name);
  return at + strlen(name);
}

struct array {
  char text[2 + batch_most * (id_length + 1)];
  size_t length;
};
static struct array runs, organizations;

static void append(struct array* array, const char* id) {
  array->text[array->length] = array->length ? ',' : '{';
  ++array->length;
  memcpy(array->text + array->length, id, id_length);
  array->length += id_length;
}

static void write_rows(PGconn* database, bool claimed) {
  memcpy(runs.text + runs.length, "}", 2);
  memcpy(organizations.text + organizations.length, "}", 2);
  const char* const values[] = {runs.text, organizations.text};
  execute(database, "BEGIN", 0, NULL);
  if (claimed) {
    execute(database, "claim", 2, values);
    execute(database, "COMMIT", 0, NULL);
    execute(database, "BEGIN", 0, NULL);
  }
  execute(database, claimed ? "settle" : "run", claimed ? 1 : 2, values);
  execute(database, "audit", 2, values);
  execute(database, "COMMIT", 0, NULL);
}

static void produce(rd_kafka_t* producer, const char* topic, const char* run, const char* organization) {
  char value[256];
  const int length = snprintf(value, sizeof value,
                              "{\"run_id\":\"%.36s\",\"organization_id\":\"%.36s\",\"operation\":\"sync-members\","
                              "\"state\":\"succeeded\",\"attempt\":1,\"result\":{}}",
                              run, organization);
  rd_kafka_resp_err_t code;
  while ((code = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(organization, id_length),
                           RD_KAFKA_V_VALUE(value, (size_t)length), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                           RD_KAFKA_V_END)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) die(topic, rd_kafka_err2str(code));
    rd_kafka_poll(producer, 5);
  }
}

static void serve(rd_kafka_message_t** messages, ssize_t count, PGconn* database, rd_kafka_t* consumer,
                  rd_kafka_t* producer, const char* results, bool claimed) {
  runs.length = organizations.length = 0;
  for (ssize_t i = 0; i < count; ++i) {
    append(&runs, field(messages[i], "\"run_id\":\""));
    append(&organizations, field(messages[i], "\"organization_id\":\""));
  }
  write_rows(database, claimed);
  for (ssize_t i = 0; i < count; ++i) {
    produce(producer, results, field(messages[i], "\"run_id\":\""), field(messages[i], "\"organization_id\":\""));
  }
  if (rd_kafka_flush(producer, 60000)) die(results, "not all results were delivered");
  for (ssize_t i = 0; i < count; ++i) rd_kafka_offset_store(messages[i]->rkt, messages[i]->partition, messages[i]->offset);
  const rd_kafka_resp_err_t error = rd_kafka_commit(consumer, NULL, 0);
  if (error) die("commit", rd_kafka_err2str(error));
}

int main(int argc, char** argv) {
  const bool claimed = argc == 7 && strcmp(argv[6], "claimed") == 0;
  if (argc != 6 && !claimed) die("usage", "bare_loop BROKERS COMMANDS RESULTS CONNECTION BATCH [claimed]");
  const size_t batch = (size_t)atol(argv[5]);
  if (batch == 0 || batch > batch_most) die("BATCH", "must be 1 to 10000");
  signal(SIGTERM, on_signal);
  PGconn* database = PQconnectdb(argv[4]);
  if (PQstatus(database) != CONNECTION_OK) die("PostgreSQL", PQerrorMessage(database));
  prepare(database, "run",
          "INSERT INTO bench.runs (id, organization_id, operation, state, result, finished_at) "
          "SELECT id, organization, 'sync-members', 'succeeded', '{}', now() "
          "FROM unnest($1::uuid[], $2::uuid[]) AS u(id, organization) "
          "ON CONFLICT (id) DO UPDATE SET state = excluded.state, result = excluded.result, finished_at = now()");
  prepare(database, "claim",
          "INSERT INTO bench.runs (id, organization_id, operation, state) SELECT id, organization, 'sync-members', 'running' "
          "FROM unnest($1::uuid[], $2::uuid[]) AS u(id, organization) ON CONFLICT (id) DO UPDATE SET state = excluded.state");
  prepare(database, "settle",
          "UPDATE bench.runs r SET state = 'succeeded', result = '{}', finished_at = now() FROM unnest($1::uuid[]) AS u(id) "
          "WHERE r.id = u.id AND r.state = 'running'");
  prepare(database, "audit",
          "INSERT INTO bench.audit (run_id, action, organization_id, detail) "
          "SELECT id, 'noop', organization, '{\"attempt\": 1}' "
          "FROM unnest($1::uuid[], $2::uuid[]) AS u(id, organization) ON CONFLICT DO NOTHING");
  // As Rollcall's own clients are set (common/kafka).
  const char* const consuming[][2] = {{"bootstrap.servers", argv[1]},        {"group.id", argv[2]},
                                      {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
                                      {"auto.offset.reset", "earliest"},     {"fetch.wait.max.ms", "100"},
                                      {"partition.assignment.strategy", "range"}, {NULL, NULL}};
  const char* const producing[][2] = {{"bootstrap.servers", argv[1]}, {"enable.idempotence", "true"}, {"linger.ms", "1"},
                                      {"compression.type", "lz4"},    {"partitioner", "murmur2_random"}, {NULL, NULL}};
  rd_kafka_t* consumer = client(RD_KAFKA_CONSUMER, consuming);
  rd_kafka_t* producer = client(RD_KAFKA_PRODUCER, producing);
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(consumer, topics);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
  rd_kafka_message_t** messages = malloc(batch * sizeof(rd_kafka_message_t*));
  while (!stopping) {
    const ssize_t got = rd_kafka_consume_batch_queue(queue, 20, messages, batch);
    ssize_t count = 0;
    for (ssize_t i = 0; i < got; ++i) {
      if (messages[i]->err) {
        rd_kafka_message_destroy(messages[i]);
      } else {
        messages[count++] = messages[i];
      }
    }
    if (count > 0) serve(messages, count, database, consumer, producer, argv[3], claimed);
    for (ssize_t i = 0; i < count; ++i) rd_kafka_message_destroy(messages[i]);
  }
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  rd_kafka_destroy(producer);
  PQfinish(database);
  free(messages);
  return 0;
}
