/* Ottla as a peer, through its C API. */
#include "peer.h"
#include <ottla.h>

#define ARRAY_MAX 1000 /* records in a call, with --array */

static ottla_producer_t *producer;
static char topic_names[1000][32];
static unsigned topics, headers, array;
static _Thread_local unsigned turn, waiting;
static _Thread_local ottla_record_t records[ARRAY_MAX];
static pthread_t report_thread;
static atomic_int stop;

static const char *peer_name(void) { return "ottla"; }
static const char *peer_version(void) { return ottla_version(); }

static void die(const char *what, ottla_error_t *error) {
  fprintf(stderr, "%s: %s\n", what, ottla_error_text(error));
  exit(2);
}

static void *read_reports(void *argument) {
  static ottla_report_t reports[256];
  size_t count = 0;
  while (!atomic_load(&stop) || count) {
    ottla_reports_t *lease = NULL;
    ottla_producer_poll_reports(producer, reports, sizeof *reports, 256, 100, &count, &lease, NULL);
    for (size_t i = 0; i < count; i++)
      peer_settled(reports[i].opaque, reports[i].status ? reports[i].reason : NULL);
    ottla_reports_free(lease);
  }
  return argument;
}

static void peer_open(const char *brokers, const char *topic) {
  char bytes[32];
  topics = (unsigned)number("topics", "1");
  if (topics < 1 || topics > 1000) { fprintf(stderr, "bad --topics\n"); exit(2); }
  for (unsigned i = 0; i < topics; i++)
    snprintf(topic_names[i], sizeof topic_names[i], topics > 1 ? "%s-%u" : "%s", topic, i);
  headers = (unsigned)number("headers", "0");
  if (headers > 3) { fprintf(stderr, "bad --headers\n"); exit(2); }
  array = (unsigned)number("array", "1");
  if (array < 1 || array > ARRAY_MAX || number("messages", "1000000") / threads % array ||
      number("warmup", "0") / threads % array || (array > 1 && number("warmup", "0") == 0)) {
    fprintf(stderr, "bad --array: each thread's records must be a multiple of it\n");
    exit(2);
  }
  snprintf(bytes, sizeof bytes, "%lld", (long long)number("buffer-mb", "64") << 20);
  /* Java's and franz-go's request limit would leave room for one batch of 1 MiB. */
  const char *config[][2] = {{"bootstrap.servers", brokers},
                             {"compression.type", option("compression", "none")},
                             {"linger.ms", option("linger-ms", "5")},
                             {"batch.size", option("batch-size", "16384")},
                             {"max.request.size", option("max-request-size", "1048576")},
                             {"buffer.memory", bytes},
                             {"delivery.report.queue.max", "100000000"}};
  ottla_config_t *settings = NULL;
  ottla_error_t *error = NULL;
  ottla_config_new(&settings);
  for (size_t i = 0; i < sizeof config / sizeof *config; i++)
    if (ottla_config_set(settings, config[i][0], config[i][1], &error)) die(config[i][0], error);
  if (ottla_producer_new(settings, &producer, &error)) die("producer", error);
  ottla_config_free(settings);
  pthread_create(&report_thread, NULL, read_reports, NULL);
}

static const char *peer_send(const char *value, size_t size, const char *key, uint64_t opaque) {
  ottla_record_t record = OTTLA_RECORD_INIT;
  record.topic = topic_names[turn];
  turn = turn + 1 < topics ? turn + 1 : 0;
  record.topic_length = -1;
  record.value = value;
  record.value_length = (int64_t)size;
  record.key = key;
  record.key_length = key ? (int64_t)key_size : -1;
  record.opaque = opaque;
  static const ottla_header_t small[3] = {
      {"one", 3, "1111", 4}, {"two", 3, "2222", 4}, {"six", 3, "6666", 4}};
  record.headers = small;
  record.header_count = headers;
  int32_t status = 0;
  if (array == 1) {
    status = ottla_producer_send(producer, &record, NULL);
  } else {
    records[waiting++] = record;
    if (waiting < array) return NULL;
    size_t sent = 0;
    waiting = 0;
    status = ottla_producer_send_array(producer, records, sizeof *records, array, OTTLA_MAX_BLOCK,
                                       NULL, &sent, NULL);
  }
  return status ? ottla_status_text(status) : NULL;
}

static void peer_flush(void) { ottla_producer_flush(producer, 60000, NULL); }

static void peer_close(void) {
  atomic_store(&stop, 1);
  pthread_join(report_thread, NULL);
  ottla_producer_close(producer, 10000, NULL);
  ottla_producer_free(producer);
}
