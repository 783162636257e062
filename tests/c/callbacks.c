/* What callbacks are given, and what may be called inside them. No record is accepted here, as no
 * broker is there: interceptors and the log callback run all the same. */
#include "check.h"

static ottla_producer_t *producer;
static int log_lines, failed_sends_logged, sends_seen, nested;

static void call_back_in(const char *where) {
    printf("     inside %s:\n", where);
    EXPECT_STATUS(ottla_producer_flush(producer, 0, &error), OTTLA_IN_CALLBACK, "flush");
    EXPECT_STATUS(ottla_producer_close(producer, 0, &error), OTTLA_IN_CALLBACK, "close");
    EXPECT_STATUS(ottla_producer_free(producer), OTTLA_IN_CALLBACK, NULL);
    size_t count;
    EXPECT_OK(ottla_producer_poll(producer, 0, &count, &error));
    if (!nested) {
        nested = 1;
        ottla_record_t record = new_record();
        EXPECT_STATUS(ottla_producer_send_timeout(producer, &record, 0, &error), OTTLA_TIMED_OUT,
                      NULL);
        nested = 0;
    }
}

static void on_log(int32_t level, const char *text, int64_t length, void *user) {
    int good = level >= OTTLA_LOG_ERROR && level <= OTTLA_LOG_DEBUG;
    good = good && (int64_t)strlen(text) == length && user == &log_lines;
    expect(good, "a log line has a level, its length, and the user pointer", text);
    failed_sends_logged += strstr(text, "on_send failed") != NULL;
    expect(!strstr(text, "LEADER_NOT_AVAILABLE"), "an interceptor's 5 is not Kafka's 5", text);
    if (log_lines++ == 0) call_back_in("the log callback");
}

static int32_t on_send(ottla_record_t *record, void *user) {
    static const ottla_header_t added = {"trace", -1, "1", 1};
    sends_seen++;
    EXPECT(record->struct_size >= sizeof *record && record->topic_length == 5);
    EXPECT(!memcmp(record->topic, "topic", 5) && !memcmp(record->value, "value", 5));
    EXPECT(record->value_length == 5 && record->key_length == -1 && record->partition == -1);
    if (!nested && user == &sends_seen) call_back_in("an interceptor");
    record->key = user, record->key_length = 1; /* undone, as it fails */
    record->headers = &added, record->header_count = 1;
    return user == &failures ? 5 : 0;
}

static int32_t second_on_send(ottla_record_t *record, void *user) {
    (void)user;
    EXPECT(record->header_count == 1 && record->headers[0].name_length == 5);
    EXPECT(record->key_length == 1);
    record->key_length = -9; /* no length: it fails, and the record goes on as it was */
    return 0;
}

static int32_t on_acknowledgement(const ottla_report_t *report, void *user) {
    (void)report, (void)user;
    return 0;
}

static void on_reports(const ottla_report_t *reports, size_t count, void *user) {
    (void)reports, (void)user;
    expect(count == 0, "there are no reports", "there are");
}

static int32_t partition(const char *topic, int64_t topic_length, const void *key,
                         int64_t key_length, const void *value, int64_t value_length,
                         int32_t partition_count, void *user) {
    (void)topic, (void)topic_length, (void)key, (void)key_length, (void)value, (void)value_length;
    (void)partition_count, (void)user;
    expect(0, "no partition is chosen without metadata", "one is");
    return 0;
}

int main(void) {
    ottla_config_t *config = new_config();
    EXPECT_OK(ottla_config_set(config, "log.level", "debug", &error));
    EXPECT_OK(ottla_config_set_log_callback(config, on_log, &log_lines));
    EXPECT_STATUS(ottla_config_set_report_callback(config, on_reports, 8, NULL),
                  OTTLA_INVALID_ARGUMENT, NULL);
    EXPECT_OK(ottla_config_set_report_callback(config, on_reports, sizeof(ottla_report_t), NULL));
    EXPECT_OK(ottla_config_set_partitioner(config, partition, NULL));
    EXPECT_OK(ottla_config_add_interceptor(config, NULL, on_acknowledgement, NULL));
    EXPECT_OK(ottla_config_add_interceptor(config, on_send, NULL, &failures));
    EXPECT_OK(ottla_config_add_interceptor(config, on_send, on_acknowledgement, &sends_seen));
    EXPECT_OK(ottla_config_add_interceptor(config, second_on_send, NULL, NULL));
    EXPECT_OK(ottla_producer_new(config, &producer, &error));
    EXPECT_OK(ottla_config_free(config));

    ottla_record_t record = new_record();
    size_t count;
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_TIMED_OUT, NULL);
    EXPECT(sends_seen >= 2);
    ottla_report_t report;
    EXPECT_STATUS(ottla_producer_poll_reports(producer, &report, sizeof report, 1, 0, &count, NULL,
                                              &error), OTTLA_WRONG_MODE, "callback");
    for (int i = 0; i < 100 && log_lines == 0; i++)
        EXPECT_OK(ottla_producer_poll(producer, 100, NULL, &error));
    EXPECT(log_lines > 0 && failed_sends_logged >= 2);
    EXPECT_OK(ottla_producer_close(producer, 1000, &error));
    EXPECT_OK(ottla_producer_free(producer));

    config = new_config();
    EXPECT_OK(ottla_config_set(config, "delivery.report.mode", "dispatch", &error));
    EXPECT_OK(ottla_config_set_report_callback(config, on_reports, sizeof(ottla_report_t), NULL));
    EXPECT_OK(ottla_producer_new(config, &producer, &error));
    EXPECT_OK(ottla_config_free(config));
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_TIMED_OUT, NULL);
    EXPECT_STATUS(ottla_producer_poll(producer, 0, &count, &error), OTTLA_WRONG_MODE, "dispatch");
    EXPECT_OK(ottla_producer_free(producer));
    return finish();
}
