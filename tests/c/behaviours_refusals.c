/* Behaviours: what is refused, at once and with its name; and what a configuration accepts. */
#include "behaviours.h"

static void topic_name_is_refused(void) {
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    ottla_record_t record = record_of(NULL, "value");
    record.topic = "a topic";
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_INVALID_TOPIC_EXCEPTION,
                  "\"a topic\"");
    close_and_free(producer);
}

static void partition_is_refused(void) {
    create_topic(topic, 3);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    ottla_record_t record = record_of(NULL, "value");
    record.partition = 3;
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error),
                  OTTLA_UNKNOWN_TOPIC_OR_PARTITION, "it has 3");
    record.partition = -2;
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_INVALID_ARGUMENT, "-2");
    close_and_free(producer);
}

static void too_large_is_refused(void) {
    create_topic(topic, 1);
    ottla_producer_t *producer = PRODUCER(NULL, "max.request.size", "1000");
    static const char large[1001] = "large";
    ottla_record_t record = record_of(NULL, NULL);
    record.value = large, record.value_length = sizeof large;
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_MESSAGE_TOO_LARGE,
                  "max.request.size");
    record.value_length = 500;
    send_one(producer, &record);
    close_and_free(producer);
}

static void time_is_refused(void) {
    create_topic(topic, 1);
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    ottla_record_t record = record_of(NULL, "value");
    record.timestamp_ms = -2;
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_INVALID_ARGUMENT, "-2");
    record.timestamp_ms = 0; /* 1970 itself is a time. */
    send_one(producer, &record);
    close_and_free(producer);
    log_t log = read_back(1);
    REQUIRE(log.count == 1 && rd_kafka_message_timestamp(log.list[0], NULL) == 0);
    close_log(&log);
}

static void text_is_refused(void) {
    ottla_producer_t *producer = PRODUCER(NULL, "linger.ms", "0");
    ottla_record_t record = record_of(NULL, "value");
    record.topic = "caf\xe9";
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_INVALID_UTF8, "topic");
    close_and_free(producer);
}

static void unreachable_says_so(void) {
    ottla_producer_t *producer =
        PRODUCER(NULL, "bootstrap.servers", "127.0.0.1:1", "max.block.ms", "300");
    ottla_record_t record = record_of(NULL, "value");
    int64_t started = now_ms();
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_TIMED_OUT, "127.0.0.1:1");
    EXPECT(now_ms() - started >= 300);
    close_and_free(producer);
}

static void unknown_key(void) {
    ottla_config_t *config = config_with(NULL);
    EXPECT_STATUS(ottla_config_set(config, "linger.mss", "5", &error), OTTLA_CONFIGURATION,
                  "linger.ms");
    EXPECT_OK(ottla_config_free(config));
}

static void value_out_of_range(void) {
    ottla_config_t *config = config_with(NULL);
    EXPECT_STATUS(ottla_config_set(config, "compression.gzip.level", "10", &error),
                  OTTLA_CONFIGURATION, "9");
    EXPECT_STATUS(ottla_config_set(config, "acks", "2", &error), OTTLA_CONFIGURATION, "all");
    EXPECT_OK(ottla_config_free(config));
}

static void other_names_of_keys(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_config_t *config =
        config_with("queue.buffering.max.ms", "7", "message.timeout.ms", "45000",
                    "compression.codec", "lz4", "metadata.broker.list", servers, NULL);
    char value[100];
    int64_t length;
    EXPECT_OK(ottla_config_get(config, "linger.ms", value, sizeof value, &length, &error));
    EXPECT(strcmp(value, "7") == 0);
    EXPECT_OK(ottla_config_get(config, "delivery.timeout.ms", value, sizeof value, &length,
                               &error));
    EXPECT(strcmp(value, "45000") == 0);
    ottla_producer_t *producer = producer_of(config, &reports);
    ottla_record_t record = record_of(NULL, "value");
    send_one(producer, &record);
    close_and_free(producer);
    EXPECT(persisted(&reports) == 1);
    forget(&reports);
}

/* When the key is set, or when the producer is made: but before anything is sent. */
static void security_is_refused(void) {
    ottla_config_t *config = config_with(NULL);
    ottla_producer_t *producer = NULL;
    int32_t status = ottla_config_set(config, "security.protocol", "SSL", &error);
    if (status == OTTLA_OK) status = ottla_producer_new(config, &producer, &error);
    EXPECT_STATUS(status, OTTLA_NOT_IMPLEMENTED, "security.protocol");
    EXPECT(producer == NULL);
    EXPECT_OK(ottla_config_free(config));
}

static void no_servers(void) {
    ottla_config_t *config = NULL;
    ottla_producer_t *producer = NULL;
    EXPECT_OK(ottla_config_new(&config));
    EXPECT_STATUS(ottla_producer_new(config, &producer, &error), OTTLA_CONFIGURATION,
                  "bootstrap.servers");
    EXPECT(producer == NULL);
    EXPECT_OK(ottla_config_free(config));
}

int main(int argc, char **argv) {
    static const behaviour_t list[] = {
        BOTH(topic_name_is_refused),
        BOTH(partition_is_refused),
        BOTH(too_large_is_refused),
        BOTH(time_is_refused),
        BOTH(text_is_refused),
        BOTH(unreachable_says_so),
        BOTH(unknown_key),
        BOTH(value_out_of_range),
        BOTH(other_names_of_keys),
        BOTH(security_is_refused),
        BOTH(no_servers),
    };
    return RUN_BEHAVIOURS(argc, argv, list);
}
