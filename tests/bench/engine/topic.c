// The benchmark's own hand on the topics, the same for every engine: fills a topic with commands, paces them, and
// watches the topic of results, so that no engine measures itself.
//
//   topic create BROKERS PARTITIONS TOPIC…             those that are missing
//   topic load BROKERS TOPIC COUNT KEYS FIRST           COUNT commands as fast as Kafka takes them
//   topic pace BROKERS TOPIC COUNT KEYS FIRST PER_SECOND
//                                                       one by one at a rate; prints "SEQUENCE MICROSECONDS" when sent
//   topic watch BROKERS TOPIC COUNT FIRST SECONDS       from the topic's present end on, until COUNT results with
//                                                       sequences from FIRST on are there, or for SECONDS at most
//
// A run's id carries its sequence number in its last 12 digits and chance in the others; so results can be told apart,
// counted and put in order whoever wrote them, and rows still fall all over an index, as real ids do.
#define _GNU_SOURCE  // memmem
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

static void die(const char* what, const char* why) {
  fprintf(stderr, "error: %s: %s\n", what, why);
  exit(1);
}

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t mixed(uint64_t x) {  // splitmix64
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

static void write_id(char id[37], uint64_t sequence) {
  const uint64_t m = mixed(sequence);
  snprintf(id, 37, "%08x-%04x-4%03x-8%03x-%012" PRIx64, (unsigned)(m >> 32), (unsigned)(m >> 16) & 0xffff,
           (unsigned)(m >> 4) & 0xfff, (unsigned)(mixed(m) & 0xfff), sequence);
}

static rd_kafka_t* client(rd_kafka_type_t type, const char* brokers, const char* linger) {
  char problem[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  static const char* const producing[][2] = {{"queue.buffering.max.messages", "200000"},
                                             {"partitioner", "murmur2_random"},
                                             {NULL, NULL}};
  // Kafka answers a fetch as soon as there is something; the sandbox broker only when the wait is over.
  const char* kafka = getenv("BENCH_KAFKA");
  const char* const wait = kafka && !strcmp(kafka, "sandbox") ? "5" : "100";
  const char* const consuming[][2] = {{"group.id", "bench-watch"}, {"fetch.wait.max.ms", wait}, {NULL, NULL}};
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set(conf, "linger.ms", linger, NULL, 0);
  for (const char* const(*one)[2] = type == RD_KAFKA_PRODUCER ? producing : consuming; (*one)[0]; ++one) {
    if (rd_kafka_conf_set(conf, (*one)[0], (*one)[1], problem, sizeof problem) != RD_KAFKA_CONF_OK)
      die((*one)[0], problem);
  }
  rd_kafka_t* made = rd_kafka_new(type, conf, problem, sizeof problem);
  if (!made) die("librdkafka", problem);
  return made;
}

static int exists(rd_kafka_t* admin, rd_kafka_topic_t* topic) {
  const rd_kafka_metadata_t* metadata = NULL;
  if (rd_kafka_metadata(admin, 0, topic, &metadata, 1000)) return 0;
  const int found = !metadata->topics[0].err && metadata->topics[0].partition_cnt > 0;
  rd_kafka_metadata_destroy(metadata);
  return found;
}

static int create(const char* brokers, int partitions, char** topics, size_t count) {
  rd_kafka_t* admin = client(RD_KAFKA_PRODUCER, brokers, "0");
  rd_kafka_queue_t* answers = rd_kafka_queue_new(admin);
  for (size_t i = 0; i < count; ++i) {
    char problem[512] = "";
    rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(topics[i], partitions, 1, problem, sizeof problem);
    if (!topic) die(topics[i], problem);
    rd_kafka_CreateTopics(admin, &topic, 1, NULL, answers);
    rd_kafka_event_t* event = rd_kafka_queue_poll(answers, 10000);
    if (event) rd_kafka_event_destroy(event);  // refused because it exists, or by the sandbox broker: seen below
    // The sandbox broker has no administration: there, whoever asks for a topic makes it, with 4 partitions.
    rd_kafka_topic_t* handle = rd_kafka_topic_new(admin, topics[i], NULL);
    const int64_t until = now_us() + 10000000;
    while (!exists(admin, handle)) {
      if (now_us() > until) die(topics[i], "the topic could not be made");
    }
    rd_kafka_topic_destroy(handle);
    rd_kafka_NewTopic_destroy(topic);
  }
  rd_kafka_queue_destroy(answers);
  rd_kafka_destroy(admin);
  return 0;
}

static int produce(const char* brokers, const char* topic, long count, long keys, uint64_t first, long per_second) {
  rd_kafka_t* producer = client(RD_KAFKA_PRODUCER, brokers, per_second ? "0" : "5");
  const int64_t begun = now_us();
  for (long i = 0; i < count; ++i) {
    char id[37], organization[37], value[512];
    const uint64_t sequence = first + (uint64_t)i;
    write_id(id, sequence);
    write_id(organization, mixed(sequence) % (uint64_t)keys);
    const int length = snprintf(value, sizeof value,
                                "{\"run_id\":\"%s\",\"operation\":\"sync-members\",\"organization_id\":\"%s\","
                                "\"tenant_id\":\"bench\",\"requested_by\":\"bench\",\"full_read\":false}",
                                id, organization);
    while (per_second && now_us() < begun + i * 1000000 / per_second) {
      const struct timespec wait = {0, 200000};
      nanosleep(&wait, NULL);
    }
    if (per_second) printf("%" PRIu64 " %" PRId64 "\n", sequence, now_us());
    rd_kafka_resp_err_t code;
    while ((code = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(organization, 36),
                             RD_KAFKA_V_VALUE(value, (size_t)length), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_END)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) die(topic, rd_kafka_err2str(code));
      rd_kafka_poll(producer, 10);
    }
    rd_kafka_poll(producer, 0);
  }
  if (rd_kafka_flush(producer, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR) die(topic, "not all commands were delivered");
  rd_kafka_destroy(producer);
  return 0;
}

static rd_kafka_topic_partition_list_t* ends_of(rd_kafka_t* consumer, const char* topic) {
  const rd_kafka_metadata_t* metadata = NULL;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(consumer, topic, NULL);
  if (rd_kafka_metadata(consumer, 0, handle, &metadata, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      metadata->topics[0].partition_cnt == 0)
    die(topic, "no such topic");
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(metadata->topics[0].partition_cnt);
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
    int64_t low = 0, high = 0;
    const int64_t until = now_us() + 10000000;  // a topic just made may have no leader yet
    rd_kafka_resp_err_t error;
    while ((error = rd_kafka_query_watermark_offsets(consumer, topic, i, &low, &high, 2000))) {
      if (now_us() > until) die(topic, rd_kafka_err2str(error));
      nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    rd_kafka_topic_partition_list_add(list, topic, i)->offset = high;
  }
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  return list;
}

// What follows a field's name in a result; NULL where it is not there, or less than `length` of it.
static const char* field_of(const rd_kafka_message_t* message, const char* name, size_t length) {
  const char* at = memmem(message->payload, message->len, name, strlen(name));
  return at && at + strlen(name) + length <= (const char*)message->payload + message->len ? at + strlen(name) : NULL;
}

// The sequence of the run that a result speaks of: an id is 24 digits and dashes, then 12 digits.
static int64_t sequence_in(const rd_kafka_message_t* message) {
  const char* id = field_of(message, "\"run_id\":\"", 36);
  if (!id) return -1;
  char digits[13] = {0};
  memcpy(digits, id + 24, 12);
  return strtoll(digits, NULL, 16);
}

// When its handler began, in microseconds: 16 digits until the year 2286.
static int64_t started_in(const rd_kafka_message_t* message) {
  const char* at = field_of(message, "\"started_us\":", 16);
  char digits[17] = {0};
  if (at) memcpy(digits, at, 16);
  return strtoll(digits, NULL, 10);
}

static int compare(const void* a, const void* b) {
  const int64_t x = *(const int64_t*)a, y = *(const int64_t*)b;
  return (x > y) - (x < y);
}

static int watch(const char* brokers, const char* topic, long count, int64_t first, long seconds) {
  rd_kafka_t* consumer = client(RD_KAFKA_CONSUMER, brokers, "0");
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t* list = ends_of(consumer, topic);
  rd_kafka_assign(consumer, list);
  int64_t* arrived = calloc((size_t)count, sizeof *arrived);  // by sequence
  int64_t* started = calloc((size_t)count, sizeof *started);
  const char* each = getenv("TOPIC_EACH");  // for latencies: "SEQUENCE ARRIVED STARTED" of every result
  long distinct = 0, duplicates = 0;
  printf("watching\n");
  fflush(stdout);
  const int64_t until = now_us() + seconds * 1000000;
  int64_t quiet_since = 0;  // all are there: wait half a second more, for duplicates
  while (now_us() < until && (!quiet_since || now_us() < quiet_since + 500000)) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 100);
    if (!message) continue;
    // Rollcall also tells that a run is running, where it takes long.
    if (!message->err && field_of(message, "\"state\":\"succeeded\"", 0)) {
      const int64_t index = sequence_in(message) - first;
      if (index >= 0 && index < count) {
        if (arrived[index]) {
          ++duplicates;
        } else {
          arrived[index] = now_us();
          if (each) started[index] = started_in(message);
          if (++distinct == count) quiet_since = now_us();
        }
      }
    }
    rd_kafka_message_destroy(message);
  }
  for (long i = 0; each && i < count; ++i) {
    if (arrived[i]) printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", first + i, arrived[i], started[i]);
  }
  qsort(arrived, (size_t)count, sizeof *arrived, compare);
  const long lost = count - distinct;
  printf("{\"results\":%ld,\"lost\":%ld,\"duplicates\":%ld,\"first_us\":%" PRId64 ",\"tenth_us\":%" PRId64
         ",\"last_us\":%" PRId64 "}\n",
         distinct, lost, duplicates, distinct ? arrived[lost] : 0, distinct ? arrived[lost + distinct / 10] : 0,
         distinct ? arrived[count - 1] : 0);
  rd_kafka_topic_partition_list_destroy(list);
  free(arrived);
  free(started);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}

int main(int argc, char** argv) {
  if (argc >= 5 && !strcmp(argv[1], "create")) return create(argv[2], atoi(argv[3]), argv + 4, (size_t)argc - 4);
  if (argc == 7 && !strcmp(argv[1], "load"))
    return produce(argv[2], argv[3], atol(argv[4]), atol(argv[5]), strtoull(argv[6], NULL, 10), 0);
  if (argc == 8 && !strcmp(argv[1], "pace"))
    return produce(argv[2], argv[3], atol(argv[4]), atol(argv[5]), strtoull(argv[6], NULL, 10), atol(argv[7]));
  if (argc == 7 && !strcmp(argv[1], "watch"))
    return watch(argv[2], argv[3], atol(argv[4]), atoll(argv[5]), atol(argv[6]));
  fprintf(stderr, "usage: topic create|load|pace|watch …, see the head of tests/bench/engine/topic.c\n");
  return 2;
}
