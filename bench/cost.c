/* A fixed amount of work through the C API, for cost.py to count instructions in. Each function
 * whose name begins with work_ is one thing that is counted. An embedded cluster answers.
 *
 * Batches of 1 MiB and a linger of an hour keep the I/O thread asleep until the flush, which finds
 * twelve batches and sends them in one request: so the counts do not depend on how threads meet. */
#include <ottla.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "letters"
#define PARTITIONS 12
#define ROUNDS 20
#define RECORDS 6000 /* of each kind in a round */

static ottla_producer_t *producer;
static char value[100];
static ottla_report_t reports[256];

static void check(int32_t status, const char *what, ottla_error_t *error) {
  if (status == 0) return;
  fprintf(stderr, "%s: %d %s\n", what, status, error ? ottla_error_text(error) : "");
  exit(1);
}

static ottla_record_t new_record(int i) {
  ottla_record_t record = OTTLA_RECORD_INIT;
  record.topic = TOPIC;
  record.topic_length = -1;
  record.value = value;
  record.value_length = sizeof value;
  record.partition = i % PARTITIONS;
  record.opaque = (uint64_t)i;
  return record;
}

static __attribute__((noinline)) int32_t send_record(ottla_record_t *record) {
  ottla_error_t *error = NULL;
  int32_t status = ottla_producer_send(producer, record, &error);
  check(status, "send", error);
  return status;
}

static __attribute__((noinline)) void work_send(ottla_record_t *record) { send_record(record); }

/* In the general way, which takes no shortcut. */
static __attribute__((noinline)) void work_send_timeout(ottla_record_t *record) {
  check(ottla_producer_send_timeout(producer, record, 0, NULL), "send", NULL);
}

static __attribute__((noinline)) void work_send_keyed(ottla_record_t *record) {
  send_record(record);
}

static __attribute__((noinline)) void work_send_headers(ottla_record_t *record) {
  send_record(record);
}

static size_t read_reports(void) {
  size_t count = 0;
  ottla_reports_t *lease = NULL;
  check(ottla_producer_poll_reports(producer, reports, sizeof *reports, 256, 10000, &count, &lease,
                                    NULL),
        "poll", NULL);
  for (size_t i = 0; i < count; i++) check(reports[i].status, "report", NULL);
  ottla_reports_free(lease);
  return count;
}

static __attribute__((noinline)) size_t work_report(void) { return read_reports(); }

/* Records whose create times do not depend on how fast this program runs, as reports of the same
 * time are cheaper. */
static void round_of_reports(void) {
  for (int i = 0; i < RECORDS; i++) {
    ottla_record_t record = new_record(i);
    record.timestamp_ms = 1;
    send_record(&record);
  }
  check(ottla_producer_flush(producer, 10000, NULL), "flush", NULL);
  for (int left = RECORDS; left > 0;) left -= (int)work_report();
}

static void round_of_sends(void) {
  ottla_header_t headers[3];
  for (int i = 0; i < 3; i++) headers[i] = (ottla_header_t){"name", 4, "1234", 4};
  int sent = 0;
  for (int i = 0; i < RECORDS; i++, sent += 2) {
    ottla_record_t record = new_record(i);
    work_send(&record);
    work_send_timeout(&record);
  }
  for (int i = 0; i < RECORDS; i++, sent += 2) {
    char key[17];
    snprintf(key, sizeof key, "key-%012d", i);
    ottla_record_t record = new_record(i);
    record.key = key;
    record.key_length = 16;
    record.partition = -1;
    work_send_keyed(&record);
    record = new_record(i);
    record.headers = headers;
    record.header_count = 3;
    work_send_headers(&record);
  }
  check(ottla_producer_flush(producer, 10000, NULL), "flush", NULL);
  while (sent > 0) sent -= (int)read_reports();
}

/* How many bytes and batches all of that was, for cost.py. */
static void print_counters(void) {
  char text[4096];
  int64_t length = 0;
  check(ottla_producer_metrics(producer, text, sizeof text, &length), "metrics", NULL);
  if (length >= (int64_t)sizeof text) exit(1);
  puts(text);
}

int main(void) {
  ottla_cluster_t *cluster = NULL;
  ottla_error_t *error = NULL;
  check(ottla_cluster_new("", 0, &cluster, &error), "cluster", error);
  check(ottla_cluster_create_topic(cluster, TOPIC, -1, PARTITIONS, 1, &error), "topic", error);
  char servers[200];
  int64_t length = 0;
  ottla_cluster_bootstrap_servers(cluster, servers, sizeof servers, &length);

  const char *settings[][2] = {{"bootstrap.servers", servers}, {"batch.size", "1048576"},
                               {"max.request.size", "16777216"}, {"linger.ms", "3600000"},
                               {"delivery.timeout.ms", "7200000"}, {"enable.idempotence", "true"}};
  ottla_config_t *config = NULL;
  ottla_config_new(&config);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    check(ottla_config_set(config, settings[i][0], settings[i][1], &error), settings[i][0], error);
  check(ottla_producer_new(config, &producer, &error), "producer", error);
  ottla_config_free(config);

  memset(value, 'o', sizeof value);
  for (int i = 0; i < ROUNDS; i++) {
    round_of_sends();
    round_of_reports();
  }
  print_counters();
  check(ottla_producer_close(producer, 10000, NULL), "close", NULL);
  ottla_producer_free(producer);
  ottla_cluster_free(cluster);
  return 0;
}
