/* What the behaviours share: a cluster, topics, a producer whose reports are kept, and librdkafka's
 * consumer, which reads back what is in the log.
 *
 * Each behaviour of tests/behaviours.tsv is a function of its name. Without OTTLA_TEST_BOOTSTRAP
 * all of a program run, each on an embedded cluster of its own; with it those that are marked
 * BOTH, on the cluster at those addresses. An argument runs the behaviour of that name alone. */
#ifndef BEHAVIOURS_H
#define BEHAVIOURS_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

#include "check.h"

/* As EXPECT; a behaviour ends here if what follows would make no sense. */
#define REQUIRE(condition)                             \
    do {                                               \
        int good_ = (condition);                       \
        expect(good_, #condition, "it is not so");     \
        if (!good_) return;                            \
    } while (0)

static ottla_cluster_t *cluster; /* NULL where the cluster is a real one. */
static char servers[400];
static char topic[80];

typedef struct {
    uint64_t opaque;
    int64_t offset, timestamp_ms;
    int32_t partition, status, state;
    uint32_t flags;
    char topic[80], reason[600];
} kept_t;

/* The reports of a producer, in the order in which they came. */
typedef struct {
    kept_t *list;
    size_t count, capacity;
} reports_t;

static inline void keep(reports_t *reports, const ottla_report_t *report) {
    if (reports->count == reports->capacity) {
        reports->capacity = reports->capacity * 2 + 64;
        reports->list = realloc(reports->list, reports->capacity * sizeof *reports->list);
    }
    kept_t *kept = &reports->list[reports->count++];
    *kept = (kept_t){.opaque = report->opaque,
                     .offset = report->offset,
                     .timestamp_ms = report->timestamp_ms,
                     .partition = report->partition,
                     .status = report->status,
                     .state = report->state,
                     .flags = report->flags};
    snprintf(kept->topic, sizeof kept->topic, "%s", report->topic);
    snprintf(kept->reason, sizeof kept->reason, "%s", report->reason ? report->reason : "");
}

static inline void keep_reports(const ottla_report_t *reports, size_t count, void *user) {
    for (size_t i = 0; i < count; i++) keep(user, &reports[i]);
}

static inline void forget(reports_t *reports) {
    free(reports->list);
    *reports = (reports_t){0};
}

static inline size_t persisted(const reports_t *reports) {
    size_t count = 0;
    for (size_t i = 0; i < reports->count; i++)
        count += reports->list[i].status == OTTLA_OK &&
                 reports->list[i].state == OTTLA_STATE_PERSISTED;
    return count;
}

/* A configuration with these keys and values, up to a NULL. */
static inline ottla_config_t *config_with(const char *key, ...) {
    ottla_config_t *config = NULL;
    EXPECT_OK(ottla_config_new(&config));
    EXPECT_OK(ottla_config_set(config, "bootstrap.servers", servers, &error));
    EXPECT_OK(ottla_config_set(config, "log.level", "error", &error));
    va_list rest;
    va_start(rest, key);
    for (; key; key = va_arg(rest, const char *)) {
        const char *value = va_arg(rest, const char *);
        if (ottla_config_set(config, key, value, &error) != OTTLA_OK)
            expect(0, key, ottla_error_text(error));
    }
    va_end(rest);
    return config;
}

/* A producer of a configuration, which it takes. Its reports are kept, or pulled if that is NULL. */
static inline ottla_producer_t *producer_of(ottla_config_t *config, reports_t *reports) {
    ottla_producer_t *producer = NULL;
    if (reports)
        EXPECT_OK(ottla_config_set_report_callback(config, keep_reports, sizeof(ottla_report_t),
                                                   reports));
    EXPECT_OK(ottla_producer_new(config, &producer, &error));
    EXPECT_OK(ottla_config_free(config));
    return producer;
}

#define PRODUCER(reports, ...) producer_of(config_with(__VA_ARGS__, NULL), reports)

static inline ottla_record_t record_of(const char *key, const char *value) {
    ottla_record_t record = OTTLA_RECORD_INIT;
    record.topic = topic;
    if (key) record.key = key, record.key_length = (int64_t)strlen(key);
    if (value) record.value = value, record.value_length = (int64_t)strlen(value);
    return record;
}

/* Sends in turn in one way and in the other, of which only one takes shortcuts. */
static inline int32_t send_either_way(ottla_producer_t *producer, const ottla_record_t *record) {
    static _Thread_local unsigned turn;
    if (turn++ % 4) return ottla_producer_send(producer, record, &error);
    return ottla_producer_send_timeout(producer, record, 30000, &error);
}

static inline void send_one(ottla_producer_t *producer, const ottla_record_t *record) {
    EXPECT_OK(send_either_way(producer, record));
}

/* Many records with the numbers from..to as text and opaque. */
static inline void send_numbers(ottla_producer_t *producer, int from, int to, int32_t partition) {
    int refused = 0;
    for (int i = from; i < to; i++) {
        char number[20];
        snprintf(number, sizeof number, "%d", i);
        ottla_record_t record = record_of(NULL, number);
        record.opaque = (uint64_t)i, record.partition = partition;
        refused += send_either_way(producer, &record) != OTTLA_OK;
    }
    expect(refused == 0, "all are accepted", "some are not");
}

static inline void close_and_free(ottla_producer_t *producer) {
    EXPECT_OK(ottla_producer_close(producer, 60000, &error));
    EXPECT_OK(ottla_producer_free(producer));
}

/* What librdkafka read, in the order of each partition. */
typedef struct {
    rd_kafka_t *consumer;
    rd_kafka_message_t **list;
    size_t count;
} log_t;

static inline rd_kafka_t *new_client(rd_kafka_type_t type) {
    char why[500];
    const char *const keys[][2] = {{"bootstrap.servers", servers}, {"group.id", "behaviours"},
                                   {"enable.partition.eof", "true"}, {"log_level", "2"},
                                   {"enable.auto.commit", "false"}, {"fetch.wait.max.ms", "20"},
                                   {"check.crcs", "true"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (rd_kafka_conf_set(conf, keys[i][0], keys[i][1], why, sizeof why) != RD_KAFKA_CONF_OK)
            expect(0, keys[i][0], why);
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    expect(client != NULL, "librdkafka is there", why);
    return client;
}

/* Every record of the topic, whose partitions are given. From offset 0, as librdkafka takes half a
 * second to ask where a log begins. */
static inline log_t read_back(int32_t partitions) {
    log_t log = {.consumer = new_client(RD_KAFKA_CONSUMER)};
    rd_kafka_topic_partition_list_t *assigned = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(assigned, topic, i)->offset = 0;
    rd_kafka_poll_set_consumer(log.consumer);
    rd_kafka_assign(log.consumer, assigned);
    rd_kafka_topic_partition_list_destroy(assigned);
    size_t capacity = 0;
    int32_t ended = 0;
    for (int64_t limit = now_ms() + 60000; ended < partitions && now_ms() < limit;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(log.consumer, 200);
        if (!message) continue;
        ended += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (message->err) {
            rd_kafka_message_destroy(message);
            continue;
        }
        if (log.count == capacity) {
            capacity = capacity * 2 + 64;
            log.list = realloc(log.list, capacity * sizeof *log.list);
        }
        log.list[log.count++] = message;
    }
    expect(ended == partitions, "all partitions are read to their ends", "they are not");
    return log;
}

static inline void close_log(log_t *log) {
    for (size_t i = 0; i < log->count; i++) rd_kafka_message_destroy(log->list[i]);
    free(log->list);
    rd_kafka_consumer_close(log->consumer);
    rd_kafka_destroy(log->consumer);
}

static inline int is_bytes(const void *data, size_t length, const void *bytes, size_t size) {
    return data && length == size && memcmp(data, bytes, size) == 0;
}

static inline int value_is(const rd_kafka_message_t *message, const char *text) {
    return is_bytes(message->payload, message->len, text, strlen(text));
}

static inline int number_of(const rd_kafka_message_t *message) {
    char text[20] = "";
    if (message->payload && message->len < sizeof text)
        memcpy(text, message->payload, message->len);
    return *text ? atoi(text) : -1;
}

/* The log has the numbers 0..count of every partition in order, each once. */
static inline void expect_numbers(int32_t partitions, int count) {
    log_t log = read_back(partitions);
    int in_order = 1, last[64];
    char *seen = calloc((size_t)count + 1, 1);
    for (int i = 0; i < 64; i++) last[i] = -1;
    for (size_t i = 0; i < log.count; i++) {
        int number = number_of(log.list[i]), *before = &last[log.list[i]->partition];
        in_order &= number > *before && number < count && !seen[number];
        *before = number;
        if (number >= 0 && number < count) seen[number] = 1;
    }
    char what[80];
    snprintf(what, sizeof what, "%zu of %d", log.count, count);
    expect(log.count == (size_t)count, "nothing is lost or repeated", what);
    expect(in_order, "the order is kept", "it is not");
    free(seen);
    close_log(&log);
}

static inline void create_topic(const char *name, int32_t partitions) {
    if (cluster) {
        EXPECT_OK(ottla_cluster_create_topic(cluster, name, -1, partitions, -1, &error));
        return;
    }
    char why[500];
    rd_kafka_t *client = new_client(RD_KAFKA_PRODUCER);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(name, partitions, -1, why, sizeof why);
    expect(wanted != NULL, "a topic can be wanted", why);
    rd_kafka_CreateTopics(client, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 60000);
    const rd_kafka_CreateTopics_result_t *result =
        event ? rd_kafka_event_CreateTopics_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_topic_result_t **topics =
        result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    expect(count == 1 && rd_kafka_topic_result_error(topics[0]) == RD_KAFKA_RESP_ERR_NO_ERROR,
           "the topic is made", event ? rd_kafka_event_error_string(event) : "no answer");
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(wanted);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

typedef struct {
    const char *name;
    void (*run)(void);
    int on_kafka_too;
} behaviour_t;

#define BOTH(name) {#name, name, 1}
#define EMBEDDED(name) {#name, name, 0}

static inline void start_cluster(void) {
    int64_t length;
    const char *kafka = getenv("OTTLA_TEST_BOOTSTRAP");
    cluster = NULL;
    if (kafka) {
        snprintf(servers, sizeof servers, "%s", kafka);
        return;
    }
    EXPECT_OK(ottla_cluster_new("brokers=3\nauto.create.topics.enable=false", -1, &cluster,
                                &error));
    EXPECT_OK(ottla_cluster_bootstrap_servers(cluster, servers, sizeof servers, &length));
}

static inline int run_behaviours(const behaviour_t *list, size_t count, const char *only) {
    int passed = 0, failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < count; i++) {
        if (getenv("OTTLA_TEST_BOOTSTRAP") && !list[i].on_kafka_too) continue;
        if (only && strcmp(only, list[i].name) != 0) continue;
        int before = failures;
        int64_t started = now_ms();
        start_cluster();
        snprintf(topic, sizeof topic, "c-%s-%lld", list[i].name, (long long)started);
        list[i].run();
        if (cluster) EXPECT_OK(ottla_cluster_free(cluster));
        int good = failures == before;
        printf("behaviour %s … %s (%lld ms)\n", list[i].name, good ? "ok" : "FAILED",
               (long long)(now_ms() - started));
        passed += good, failed += !good;
    }
    printf("test result: %s. %d passed; %d failed\n", failed ? "FAILED" : "ok", passed, failed);
    return failed != 0 || passed == 0;
}

#define RUN_BEHAVIOURS(argc, argv, list) \
    run_behaviours(list, sizeof(list) / sizeof *(list), (argc) > 1 ? (argv)[1] : NULL)

#endif
