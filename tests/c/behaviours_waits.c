/* Behaviours: every wait has an end, at its time, from another thread, or as a ticket. */
#include <poll.h>

#include "behaviours.h"

static void flush_waits(void) {
    create_topic(topic, 3);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "60000");
    send_numbers(producer, 0, 100, -1);
    int64_t started = now_ms();
    EXPECT_OK(ottla_producer_flush(producer, 30000, &error));
    EXPECT(persisted(&reports) == 100 && now_ms() - started < 30000);
    close_and_free(producer);
    EXPECT(reports.count == 100);
    forget(&reports);
}

static void every_broker(int32_t (*call)(const ottla_cluster_t *, int32_t, ottla_error_t **)) {
    for (int32_t broker = 1; broker <= 3; broker++) EXPECT_OK(call(cluster, broker, &error));
}

static void flush_in_time(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "0");
    send_numbers(producer, 0, 1, 0);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    every_broker(ottla_cluster_pause);
    send_numbers(producer, 1, 10, 0);
    int64_t started = now_ms();
    EXPECT_STATUS(ottla_producer_flush(producer, 200, &error), OTTLA_TIMED_OUT, "outcome");
    EXPECT(now_ms() - started >= 199 && now_ms() - started < 5000 && reports.count == 1);
    every_broker(ottla_cluster_resume);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    EXPECT(persisted(&reports) == 10);
    close_and_free(producer);
    forget(&reports);
}

typedef struct {
    ottla_producer_t *producer;
    int32_t status;
} sending_t;

static void *send_without_limit(void *user) {
    sending_t *sending = user;
    ottla_record_t record = record_of(NULL, "interrupted");
    int32_t status = ottla_producer_send_timeout(sending->producer, &record, -1, NULL);
    __atomic_store_n(&sending->status, status, __ATOMIC_RELEASE);
    return NULL;
}

static void wait_is_interrupted(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    every_broker(ottla_cluster_pause);
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "0");
    sending_t sending = {producer, 7};
    pthread_t thread;
    pthread_create(&thread, NULL, send_without_limit, &sending);
    /* The other thread may be seen before it waits: interrupt until it has returned. */
    while (__atomic_load_n(&sending.status, __ATOMIC_ACQUIRE) == 7) {
        ottla_producer_interrupt(producer);
        poll(NULL, 0, 1);
    }
    pthread_join(thread, NULL);
    EXPECT(sending.status == OTTLA_INTERRUPTED);
    every_broker(ottla_cluster_resume);
    ottla_record_t record = record_of(NULL, "another");
    send_one(producer, &record);
    close_and_free(producer);
    REQUIRE(reports.count == 1 && persisted(&reports) == 1);
    log_t log = read_back(1);
    REQUIRE(log.count == 1 && value_is(log.list[0], "another"));
    close_log(&log);
    forget(&reports);
}

#define SMALL_BUFFER "buffer.memory", "40000", "batch.size", "10000", "max.block.ms", "300"

/* Sends until the buffer is full; the brokers sleep. How many were accepted. */
static int fill(ottla_producer_t *producer) {
    static const char value[4000] = "value";
    ottla_record_t record = record_of(NULL, NULL);
    record.value = value, record.value_length = sizeof value;
    int accepted = 0;
    while (accepted < 100 && ottla_producer_send_timeout(producer, &record, 0, NULL) == OTTLA_OK)
        accepted++;
    EXPECT(accepted > 3 && accepted < 100);
    return accepted;
}

static void full_buffer_waits(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, SMALL_BUFFER);
    ottla_record_t record = record_of(NULL, "value");
    send_one(producer, &record);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    every_broker(ottla_cluster_pause);
    int accepted = fill(producer);
    static const char value[4000] = "value";
    record.value = value, record.value_length = sizeof value;
    int64_t started = now_ms();
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_BUFFER_EXHAUSTED,
                  "buffer.memory");
    EXPECT(now_ms() - started >= 299);
    every_broker(ottla_cluster_resume);
    EXPECT_OK(ottla_producer_send_timeout(producer, &record, 30000, &error));
    close_and_free(producer);
    EXPECT(reports.count == (size_t)accepted + 2 && persisted(&reports) == reports.count);
    forget(&reports);
}

static void full_buffer_would_block(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, SMALL_BUFFER, "max.block.ms", "30000");
    ottla_record_t record = record_of(NULL, "value");
    send_one(producer, &record);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    every_broker(ottla_cluster_pause);
    int accepted = fill(producer);
    static const char value[4000] = "value";
    record.value = value, record.value_length = sizeof value;
    uint64_t ticket = 0, ready = 0;
    size_t count = 0;
    EXPECT_STATUS(ottla_producer_try_send(producer, &record, &ticket, &error), OTTLA_WOULD_BLOCK,
                  "buffer.memory");
    EXPECT(ticket != 0);
    every_broker(ottla_cluster_resume);
    struct pollfd fd = {.events = POLLIN};
    EXPECT_OK(ottla_producer_event_fd(producer, &fd.fd, &error));
    while (count == 0 && poll(&fd, 1, 30000) == 1) {
        EXPECT_OK(ottla_producer_event_clear(producer));
        EXPECT_OK(ottla_producer_poll(producer, 0, NULL, &error));
        EXPECT_OK(ottla_producer_ready_tickets(producer, &ready, 1, &count));
    }
    EXPECT(count == 1 && ready == ticket);
    EXPECT_OK(ottla_producer_try_send(producer, &record, &ticket, &error));
    EXPECT(ticket == 0);
    close_and_free(producer);
    EXPECT(reports.count == (size_t)accepted + 2 && persisted(&reports) == reports.count);
    forget(&reports);
}

static void close_reports_all(void) {
    create_topic(topic, 3);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "60000");
    send_numbers(producer, 0, 500, -1);
    EXPECT_OK(ottla_producer_close(producer, 60000, &error));
    EXPECT(persisted(&reports) == 500);
    EXPECT_OK(ottla_producer_free(producer));
    EXPECT(reports.count == 500);
    log_t log = read_back(3);
    REQUIRE(log.count == 500);
    close_log(&log);
    forget(&reports);
}

static void close_in_time(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "0");
    send_numbers(producer, 0, 1, 0);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    every_broker(ottla_cluster_kill);
    send_numbers(producer, 1, 100, 0);
    int64_t started = now_ms();
    EXPECT_STATUS(ottla_producer_close(producer, 300, &error), OTTLA_CLOSED_FORCEFULLY, "99");
    EXPECT(now_ms() - started >= 299 && now_ms() - started < 10000);
    EXPECT(reports.count == 100 && persisted(&reports) == 1);
    for (size_t i = 1; i < reports.count; i++)
        EXPECT(reports.list[i].status == OTTLA_CLOSED_FORCEFULLY && *reports.list[i].reason);
    EXPECT_OK(ottla_producer_free(producer));
    forget(&reports);
}

int main(int argc, char **argv) {
    static const behaviour_t list[] = {
        BOTH(flush_waits),
        EMBEDDED(flush_in_time),
        EMBEDDED(wait_is_interrupted),
        EMBEDDED(full_buffer_waits),
        EMBEDDED(full_buffer_would_block),
        BOTH(close_reports_all),
        EMBEDDED(close_in_time),
    };
    return RUN_BEHAVIOURS(argc, argv, list);
}
