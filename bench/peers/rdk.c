/* librdkafka as a peer. */
#include "peer.h"
#include <librdkafka/rdkafka.h>

static rd_kafka_t *rk;
static rd_kafka_topic_t *rkt;
static pthread_t poll_thread;
static atomic_int stop;

static const char *peer_name(void) { return "librdkafka"; }
static const char *peer_version(void) { return rd_kafka_version_str(); }

static void on_report(rd_kafka_t *handle, const rd_kafka_message_t *m, void *opaque) {
  (void)handle, (void)opaque;
  peer_settled((uint64_t)m->_private, m->err ? rd_kafka_err2str(m->err) : NULL);
}
static void *poll_reports(void *argument) {
  while (!atomic_load(&stop)) rd_kafka_poll(rk, 100);
  return argument;
}

static void peer_open(const char *brokers, const char *topic) {
  char error[512], kilobytes[32];
  const char *batch = option("batch-size", "16384");
  snprintf(kilobytes, sizeof kilobytes, "%lld", (long long)number("buffer-mb", "64") * 1024);
  const char *config[][2] = {{"bootstrap.servers", brokers},
                             {"enable.idempotence", "true"},
                             {"acks", "all"},
                             {"compression.codec", option("compression", "none")},
                             {"linger.ms", option("linger-ms", "5")},
                             {"batch.size", batch},
                             {"batch.num.messages", "1000000"},
                             {"message.max.bytes", atoi(batch) > 1000000 ? "1048588" : "1000000"},
                             {"queue.buffering.max.kbytes", kilobytes},
                             {"queue.buffering.max.messages", "0"},
                             {"max.in.flight.requests.per.connection", "5"}};
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  for (size_t i = 0; i < sizeof config / sizeof *config; i++)
    if (rd_kafka_conf_set(conf, config[i][0], config[i][1], error, sizeof error)) {
      fprintf(stderr, "%s\n", error);
      exit(2);
    }
  rd_kafka_conf_set_dr_msg_cb(conf, on_report);
  rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (!rk) {
    fprintf(stderr, "%s\n", error);
    exit(2);
  }
  rkt = rd_kafka_topic_new(rk, topic, NULL);
  pthread_create(&poll_thread, NULL, poll_reports, NULL);
}

static const char *peer_send(const char *value, size_t size, const char *key, uint64_t opaque) {
  if (rd_kafka_produce(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK,
                       (void *)value, size, key, key ? key_size : 0, (void *)opaque) == -1)
    return rd_kafka_err2str(rd_kafka_last_error());
  return NULL;
}

static void peer_flush(void) { rd_kafka_flush(rk, 60000); }

static void peer_close(void) {
  atomic_store(&stop, 1);
  pthread_join(poll_thread, NULL);
  rd_kafka_topic_destroy(rkt);
  rd_kafka_destroy(rk);
}
