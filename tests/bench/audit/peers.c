// What the audit-writer is measured against, and what fills the topics: librdkafka and libpq, and nothing else.
//   peers load  BROKERS TOPIC COUNT                    COUNT audit events, as member-sync tells them
//   peers batch BROKERS TOPIC CONNECTION COUNT BATCH   idempotent: INSERT … SELECT FROM unnest ON CONFLICT DO NOTHING, then the offsets
//   peers copy  BROKERS TOPIC CONNECTION COUNT BATCH   plain COPY, then the offsets: what comes twice stands twice
#define _GNU_SOURCE  // memmem
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>

#include "../kafka_client.h"

enum { columns = 9, batch_most = 10000, field_most = 64 };
static const char* const names[columns] = {"\"event_id\":\"", "\"occurred_at\":\"", "\"tenant_id\":\"",
                                           "\"organization_id\":\"", "\"group_id\":\"", "\"run_id\":\"",
                                           "\"actor\":\"", "\"action\":\"", "\"member_object_id\":\""};
static const char* const types[columns] = {"uuid", "timestamptz", "text", "uuid", "uuid", "uuid", "text", "text", "uuid"};

static void random_id(char* text) {
  unsigned part[4];
  for (int i = 0; i < 4; ++i) part[i] = (unsigned)random() ^ (unsigned)random() << 16;
  sprintf(text, "%08x-%04x-4%03x-8%03x-%04x%08x", part[0], part[1] >> 16, part[1] & 0xfff, part[2] >> 20, part[2] & 0xffff, part[3]);
}

static void load(const char* brokers, const char* topic, long count) {
  const char* const settings[][2] = {{"bootstrap.servers", brokers}, {"linger.ms", "20"}, {"compression.type", "lz4"}, {NULL, NULL}};
  rd_kafka_t* producer = client(RD_KAFKA_PRODUCER, settings);
  srandom((unsigned)time(NULL) ^ (unsigned)clock());
  char event[40], organization[40], group[40], run[40], member[40], value[1024], when[64];
  for (long i = 0; i < count; ++i) {
    if (i % 500 == 0) {  // a run adds some hundreds
      random_id(organization), random_id(group), random_id(run);
      const time_t now = time(NULL);
      strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S.123Z", gmtime(&now));
    }
    random_id(event), random_id(member);
    const int length = snprintf(value, sizeof value,
                                "{\"action\":\"member_added\",\"actor\":\"schedule:nightly\",\"event_id\":\"%s\",\"group_id\":\"%s\","
                                "\"member_object_id\":\"%s\",\"occurred_at\":\"%s\",\"organization_id\":\"%s\",\"run_id\":\"%s\","
                                "\"tenant_id\":\"contoso\"}", event, group, member, when, organization, run);
    rd_kafka_resp_err_t code;
    while ((code = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(organization, 36), RD_KAFKA_V_VALUE(value, (size_t)length),
                             RD_KAFKA_V_HEADER("ce_type", "rollcall.audit-event.v1", -1), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_END)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) die(topic, rd_kafka_err2str(code));
      rd_kafka_poll(producer, 5);
    }
  }
  if (rd_kafka_flush(producer, 120000)) die(topic, "not everything was delivered");
  rd_kafka_destroy(producer);
}

static void finish(PGresult* result, PGconn* database, ExecStatusType wanted) {
  if (PQresultStatus(result) != wanted) die("PostgreSQL", PQerrorMessage(database));
  PQclear(result);
}

static void field(const rd_kafka_message_t* message, int column, char* out) {
  const char* at = memmem(message->payload, message->len, names[column], strlen(names[column]));
  if (!at) die("event without", names[column]);
  at += strlen(names[column]);
  const char* end = memchr(at, '"', message->len - (size_t)(at - (const char*)message->payload));
  if (!end || end - at >= field_most) die("event with a long", names[column]);
  memcpy(out, at, (size_t)(end - at));
  out[end - at] = 0;
}

static void insert(PGconn* database, rd_kafka_message_t** messages, ssize_t count) {
  static char* arrays[columns];
  const char* values[columns];
  for (int column = 0; column < columns; ++column) {
    if (!arrays[column]) arrays[column] = malloc((size_t)batch_most * (field_most + 3) + 3);
    char *to = arrays[column], text[field_most];
    *to++ = '{';
    for (ssize_t i = 0; i < count; ++i) {
      field(messages[i], column, text);
      to += sprintf(to, i ? ",\"%s\"" : "\"%s\"", text);
    }
    strcpy(to, "}");
    values[column] = arrays[column];
  }
  finish(PQexecPrepared(database, "insert", columns, values, NULL, NULL, 0), database, PGRES_COMMAND_OK);
}

static void copy(PGconn* database, rd_kafka_message_t** messages, ssize_t count) {
  finish(PQexec(database, "COPY bench.events (event_id, occurred_at, tenant_id, organization_id, group_id, run_id, actor, action, "
                          "member_object_id) FROM STDIN"), database, PGRES_COPY_IN);
  for (ssize_t i = 0; i < count; ++i) {
    char line[columns * (field_most + 1) + 1], *to = line, text[field_most];
    for (int column = 0; column < columns; ++column) {
      field(messages[i], column, text);
      to += sprintf(to, column ? "\t%s" : "%s", text);
    }
    *to++ = '\n';
    if (PQputCopyData(database, line, (int)(to - line)) != 1) die("COPY", PQerrorMessage(database));
  }
  if (PQputCopyEnd(database, NULL) != 1) die("COPY", PQerrorMessage(database));
  for (PGresult* result; (result = PQgetResult(database));) finish(result, database, PGRES_COMMAND_OK);
}

static void consume(int copying, char** argv) {
  const long wanted = atol(argv[5]);
  const size_t batch = (size_t)atol(argv[6]);
  if (batch == 0 || batch > batch_most) die("BATCH", "must be 1 to 10000");
  PGconn* database = PQconnectdb(argv[4]);
  if (PQstatus(database) != CONNECTION_OK) die("PostgreSQL", PQerrorMessage(database));
  char sql[1024] = "INSERT INTO bench.events (event_id, occurred_at, tenant_id, organization_id, group_id, run_id, actor, action, "
                   "member_object_id) SELECT * FROM unnest(";
  for (int i = 0; i < columns; ++i) sprintf(sql + strlen(sql), "%s$%d::%s[]", i ? ", " : "", i + 1, types[i]);
  strcat(sql, ") ON CONFLICT DO NOTHING");
  finish(PQprepare(database, "insert", sql, 0, NULL), database, PGRES_COMMAND_OK);
  char group[64];
  sprintf(group, "bench-%ld-%ld", (long)time(NULL), (long)clock());
  // As Rollcall's own consumer is set (common/kafka).
  const char* const settings[][2] = {{"bootstrap.servers", argv[2]},     {"group.id", group}, {"enable.auto.commit", "false"},
                                     {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "earliest"},
                                     {"fetch.wait.max.ms", "100"}, {"queued.max.messages.kbytes", "16384"},
                                     {"queued.min.messages", "10000"}, {NULL, NULL}};
  rd_kafka_t* consumer = client(RD_KAFKA_CONSUMER, settings);
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, argv[3], RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(consumer, topics);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);
  rd_kafka_message_t** messages = malloc(batch * sizeof *messages);
  for (long done = 0; done < wanted;) {
    const ssize_t got = rd_kafka_consume_batch_queue(queue, 5, messages, batch);
    ssize_t count = 0;
    for (ssize_t i = 0; i < got; ++i) {
      if (messages[i]->err) rd_kafka_message_destroy(messages[i]);
      else messages[count++] = messages[i];
    }
    if (count == 0) continue;
    finish(PQexec(database, "BEGIN"), database, PGRES_COMMAND_OK);
    copying ? copy(database, messages, count) : insert(database, messages, count);
    finish(PQexec(database, "COMMIT"), database, PGRES_COMMAND_OK);
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_offset_store(messages[i]->rkt, messages[i]->partition, messages[i]->offset);
      rd_kafka_message_destroy(messages[i]);
    }
    rd_kafka_commit(consumer, NULL, 1);
    done += count;
  }
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  PQfinish(database);
}

int main(int argc, char** argv) {
  if (argc == 5 && strcmp(argv[1], "load") == 0) load(argv[2], argv[3], atol(argv[4]));
  else if (argc == 7 && strcmp(argv[1], "batch") == 0) consume(0, argv);
  else if (argc == 7 && strcmp(argv[1], "copy") == 0) consume(1, argv);
  else die("usage", "peers load|batch|copy …, as the head of peers.c says");
  return 0;
}
