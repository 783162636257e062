/* Behaviours: the life of a producer, its hooks, its numbers, and the threads around it. */
#include <dirent.h>
#include <sys/wait.h>

#include "behaviours.h"

static int32_t third_for_keys(const char *name, int64_t name_length, const void *key,
                              int64_t key_length, const void *value, int64_t value_length,
                              int32_t partition_count, void *user) {
    (void)value;
    ++*(int *)user;
    if (!is_bytes(name, (size_t)name_length, topic, strlen(topic)) || value_length < 0) return -7;
    if (partition_count != 5) return -7;
    return key_length < 1 ? 0 : ((const char *)key)[0] - '0';
}

static void own_partitioner(void) {
    create_topic(topic, 5);
    int asked = 0;
    ottla_config_t *config = config_with("linger.ms", "0", NULL);
    EXPECT_OK(ottla_config_set_partitioner(config, third_for_keys, &asked));
    ottla_producer_t *producer = producer_of(config, NULL);
    ottla_record_t record = record_of("3", "3");
    send_one(producer, &record);
    record = record_of(NULL, "0");
    send_one(producer, &record);
    record = record_of("3", "4"); /* It names its partition: nobody is asked. */
    record.partition = 4;
    send_one(producer, &record);
    record = record_of("9", "9"); /* There is none. */
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_PARTITIONER_FAILED, "9");
    close_and_free(producer);
    EXPECT(asked == 3);
    log_t log = read_back(5);
    REQUIRE(log.count == 3);
    for (size_t i = 0; i < log.count; i++)
        EXPECT(number_of(log.list[i]) == log.list[i]->partition);
    close_log(&log);
}

static int32_t adds_a_header(ottla_record_t *record, void *user) {
    static const ottla_header_t header = {"seen", -1, "yes", 3};
    (void)user;
    record->headers = &header, record->header_count = 1;
    record->value = "changed", record->value_length = 7;
    return 0;
}

static int32_t counts_reports(const ottla_report_t *report, void *user) {
    *(int *)user += report->status == OTTLA_OK && report->opaque == 5;
    return 0;
}

static void interceptor(void) {
    create_topic(topic, 1);
    int seen = 0;
    ottla_config_t *config = config_with("linger.ms", "0", NULL);
    EXPECT_OK(ottla_config_add_interceptor(config, adds_a_header, counts_reports, &seen));
    ottla_producer_t *producer = producer_of(config, NULL);
    ottla_record_t record = record_of("key", "value");
    record.opaque = 5;
    send_one(producer, &record);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    ottla_report_t report;
    size_t count = 0;
    EXPECT_OK(ottla_producer_poll_reports(producer, &report, sizeof report, 1, 10000, &count, NULL,
                                          &error));
    EXPECT(count == 1 && seen == 1);
    close_and_free(producer);
    log_t log = read_back(1);
    rd_kafka_headers_t *headers = NULL;
    REQUIRE(log.count == 1 && value_is(log.list[0], "changed"));
    EXPECT(is_bytes(log.list[0]->key, log.list[0]->key_len, "key", 3));
    REQUIRE(rd_kafka_message_headers(log.list[0], &headers) == 0);
    EXPECT(rd_kafka_header_cnt(headers) == 1);
    close_log(&log);
}

static void closed_says_so(void) {
    create_topic(topic, 1);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    ottla_record_t record = record_of(NULL, "value");
    send_one(producer, &record);
    EXPECT_OK(ottla_producer_close(producer, 60000, &error));
    EXPECT_OK(ottla_producer_close(producer, 60000, &error));
    uint64_t ticket = 0;
    size_t count = 0;
    ottla_report_t report;
    ottla_partition_t partition;
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_CLOSED, "closed");
    EXPECT_STATUS(ottla_producer_try_send(producer, &record, &ticket, &error), OTTLA_CLOSED,
                  "closed");
    EXPECT_STATUS(ottla_producer_send_flat(producer, topic, -1, -1, -1, NULL, -1, NULL, -1, NULL, 0,
                                           0, 0, 0, NULL, &error), OTTLA_CLOSED, "closed");
    EXPECT_STATUS(ottla_producer_partitions_for(producer, topic, -1, &partition, sizeof partition,
                                                1, &count, 0, &error), OTTLA_CLOSED, "closed");
    EXPECT_STATUS(ottla_producer_purge(producer, OTTLA_PURGE_QUEUED, &error), OTTLA_CLOSED,
                  "closed");
    EXPECT_OK(ottla_producer_flush(producer, 0, &error)); /* There is nothing to wait for. */
    EXPECT_OK(ottla_producer_poll_reports(producer, &report, sizeof report, 1, -1, &count, NULL,
                                          &error)); /* What was reported can still be read. */
    EXPECT(count == 1 && report.status == OTTLA_OK);
    EXPECT_STATUS(ottla_producer_poll_reports(producer, &report, sizeof report, 1, -1, &count, NULL,
                                              &error), OTTLA_CLOSED, "closed");
    EXPECT_OK(ottla_producer_free(producer));
}

static int threads(void) {
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void unused_producer(void) {
    int before = threads();
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    EXPECT(threads() == before);
    int64_t started = now_ms();
    EXPECT_OK(ottla_producer_close(producer, -1, &error));
    EXPECT(now_ms() - started < 5000);
    EXPECT_OK(ottla_producer_free(producer));
    EXPECT(threads() == before);
}

static void partitions_for(void) {
    create_topic(topic, 5);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    ottla_partition_t partitions[5];
    size_t count = 0;
    EXPECT_OK(ottla_producer_partitions_for(producer, topic, -1, partitions, sizeof *partitions, 5,
                                            &count, 30000, &error));
    REQUIRE(count == 5);
    for (int32_t i = 0; i < 5; i++) EXPECT(partitions[i].partition == i);
    for (int32_t i = 0; i < 5; i++) EXPECT(partitions[i].leader >= 1);
    EXPECT_OK(ottla_producer_partitions_for(producer, topic, -1, NULL, sizeof *partitions, 0,
                                            &count, 30000, &error));
    REQUIRE(count == 5);
    close_and_free(producer);
}

/* The number behind "name": in a JSON object. */
static double metric(ottla_producer_t *producer, const char *name) {
    char text[20000], quoted[100];
    int64_t length = 0;
    EXPECT_OK(ottla_producer_metrics(producer, text, sizeof text, &length));
    EXPECT(length > 0 && length < (int64_t)sizeof text);
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *found = strstr(text, quoted);
    return found ? atof(found + strlen(quoted)) : -1;
}

static void metrics(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "0");
    EXPECT(metric(producer, "record-send-total") == 0);
    send_numbers(producer, 0, 123, 0);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    /* As in Java a record counts again when it is sent again: a leader may be new to its topic. */
    double again = metric(producer, "record-retry-total");
    EXPECT(again >= 0 && metric(producer, "record-send-total") == 123 + again);
    EXPECT(metric(producer, "record-error-total") == 0);
    close_and_free(producer);
    forget(&reports);
}

typedef struct {
    ottla_producer_t *producer;
    int first;
} part_t;

static void *sends_its_part(void *user) {
    part_t *part = user;
    send_numbers(part->producer, part->first, part->first + 500, part->first / 500);
    return NULL;
}

/* Each thread has a partition of its own, in which its order is to be seen. */
static void many_threads(void) {
    create_topic(topic, 4);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "1", "batch.size", "1000");
    part_t parts[4];
    pthread_t list[4];
    for (int i = 0; i < 4; i++) {
        parts[i] = (part_t){producer, i * 500};
        pthread_create(&list[i], NULL, sends_its_part, &parts[i]);
    }
    for (int i = 0; i < 4; i++) pthread_join(list[i], NULL);
    close_and_free(producer);
    EXPECT(persisted(&reports) == 2000);
    expect_numbers(4, 2000);
    forget(&reports);
}

static void brokers_come_back(void) {
    create_topic(topic, 3);
    reports_t reports = {0};
    ottla_producer_t *producer =
        PRODUCER(&reports, "linger.ms", "0", "batch.size", "500", "retry.backoff.ms", "20");
    for (int round = 0; round < 6; round++) {
        int32_t broker = 1 + round % 3;
        send_numbers(producer, round * 200, round * 200 + 100, round % 3);
        EXPECT_OK(ottla_cluster_kill(cluster, broker, &error));
        send_numbers(producer, round * 200 + 100, round * 200 + 200, round % 3);
        EXPECT_OK(ottla_cluster_start(cluster, broker, &error));
    }
    close_and_free(producer);
    EXPECT(reports.count == 1200 && persisted(&reports) == 1200);
    expect_numbers(3, 1200);
    forget(&reports);
}

static int lines_of_it;

static void on_log(int32_t level, const char *text, int64_t length, void *user) {
    if (level <= OTTLA_LOG_WARN && (int64_t)strlen(text) == length && user == &lines_of_it)
        lines_of_it += strstr(text, "127.0.0.1:1") != NULL;
}

static void log_tells(void) {
    lines_of_it = 0;
    ottla_config_t *config = config_with("bootstrap.servers", "127.0.0.1:1", "log.level", "warn",
                                         "max.block.ms", "300", NULL);
    EXPECT_OK(ottla_config_set_log_callback(config, on_log, &lines_of_it));
    ottla_producer_t *producer = producer_of(config, NULL);
    ottla_record_t record = record_of(NULL, "value");
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_TIMED_OUT, NULL);
    for (int64_t limit = now_ms() + 30000; lines_of_it == 0 && now_ms() < limit;)
        EXPECT_OK(ottla_producer_poll(producer, 100, NULL, &error));
    EXPECT(lines_of_it > 0);
    close_and_free(producer);
}

static void after_fork(void) {
    create_topic(topic, 1);
    ottla_producer_t *used = PRODUCER(NULL, "linger.ms", "0");
    ottla_producer_t *unused = PRODUCER(NULL, "linger.ms", "0");
    ottla_record_t record = record_of(NULL, "parent");
    send_one(used, &record);
    EXPECT_OK(ottla_producer_flush(used, 60000, &error));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        failures = 0;
        record = record_of(NULL, "child");
        int64_t started = now_ms();
        EXPECT_STATUS(ottla_producer_send(used, &record, &error), OTTLA_FORKED, "child");
        EXPECT(now_ms() - started < 1000);
        EXPECT_OK(ottla_producer_free(used));
        send_one(unused, &record);
        close_and_free(unused);
        fflush(stdout);
        /* Not _exit: what the parent's threads own is lost here, and valgrind would count it. */
        execlp(failures ? "false" : "true", "child", NULL);
        _exit(2);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    send_one(used, &record);
    send_one(unused, &record);
    close_and_free(used);
    close_and_free(unused);
    log_t log = read_back(1);
    size_t of_child = 0;
    for (size_t i = 0; i < log.count; i++) of_child += value_is(log.list[i], "child");
    REQUIRE(log.count == 4 && of_child == 1);
    close_log(&log);
}

int main(int argc, char **argv) {
    static const behaviour_t list[] = {
        BOTH(own_partitioner),
        BOTH(interceptor),
        BOTH(closed_says_so),
        BOTH(unused_producer),
        BOTH(partitions_for),
        BOTH(metrics),
        BOTH(many_threads),
        EMBEDDED(brokers_come_back),
        BOTH(log_tells),
        BOTH(after_fork),
    };
    return RUN_BEHAVIOURS(argc, argv, list);
}
