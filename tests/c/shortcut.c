/* A thread that sends again and again is served by a shortcut: it must refuse what a first send
 * refuses, and never lead to another producer, nor to one that was closed or freed. */
#include <sys/wait.h>

#include "behaviours.h"

static ottla_cluster_t *clusters[2];

static ottla_producer_t *client_with_linger(ottla_cluster_t *of, const char *linger_ms) {
    int64_t length;
    EXPECT_OK(ottla_cluster_bootstrap_servers(of, servers, sizeof servers, &length));
    return PRODUCER(NULL, "max.block.ms", "200", "linger.ms", linger_ms, "max.request.size", "4000",
                    "delivery.report.timestamp", "true");
}

static ottla_producer_t *client(ottla_cluster_t *of) { return client_with_linger(of, "20"); }

static ottla_record_t letter(uint64_t opaque) {
    ottla_record_t record = new_record();
    record.topic = "letters";
    record.opaque = opaque;
    return record;
}

/* Reads `count` reports, of which each says that its record is in the log, and gives the sum of
 * their opaques and how many are of partition 2. */
static uint64_t read_reports(ottla_producer_t *producer, size_t count, size_t *in_last) {
    ottla_report_t reports[64];
    uint64_t sum = 0;
    size_t seen = 0, bad = 0, got = 1;
    EXPECT_OK(ottla_producer_flush(producer, 10000, &error));
    while (seen < count && got) {
        ottla_producer_poll_reports(producer, reports, sizeof *reports, 64, 5000, &got, NULL, NULL);
        for (size_t i = 0; i < got; i++, seen++) {
            sum += reports[i].opaque;
            bad += reports[i].status != 0 || reports[i].offset < 0;
            if (in_last) *in_last += reports[i].partition == 2;
        }
    }
    EXPECT(bad == 0 && seen == count);
    ottla_producer_poll_reports(producer, reports, sizeof *reports, 64, 0, &got, NULL, NULL);
    EXPECT(got == 0);
    return sum;
}

#define REFUSES(field, bad, status, text)                                                        \
    do {                                                                                         \
        ottla_record_t record = letter(1);                                                       \
        EXPECT_OK(ottla_producer_send(producer, &record, &error));                               \
        record.field = bad;                                                                      \
        EXPECT_STATUS(ottla_producer_send(producer, &record, &error), status, text);             \
    } while (0)

static void what_is_wrong_is_refused_as_before(ottla_producer_t *producer) {
    static char large[5000];
    int32_t invalid = OTTLA_INVALID_ARGUMENT;
    /* Without a producer nobody looks at the record, which may be gone with it. */
    ottla_record_t gone = letter(1);
    gone.topic = (const char *)8;
    EXPECT_STATUS(ottla_producer_send(NULL, &gone, &error), OTTLA_INVALID_HANDLE, "producer");
    EXPECT_STATUS(ottla_producer_send(NULL, (void *)8, &error), OTTLA_INVALID_HANDLE, "producer");
    REFUSES(struct_size, 8, invalid, "struct_size");
    REFUSES(topic, NULL, invalid, "topic is NULL");
    REFUSES(topic, "let\xff" "ers", OTTLA_INVALID_UTF8, "byte 3");
    REFUSES(topic_length, -2, invalid, "the length of topic");
    REFUSES(topic, "let/ers", OTTLA_INVALID_TOPIC_EXCEPTION, "let/ers");
    REFUSES(value, NULL, invalid, "value is NULL");
    REFUSES(value_length, -2, invalid, "the length of value");
    REFUSES(value_length, INT64_MAX, invalid, "the length of value");
    REFUSES(key_length, 3, invalid, "key is NULL");
    REFUSES(key_length, -7, invalid, "the length of key");
    REFUSES(partition, -2, invalid, "partition is -2");
    REFUSES(partition, 3, OTTLA_UNKNOWN_TOPIC_OR_PARTITION, "partition 3");
    REFUSES(timestamp_ms, -2, invalid, "timestamp_ms is -2");
    REFUSES(flags, 2, invalid, "flags is 0x2");
    REFUSES(header_count, 1, invalid, "headers is NULL");
    ottla_record_t record = letter(1);
    record.value = large;
    record.value_length = sizeof large;
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_MESSAGE_TOO_LARGE,
                  "max.request.size");
    EXPECT_STATUS(ottla_producer_send(producer, NULL, &error), invalid, "record is NULL");
    uint64_t ticket = 77;
    EXPECT_STATUS(ottla_producer_send_flat(producer, "letters", 7, -1, -1, NULL, -1, "v", 1, NULL,
                                           0, 0, 0, -3, NULL, &error), invalid, "timeout_ms is -3");
    EXPECT_STATUS(ottla_producer_send_flat(producer, "letters", 7, -1, -1, NULL, -1, "v", 1, NULL,
                                           -2, 0, 0, 0, NULL, &error), invalid, "headers_packed");
    EXPECT_STATUS(ottla_producer_send_flat(producer, "letters", 7, -1, -1, NULL, -1, "v", 1, NULL,
                                           0, 0, 0, 0, &ticket, &error), invalid, "ticket");
    EXPECT(read_reports(producer, 15, NULL) == 15);
}

static void all_kinds_of_records_are_reported_once(ottla_producer_t *producer) {
    ottla_header_t headers[2] = {{"one", 3, "1", 1}, {"two", -1, NULL, -1}};
    uint64_t sum = 0, ticket = 0;
    size_t in_last = 0, silent = 0;
    for (uint64_t i = 1; i <= 2000; i++) {
        ottla_record_t record = letter(i);
        if (i % 3 == 0) record.key = "key", record.key_length = 3;
        if (i % 5 == 0) record.value_length = i % 2 ? 0 : -1;
        if (i % 7 == 0) record.headers = headers, record.header_count = 2;
        if (i % 11 == 0) record.timestamp_ms = now_ms() - (int64_t)i;
        record.partition = i % 4 ? 2 : 1;
        if (i % 13 == 0) record.flags = OTTLA_NO_REPORT, silent++;
        else sum += i, in_last += record.partition == 2;
        int32_t status;
        if (i % 17 == 0 && !record.header_count)
            status = ottla_producer_send_flat(producer, record.topic, -1, record.partition,
                                              record.timestamp_ms, record.key, record.key_length,
                                              record.value, record.value_length, NULL, 0,
                                              record.opaque, record.flags, 1000,
                                              i % 2 ? &ticket : NULL, &error);
        else
            status = ottla_producer_send(producer, &record, &error);
        if (status || ticket) EXPECT_OK(status);
    }
    size_t seen_in_last = 0;
    EXPECT(read_reports(producer, 2000 - silent, &seen_in_last) == sum);
    EXPECT(seen_in_last == in_last);
}

enum { WHOLE = 900, KEYS = 9 };
static const int64_t BASE_MS = 1709251200000;

/* The i-th record: with a key, headers and a time of its own, or without. */
static void send_whole(ottla_producer_t *producer, int i) {
    static const ottla_header_t headers[] = {{"from", 4, "Franz", 5}, {"to", -1, NULL, -1}};
    char value[20], key[20];
    ottla_record_t record = letter((uint64_t)i);
    record.topic = topic;
    record.value = value;
    record.value_length = snprintf(value, sizeof value, "%d", i);
    if (i % 2) record.key = key, record.key_length = snprintf(key, sizeof key, "key-%d", i % KEYS);
    if (i % 5 == 0) record.headers = headers, record.header_count = 2;
    if (i % 3 == 0) record.timestamp_ms = BASE_MS + i % 50;
    if (i % 7 == 0)
        EXPECT_OK(ottla_producer_send_flat(producer, topic, -1, -1, record.timestamp_ms, record.key,
                                           record.key_length, value, record.value_length, NULL, 0,
                                           record.opaque, 0, -2, NULL, &error));
    else if (ottla_producer_send(producer, &record, &error))
        EXPECT(0);
}

/* Whether it is what was sent as the record with its number. */
static int is_whole(const rd_kafka_message_t *message, int64_t since, int32_t *of_keys) {
    int i = number_of(message), good = i >= 0 && i < WHOLE;
    char key[20];
    size_t length = (size_t)snprintf(key, sizeof key, "key-%d", i % KEYS);
    good &= i % 2 ? is_bytes(message->key, message->key_len, key, length) : !message->key;
    if (i % 2) {
        int32_t *partition = &of_keys[i % KEYS];
        good &= *partition == -1 || *partition == message->partition;
        *partition = message->partition;
    }
    rd_kafka_timestamp_type_t type;
    int64_t time = rd_kafka_message_timestamp(message, &type);
    good &= i % 3 ? time >= since && time <= now_ms() : time == BASE_MS + i % 50;
    rd_kafka_headers_t *list = NULL;
    int has = rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (i % 5 || i % 7 == 0) return good && !has;
    const void *from, *to = "";
    size_t size, none;
    good &= has && rd_kafka_header_cnt(list) == 2;
    good &= has && !rd_kafka_header_get(list, 0, "from", &from, &size) && is_bytes(from, size, "Franz", 5);
    return good && !rd_kafka_header_get(list, 0, "to", &to, &none) && !to;
}

static void records_arrive_as_they_were(void) {
    snprintf(topic, sizeof topic, "whole");
    EXPECT_OK(ottla_cluster_create_topic(clusters[0], topic, -1, 3, 1, &error));
    ottla_producer_t *producer = client(clusters[0]);
    int64_t since = now_ms();
    for (int i = 0; i < WHOLE; i++) send_whole(producer, i);
    EXPECT(read_reports(producer, WHOLE, NULL) == WHOLE * (WHOLE - 1) / 2);
    EXPECT_OK(ottla_producer_free(producer));
    log_t log = read_back(3);
    char seen[WHOLE] = {0};
    int32_t of_keys[KEYS], bad = 0, twice = 0, used = 0;
    memset(of_keys, -1, sizeof of_keys);
    for (size_t i = 0; i < log.count; i++) {
        int good = is_whole(log.list[i], since, of_keys);
        bad += !good;
        if (good) twice += seen[number_of(log.list[i])]++;
    }
    for (int i = 0; i < KEYS; i++) used |= 1 << of_keys[i];
    EXPECT(log.count == WHOLE && bad == 0 && twice == 0);
    EXPECT(used == 7); /* Nine keys are in all three partitions. */
    close_log(&log);
}

static void a_child_has_no_shortcut(void) {
    ottla_producer_t *producer = client_with_linger(clusters[0], "5000");
    ottla_record_t record = letter(1);
    for (int i = 0; i < 3; i++) EXPECT_OK(ottla_producer_send(producer, &record, &error));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int32_t status = ottla_producer_send(producer, &record, NULL);
        /* Not _exit: what the parent's threads own is lost here, and valgrind would count it. */
        execlp(status == OTTLA_FORKED ? "true" : "false", "child", NULL);
        _exit(2);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT(read_reports(producer, 3, NULL) == 3);
    EXPECT_OK(ottla_producer_free(producer));
}

/* Sends until the producer is closed; gives the number of records that were accepted. */
static void *send_until_closed(void *producer) {
    ottla_record_t record = letter(1);
    size_t accepted = 0;
    int32_t status;
    while (!(status = ottla_producer_send(producer, &record, NULL))) accepted++;
    EXPECT(status == OTTLA_CLOSED);
    return (void *)accepted;
}

static void a_close_meanwhile_loses_nothing(void) {
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        void *accepted;
        ottla_producer_t *producer = client(clusters[0]);
        pthread_create(&thread, NULL, send_until_closed, producer);
        usleep(5000 + 1000 * (useconds_t)round);
        EXPECT_OK(ottla_producer_close(producer, 60000, &error));
        pthread_join(thread, &accepted);
        EXPECT(read_reports(producer, (size_t)accepted, NULL) == (size_t)accepted);
        EXPECT_OK(ottla_producer_free(producer));
    }
}

static void two_producers_keep_their_own(void) {
    ottla_producer_t *producers[2] = {client(clusters[0]), client(clusters[1])};
    for (uint64_t i = 0; i < 400; i++) {
        ottla_record_t record = letter(i);
        /* In turns, and several in a row. */
        if (ottla_producer_send(producers[i % 2 ^ i / 9 % 2], &record, NULL)) EXPECT(0);
    }
    uint64_t sums[2] = {0, 0};
    size_t counts[2] = {0, 0};
    for (uint64_t i = 0; i < 400; i++) sums[i % 2 ^ i / 9 % 2] += i, counts[i % 2 ^ i / 9 % 2]++;
    for (int i = 0; i < 2; i++) {
        EXPECT(read_reports(producers[i], counts[i], NULL) == sums[i]);
        EXPECT_OK(ottla_producer_free(producers[i]));
    }
}

static pthread_barrier_t barrier;
static int32_t statuses[3];

/* Opens its shortcut, and sends again after the producer was closed, and after it was freed. */
static void *send_thrice(void *producer) {
    ottla_record_t record = letter(1);
    for (int i = 0; i < 3; i++) {
        statuses[i] = ottla_producer_send(producer, &record, NULL);
        if (i == 0) statuses[i] |= ottla_producer_send(producer, &record, NULL);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void what_is_closed_or_freed_takes_nothing(void) {
    pthread_t thread;
    ottla_producer_t *producer = client(clusters[0]);
    ottla_record_t record = letter(1);
    EXPECT_OK(ottla_producer_send(producer, &record, &error));
    EXPECT_OK(ottla_producer_send(producer, &record, &error));
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, send_thrice, producer);
    pthread_barrier_wait(&barrier);
    EXPECT_OK(ottla_producer_close(producer, 10000, &error));
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_CLOSED, "closed");
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    EXPECT(read_reports(producer, 4, NULL) == 4);
    EXPECT_OK(ottla_producer_free(producer));
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_INVALID_HANDLE, "freed");
    /* It takes the place of the freed one, which must not matter. */
    ottla_producer_t *next = client(clusters[1]);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    EXPECT(statuses[0] == 0 && statuses[1] == OTTLA_CLOSED && statuses[2] == OTTLA_INVALID_HANDLE);
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_INVALID_HANDLE, "freed");
    EXPECT_OK(ottla_producer_send(next, &record, &error));
    EXPECT_OK(ottla_producer_send(next, &record, &error));
    EXPECT(read_reports(next, 2, NULL) == 2);
    EXPECT_OK(ottla_producer_free(next));
    pthread_join(thread, NULL);
}

int main(void) {
    for (int i = 0; i < 2; i++) {
        EXPECT_OK(ottla_cluster_new("", 0, &clusters[i], &error));
        EXPECT_OK(ottla_cluster_create_topic(clusters[i], "letters", -1, 3, 1, &error));
    }
    ottla_producer_t *producer = client(clusters[0]);
    what_is_wrong_is_refused_as_before(producer);
    all_kinds_of_records_are_reported_once(producer);
    EXPECT_OK(ottla_producer_free(producer));
    records_arrive_as_they_were();
    a_child_has_no_shortcut();
    a_close_meanwhile_loses_nothing();
    two_producers_keep_their_own();
    what_is_closed_or_freed_takes_nothing();
    for (int i = 0; i < 2; i++) EXPECT_OK(ottla_cluster_free(clusters[i]));
    return finish();
}
