/* Bad texts, lengths, numbers, structs and packed bytes: each is refused with its own reason. */
#include "check.h"

static ottla_producer_t *producer;

static int32_t send(ottla_record_t record) {
    return ottla_producer_send(producer, &record, &error);
}

#define SEND(field, number, status, text)                  \
    do {                                                   \
        ottla_record_t record = new_record();              \
        record.field = number;                             \
        expect_status(send(record), status, text, #field " = " #number); \
    } while (0)

static void records(void) {
    int32_t bad = OTTLA_INVALID_ARGUMENT;
    SEND(struct_size, 0, bad, "struct_size of the record is 0");
    SEND(struct_size, sizeof(ottla_record_t) - 1, bad, "struct_size");
    SEND(struct_size, sizeof(ottla_record_t) + 64, OTTLA_TIMED_OUT, "topic topic");
    SEND(topic, NULL, bad, "topic is NULL");
    SEND(topic, "", OTTLA_INVALID_TOPIC_EXCEPTION, "empty");
    SEND(topic, "a b", OTTLA_INVALID_TOPIC_EXCEPTION, "\"a b\"");
    SEND(topic, "\xff", OTTLA_INVALID_UTF8, "topic is not valid UTF-8 at byte 0");
    SEND(topic_length, -2, bad, "the length of topic is -2");
    SEND(topic_length, INT64_MAX, bad, "the length of topic");
    SEND(value, NULL, bad, "value is NULL");
    SEND(value_length, -2, bad, "the length of value is -2");
    SEND(value_length, INT64_MIN, bad, "the length of value");
    SEND(value_length, INT64_MAX, bad, "more than memory");
    SEND(key_length, 1, bad, "key is NULL");
    SEND(header_count, 1, bad, "headers is NULL");
    SEND(header_count, SIZE_MAX, bad, "headers");
    SEND(timestamp_ms, -2, bad, "timestamp_ms is -2");
    SEND(partition, -2, bad, "partition is -2");
    SEND(flags, 2, bad, "flags is 0x2");
    SEND(flags, OTTLA_NO_REPORT, OTTLA_TIMED_OUT, NULL);
    SEND(headers, (ottla_header_t *)1, OTTLA_TIMED_OUT, NULL); /* There are none to look at. */

    ottla_header_t headers[20];
    for (int i = 0; i < 20; i++) headers[i] = (ottla_header_t){"name", -1, NULL, -1};
    ottla_record_t record = new_record();
    record.headers = headers, record.header_count = 20;
    EXPECT_STATUS(send(record), OTTLA_TIMED_OUT, NULL);
    headers[17].value_length = 3;
    EXPECT_STATUS(send(record), bad, "headers[17].value is NULL");
    headers[3].name = "\xc3(", headers[3].name_length = 2;
    EXPECT_STATUS(send(record), OTTLA_INVALID_UTF8, "headers[3].name");
    headers[2].name = NULL;
    EXPECT_STATUS(send(record), bad, "headers[2].name is NULL");
    record.headers = (ottla_header_t *)((char *)headers + 1);
    EXPECT_STATUS(send(record), bad, "aligned");
}

static void configuration(void) {
    ottla_config_t *config = new_config();
    int64_t length = 0;
    char text[8];
    int32_t bad = OTTLA_INVALID_ARGUMENT;
    EXPECT_STATUS(ottla_config_set(config, NULL, "1", &error), bad, "key is NULL");
    EXPECT_STATUS(ottla_config_set(config, "acks", NULL, &error), bad, "value is NULL");
    EXPECT_STATUS(ottla_config_set(config, "\xff", "1", &error), OTTLA_INVALID_UTF8, "key");
    EXPECT_STATUS(ottla_config_set(config, "acks", "\xff", &error), OTTLA_INVALID_UTF8, "value");
    EXPECT_STATUS(ottla_config_set(config, "linger.mss", "1", &error), OTTLA_CONFIGURATION,
                  "linger.ms");
    EXPECT_STATUS(ottla_config_set(config, "linger.ms", "soon", &error), OTTLA_CONFIGURATION,
                  "linger.ms");
    EXPECT_STATUS(ottla_config_get(config, "linger.mss", text, 8, &length, &error),
                  OTTLA_CONFIGURATION, "linger.ms");
    EXPECT_OK(ottla_config_get(config, "bootstrap.servers", text, sizeof text, &length, &error));
    EXPECT(length == 11 && !strcmp(text, "127.0.0"));
    EXPECT_OK(ottla_config_get(config, "bootstrap.servers", NULL, 0, &length, &error));
    EXPECT(length == 11);
    EXPECT_OK(ottla_config_get(config, "transactional.id", text, sizeof text, &length, &error));
    EXPECT(length == -1 && !strcmp(text, ""));
    EXPECT_STATUS(ottla_config_get(config, "acks", NULL, 8, &length, &error), bad, "buffer");
    EXPECT_STATUS(ottla_config_get(config, "acks", text, 8, NULL, &error), bad, "length");
    EXPECT_STATUS(ottla_config_add_interceptor(config, NULL, NULL, NULL), bad, NULL);
    EXPECT_OK(ottla_config_set_report_callback(config, NULL, 0, NULL));
    EXPECT_OK(ottla_config_set(config, "acks", "1", &error));
    EXPECT_OK(ottla_config_set(config, "enable.idempotence", "true", &error));
    ottla_producer_t *none = NULL;
    EXPECT_STATUS(ottla_producer_new(config, &none, &error), OTTLA_CONFIGURATION, "acks");
    EXPECT(none == NULL);
    EXPECT_OK(ottla_config_set(config, "acks", "all", &error));
    EXPECT_OK(ottla_config_set(config, "delivery.report.mode", "dispatch", &error));
    EXPECT_STATUS(ottla_producer_new(config, &none, &error), OTTLA_CONFIGURATION, "callback");
    EXPECT_OK(ottla_config_free(config));
}

static void other_functions(void) {
    ottla_report_t reports[2];
    ottla_partition_t partitions[2];
    size_t count = 0;
    int64_t length;
    char text[16];
    int32_t bad = OTTLA_INVALID_ARGUMENT;
    EXPECT_STATUS(ottla_producer_poll(producer, -2, &count, &error), bad, "timeout_ms is -2");
    EXPECT_STATUS(ottla_producer_flush(producer, INT32_MIN, &error), bad, "timeout_ms");
    EXPECT_STATUS(ottla_producer_close(producer, -3, &error), bad, "timeout_ms is -3");
    EXPECT_STATUS(ottla_producer_poll_reports(producer, reports, sizeof *reports, 0, 0, &count,
                                              NULL, &error), bad, "capacity is 0");
    EXPECT_STATUS(ottla_producer_poll_reports(producer, reports, sizeof *reports - 1, 2, 0, &count,
                                              NULL, &error), bad, "the stride of reports is 55");
    EXPECT_STATUS(ottla_producer_poll_reports(producer, reports, SIZE_MAX, 2, 0, &count, NULL,
                                              &error), bad, "reports");
    EXPECT_STATUS(ottla_producer_partitions_for(producer, "t", -1, partitions, 4, 2, &count, 0,
                                                &error), bad, "the stride of partitions is 4");
    EXPECT_STATUS(ottla_producer_partitions_for(producer, "t", -1, NULL, 8, 0, &count, 10, &error),
                  OTTLA_TIMED_OUT, "topic t");
    EXPECT_OK(ottla_producer_metrics(producer, text, sizeof text, &length));
    EXPECT(length > 100 && strlen(text) == 15 && text[0] == '{');
    EXPECT_OK(ottla_producer_fatal_error(producer, &error));
    EXPECT(!strcmp(ottla_status_name(OTTLA_NOT_LEADER_OR_FOLLOWER), "NOT_LEADER_OR_FOLLOWER"));
    EXPECT(!strcmp(ottla_status_name(12345), "UNKNOWN") && !strcmp(ottla_status_name(0), "NONE"));
    EXPECT(ottla_status_text(INT32_MIN) != NULL && *ottla_status_text(OTTLA_CLOSED));
    EXPECT(ottla_version_number() == OTTLA_VERSION_MAJOR * 1000000 + OTTLA_VERSION_MINOR * 1000 +
                                         OTTLA_VERSION_PATCH);
    EXPECT(ottla_version()[0] == '0' + OTTLA_VERSION_MAJOR);
}

static char block[200];
static int64_t block_length;

static void put(const void *bytes, size_t length) {
    memcpy(block + block_length, bytes, length);
    block_length += (int64_t)length;
}

static void put_i32(int32_t number) { put(&number, 4); }

static void put_record(int64_t timestamp_ms, int32_t partition) {
    uint64_t opaque = 1;
    put(&timestamp_ms, 8), put(&opaque, 8), put_i32(partition), put_i32(0);
    put_i32(-1);                                            /* the key is null */
    put_i32(5), put("value", 5);                            /* the value */
    put_i32(9), put_i32(1), put("h", 1), put_i32(-1);       /* a header whose value is null */
}

static void packed(void) {
    int32_t statuses[3] = {7, 7, 7};
    size_t accepted = 7;
    put_record(-1, -1), put_record(-5, -1), put_record(-1, -5);
#define BATCH(length, count, timeout_ms)                                                     \
    ottla_producer_send_batch(producer, "topic", 5, block, length, count, timeout_ms, statuses, \
                              &accepted, &error)
    EXPECT_STATUS(BATCH(block_length - 1, 3, 0), OTTLA_INVALID_ARGUMENT, "record 2: packed is");
    EXPECT(statuses[0] == 7 && statuses[2] == 7 && accepted == 0);
    EXPECT_STATUS(BATCH(block_length, 2, 0), OTTLA_INVALID_ARGUMENT, "behind its 2 records");
    EXPECT_STATUS(BATCH(block_length, SIZE_MAX, 0), OTTLA_INVALID_ARGUMENT, "record 3");
    EXPECT_STATUS(BATCH(block_length, 3, -7), OTTLA_INVALID_ARGUMENT, "timeout_ms");
    int64_t started = now_ms();
    EXPECT_STATUS(BATCH(block_length, 3, 100), OTTLA_TIMED_OUT, "record 0: topic topic");
    EXPECT(now_ms() - started >= 100);
    EXPECT(statuses[0] == OTTLA_TIMED_OUT && statuses[1] == OTTLA_INVALID_ARGUMENT);
    EXPECT(statuses[2] == OTTLA_INVALID_ARGUMENT && accepted == 0);
    EXPECT_OK(BATCH(0, 0, 0));

#define FLAT(bytes, length, timeout_ms)                                                           \
    ottla_producer_send_flat(producer, "topic", -1, -1, -1, "k", 1, NULL, -1, bytes, length, 0, 0, \
                             timeout_ms, NULL, &error)
    EXPECT_STATUS(FLAT(NULL, -1, 0), OTTLA_TIMED_OUT, NULL);
    EXPECT_STATUS(FLAT(NULL, 0, OTTLA_MAX_BLOCK), OTTLA_TIMED_OUT, NULL);
    EXPECT_STATUS(FLAT(NULL, 5, 0), OTTLA_INVALID_ARGUMENT, "headers_packed is NULL");
    EXPECT_STATUS(FLAT(NULL, -1, -3), OTTLA_INVALID_ARGUMENT, "timeout_ms is -3");
    block_length = 0;
    put_i32(1), put("h", 1), put_i32(3), put("abc", 3);
    EXPECT_STATUS(FLAT(block, block_length, 0), OTTLA_TIMED_OUT, NULL);
    for (int64_t length = 1; length < block_length; length++)
        EXPECT_STATUS(FLAT(block, length, 0), OTTLA_INVALID_ARGUMENT, "headers_packed is mal");
    block[4] = '\xff';
    EXPECT_STATUS(FLAT(block, block_length, 0), OTTLA_INVALID_UTF8, "byte 0");
    block_length = 0;
    put_i32(-1);
    EXPECT_STATUS(FLAT(block, block_length, 0), OTTLA_INVALID_ARGUMENT, "-1");
}

int main(void) {
    producer = new_producer();
    records();
    configuration();
    other_functions();
    packed();
    EXPECT_OK(ottla_producer_close(producer, -1, &error));
    EXPECT_OK(ottla_producer_close(producer, 0, &error));
    EXPECT_STATUS(send(new_record()), OTTLA_CLOSED, "closed");
    EXPECT_OK(ottla_producer_flush(producer, 0, &error));
    EXPECT_OK(ottla_producer_free(producer));
    return finish();
}
