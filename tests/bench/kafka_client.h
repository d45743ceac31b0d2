// What the programs in C that benchmarks compare with begin with: librdkafka and nothing else.
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

static void die(const char* what, const char* why) {
  fprintf(stderr, "error: %s: %s\n", what, why);
  exit(1);
}

// `settings`: pairs of name and value, ended by a NULL name.
static rd_kafka_t* client(rd_kafka_type_t type, const char* const (*settings)[2]) {
  char problem[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (; (*settings)[0]; ++settings) {
    if (rd_kafka_conf_set(conf, (*settings)[0], (*settings)[1], problem, sizeof problem) != RD_KAFKA_CONF_OK)
      die((*settings)[0], problem);
  }
  rd_kafka_t* made = rd_kafka_new(type, conf, problem, sizeof problem);
  if (!made) die("librdkafka", problem);
  return made;
}
