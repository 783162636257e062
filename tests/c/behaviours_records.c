/* Behaviours: records arrive as they were, where they should, in order. */
#include "behaviours.h"

static void arrives_whole(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "0");
    const ottla_header_t headers[] = {{"from", -1, "Franz", 5}, {"to", -1, "Ottla", 5}};
    ottla_record_t record = record_of("a key", "Dear Ottla");
    record.headers = headers, record.header_count = 2;
    record.timestamp_ms = 1709251200123;
    send_one(producer, &record);
    close_and_free(producer);
    REQUIRE(reports.count == 1 && persisted(&reports) == 1);
    EXPECT(reports.list[0].timestamp_ms == 1709251200123);
    log_t log = read_back(1);
    REQUIRE(log.count == 1);
    const rd_kafka_message_t *seen = log.list[0];
    EXPECT(value_is(seen, "Dear Ottla") && is_bytes(seen->key, seen->key_len, "a key", 5));
    rd_kafka_timestamp_type_t type;
    EXPECT(rd_kafka_message_timestamp(seen, &type) == 1709251200123);
    EXPECT(type == RD_KAFKA_TIMESTAMP_CREATE_TIME);
    rd_kafka_headers_t *list = NULL;
    REQUIRE(rd_kafka_message_headers(seen, &list) == RD_KAFKA_RESP_ERR_NO_ERROR);
    EXPECT(rd_kafka_header_cnt(list) == 2);
    const void *value;
    size_t size;
    EXPECT(rd_kafka_header_get(list, 0, "from", &value, &size) == 0);
    EXPECT(is_bytes(value, size, "Franz", 5));
    EXPECT(rd_kafka_header_get(list, 0, "to", &value, &size) == 0);
    EXPECT(is_bytes(value, size, "Ottla", 5));
    close_log(&log);
    forget(&reports);
}

static void null_is_not_empty(void) {
    create_topic(topic, 1);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "5");
    ottla_record_t nulls = record_of(NULL, NULL), empty = record_of("", "");
    send_one(producer, &nulls);
    send_one(producer, &empty);
    close_and_free(producer);
    log_t log = read_back(1);
    REQUIRE(log.count == 2);
    EXPECT(log.list[0]->key == NULL && log.list[0]->payload == NULL);
    EXPECT(log.list[1]->key != NULL && log.list[1]->key_len == 0);
    EXPECT(log.list[1]->payload != NULL && log.list[1]->len == 0);
    close_log(&log);
}

static void headers_may_repeat(void) {
    create_topic(topic, 1);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    const ottla_header_t headers[] = {{"b", -1, "1", 1}, {"a", -1, NULL, -1}, {"b", -1, "", 0},
                                      {"b", -1, "1", 1}, {"", 0, "x", 1}};
    const size_t count = sizeof headers / sizeof *headers;
    ottla_record_t record = record_of(NULL, "value");
    record.headers = headers, record.header_count = count;
    send_one(producer, &record);
    close_and_free(producer);
    log_t log = read_back(1);
    rd_kafka_headers_t *list = NULL;
    REQUIRE(log.count == 1 && rd_kafka_message_headers(log.list[0], &list) == 0);
    EXPECT(rd_kafka_header_cnt(list) == count);
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t size;
        EXPECT(rd_kafka_header_get_all(list, i, &name, &value, &size) == 0);
        EXPECT(strcmp(name, headers[i].name) == 0);
        if (headers[i].value_length == -1) EXPECT(value == NULL);
        else EXPECT(is_bytes(value, size, headers[i].value, (size_t)headers[i].value_length));
    }
    close_log(&log);
}

static void time_of_the_send(void) {
    create_topic(topic, 1);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    ottla_record_t record = record_of(NULL, "value");
    int64_t before = now_ms();
    send_one(producer, &record);
    int64_t after = now_ms();
    close_and_free(producer);
    log_t log = read_back(1);
    REQUIRE(log.count == 1);
    int64_t seen = rd_kafka_message_timestamp(log.list[0], NULL);
    EXPECT(seen >= before && seen <= after);
    close_log(&log);
}

static void partition_of_the_record(void) {
    create_topic(topic, 3);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    for (int32_t i = 0; i < 3; i++) {
        ottla_record_t record = record_of("the same key", i == 0 ? "0" : i == 1 ? "1" : "2");
        record.partition = i;
        send_one(producer, &record);
    }
    close_and_free(producer);
    log_t log = read_back(3);
    REQUIRE(log.count == 3);
    for (size_t i = 0; i < log.count; i++)
        EXPECT(number_of(log.list[i]) == log.list[i]->partition);
    close_log(&log);
}

/* librdkafka has Java's murmur2, too; it is the one to compare with. */
static void partition_of_the_key(void) {
    create_topic(topic, 7);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "5");
    for (int i = 0; i < 300; i++) {
        char key[40];
        snprintf(key, sizeof key, "%.*s%d", i % 9, "key-key-k", i % 100);
        ottla_record_t record = record_of(key, "value");
        send_one(producer, &record);
    }
    close_and_free(producer);
    log_t log = read_back(7);
    REQUIRE(log.count == 300);
    size_t good = 0;
    int used[7] = {0};
    for (size_t i = 0; i < log.count; i++) {
        const rd_kafka_message_t *seen = log.list[i];
        good += rd_kafka_msg_partitioner_murmur2(seen->rkt, seen->key, seen->key_len, 7, NULL,
                                                 NULL) == seen->partition;
        used[seen->partition] = 1;
    }
    EXPECT(good == 300);
    for (int i = 0; i < 7; i++) EXPECT(used[i]);
    close_log(&log);
}

static void no_key_is_spread(void) {
    create_topic(topic, 3);
    ottla_producer_t *producer = PRODUCER(NULL, "batch.size", "500", "linger.ms", "5");
    send_numbers(producer, 0, 1000, -1);
    close_and_free(producer);
    log_t log = read_back(3);
    int used[3] = {0};
    for (size_t i = 0; i < log.count; i++) used[log.list[i]->partition] = 1;
    REQUIRE(log.count == 1000 && used[0] + used[1] + used[2] > 1);
    close_log(&log);
}

static void order_is_kept(void) {
    create_topic(topic, 3);
    reports_t reports = {0};
    ottla_producer_t *producer =
        PRODUCER(&reports, "batch.size", "200", "linger.ms", "0",
                 "max.in.flight.requests.per.connection", "5");
    for (int i = 0; i < 1000; i++) send_numbers(producer, i, i + 1, i % 3);
    close_and_free(producer);
    EXPECT(persisted(&reports) == 1000);
    expect_numbers(3, 1000);
    forget(&reports);
}

static void any_bytes(void) {
    create_topic(topic, 1);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    unsigned char all[256], *many = malloc(1000000);
    for (int i = 0; i < 256; i++) all[i] = (unsigned char)i;
    for (uint32_t i = 0, state = 1; i < 1000000; i++) {
        state = state * 1664525 + 1013904223;
        many[i] = (unsigned char)(state >> 24);
    }
    ottla_record_t record = record_of(NULL, NULL);
    record.key = record.value = all, record.key_length = record.value_length = 256;
    send_one(producer, &record);
    record.value = many, record.value_length = 1000000;
    send_one(producer, &record);
    close_and_free(producer);
    log_t log = read_back(1);
    REQUIRE(log.count == 2);
    EXPECT(is_bytes(log.list[0]->payload, log.list[0]->len, all, 256));
    EXPECT(is_bytes(log.list[0]->key, log.list[0]->key_len, all, 256));
    EXPECT(is_bytes(log.list[1]->payload, log.list[1]->len, many, 1000000));
    close_log(&log);
    free(many);
}

/* Half of it are words, which every codec makes shorter, and half noise, which none does. */
static void write_letter(unsigned char *letter, size_t size, uint32_t number) {
    uint32_t state = number;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        uint32_t noise = state >> 24, word = (uint32_t)"a word, "[i % 8];
        letter[i] = (unsigned char)(i < size / 2 ? word : noise);
    }
}

/* One batch each of 600 kB, so that it has several of the codec's blocks: of snappy's 32 KiB, of
 * lz4's 64 KiB. */
static void codecs(void) {
    create_topic(topic, 1);
    const char *const names[] = {"gzip", "snappy", "lz4", "zstd"};
    unsigned char letter[6000];
    ottla_record_t record = record_of(NULL, NULL);
    record.value = letter, record.value_length = sizeof letter;
    for (int i = 0; i < 4; i++) {
        ottla_producer_t *producer = PRODUCER(NULL, "compression.type", names[i], "linger.ms",
                                              "60000", "batch.size", "1048576");
        for (uint32_t n = 0; n < 100; n++) {
            write_letter(letter, sizeof letter, (uint32_t)i * 100 + n);
            send_one(producer, &record);
        }
        char metrics[20000];
        int64_t length = 0;
        EXPECT_OK(ottla_producer_metrics(producer, metrics, sizeof metrics, &length));
        EXPECT(strstr(metrics, "\"batch-send-total\":0") != NULL);
        close_and_free(producer);
    }
    log_t log = read_back(1);
    REQUIRE(log.count == 400);
    size_t good = 0;
    for (uint32_t n = 0; n < 400; n++) {
        write_letter(letter, sizeof letter, n);
        good += is_bytes(log.list[n]->payload, log.list[n]->len, letter, sizeof letter);
    }
    EXPECT(good == 400);
    close_log(&log);
}

int main(int argc, char **argv) {
    static const behaviour_t list[] = {
        BOTH(arrives_whole),
        BOTH(null_is_not_empty),
        BOTH(headers_may_repeat),
        BOTH(time_of_the_send),
        BOTH(partition_of_the_record),
        BOTH(partition_of_the_key),
        BOTH(no_key_is_spread),
        BOTH(order_is_kept),
        BOTH(any_bytes),
        BOTH(codecs),
    };
    return RUN_BEHAVIOURS(argc, argv, list);
}
