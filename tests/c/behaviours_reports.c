/* Behaviours: what became of each record, and what may be done where one hears of it. */
#include "behaviours.h"

/* Pulls what there is, without waiting. */
static void pull(ottla_producer_t *producer, reports_t *reports) {
    ottla_report_t some[16];
    size_t count = 1;
    while (count > 0) {
        ottla_reports_t *lease = NULL;
        EXPECT_OK(ottla_producer_poll_reports(producer, some, sizeof *some, 16, 0, &count, &lease,
                                              &error));
        keep_reports(some, count, reports);
        EXPECT_OK(ottla_reports_free(lease));
    }
}

static void one_report_each(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(NULL, "max.request.size", "1000");
    static const char large[2000] = "large";
    for (int i = 0; i < 300; i++) {
        ottla_record_t record = record_of(NULL, "value");
        record.opaque = (uint64_t)i;
        if (i % 3 == 0) record.value = large, record.value_length = sizeof large;
        int32_t status = ottla_producer_send(producer, &record, NULL);
        if ((status == OTTLA_OK) == (i % 3 == 0)) EXPECT(status == OTTLA_OK);
    }
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    pull(producer, &reports);
    close_and_free(producer);
    int times[300] = {0};
    for (size_t i = 0; i < reports.count; i++) times[reports.list[i].opaque % 300]++;
    EXPECT(reports.count == 200 && persisted(&reports) == 200);
    int right = 1;
    for (int i = 0; i < 300; i++) right &= times[i] == (i % 3 != 0);
    EXPECT(right);
    forget(&reports);
}

static void report_tells_the_place(void) {
    create_topic(topic, 3);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "0", "batch.size", "300");
    for (int i = 0; i < 90; i++) send_numbers(producer, i, i + 1, i % 4 - 1);
    close_and_free(producer);
    EXPECT(persisted(&reports) == 90);
    log_t log = read_back(3);
    REQUIRE(log.count == 90);
    size_t found = 0;
    for (size_t i = 0; i < reports.count; i++) {
        const kept_t *report = &reports.list[i];
        for (size_t j = 0; j < log.count; j++)
            found += log.list[j]->partition == report->partition &&
                     log.list[j]->offset == report->offset &&
                     number_of(log.list[j]) == (int)report->opaque &&
                     strcmp(report->topic, topic) == 0;
    }
    EXPECT(found == 90);
    close_log(&log);
    forget(&reports);
}

/* The opaque may be a pointer. */
static void report_finds_its_record(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "0");
    int marks[10] = {0};
    for (int i = 0; i < 10; i++) {
        ottla_record_t record = record_of(NULL, "value");
        record.opaque = (uintptr_t)&marks[i];
        send_one(producer, &record);
    }
    close_and_free(producer);
    for (size_t i = 0; i < reports.count; i++) ++*(int *)(uintptr_t)reports.list[i].opaque;
    EXPECT(reports.count == 10);
    for (int i = 0; i < 10; i++) EXPECT(marks[i] == 1);
    forget(&reports);
}

static void no_report_wanted(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "linger.ms", "5");
    for (int i = 0; i < 10; i++) {
        ottla_record_t record = record_of(NULL, i % 2 ? "1" : "0");
        record.opaque = (uint64_t)i;
        if (i % 2) record.flags = OTTLA_NO_REPORT;
        send_one(producer, &record);
    }
    close_and_free(producer);
    EXPECT(persisted(&reports) == 5);
    for (size_t i = 0; i < reports.count; i++) EXPECT(reports.list[i].opaque % 2 == 0);
    log_t log = read_back(1);
    REQUIRE(log.count == 10);
    close_log(&log);
    forget(&reports);
}

static void acks_0(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer = PRODUCER(&reports, "acks", "0", "linger.ms", "0");
    ottla_record_t record = record_of(NULL, "value");
    send_one(producer, &record);
    close_and_free(producer);
    REQUIRE(reports.count == 1 && reports.list[0].status == OTTLA_OK);
    EXPECT(reports.list[0].state == OTTLA_STATE_POSSIBLY_PERSISTED);
    EXPECT(reports.list[0].offset == -1);
    /* Nobody says when it is there. */
    size_t count = 0;
    for (int64_t limit = now_ms() + 30000; count == 0 && now_ms() < limit;) {
        log_t log = read_back(1);
        count = log.count;
        close_log(&log);
    }
    EXPECT(count == 1);
    forget(&reports);
}

static ottla_producer_t *own;
static int called;

static void sends_once_more(const ottla_report_t *reports, size_t count, void *user) {
    keep_reports(reports, count, user);
    for (size_t i = 0; i < count; i++) {
        if (reports[i].opaque >= 5) continue;
        ottla_record_t record = record_of(NULL, "from a callback");
        record.opaque = reports[i].opaque + 1;
        send_one(own, &record);
    }
}

static void callback_may_send(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_config_t *config = config_with("linger.ms", "0", NULL);
    EXPECT_OK(ottla_config_set_report_callback(config, sends_once_more, sizeof(ottla_report_t),
                                               &reports));
    own = producer_of(config, NULL);
    ottla_record_t record = record_of(NULL, "value");
    send_one(own, &record);
    for (int64_t limit = now_ms() + 30000; reports.count < 6 && now_ms() < limit;)
        EXPECT_OK(ottla_producer_poll(own, 1000, NULL, &error));
    close_and_free(own);
    EXPECT(persisted(&reports) == 6);
    log_t log = read_back(1);
    REQUIRE(log.count == 6);
    close_log(&log);
    forget(&reports);
}

static void ends_it(const ottla_report_t *reports, size_t count, void *user) {
    (void)reports, (void)user;
    called += (int)count;
    EXPECT_STATUS(ottla_producer_flush(own, -1, &error), OTTLA_IN_CALLBACK, "flush");
    EXPECT_STATUS(ottla_producer_close(own, -1, &error), OTTLA_IN_CALLBACK, "close");
    EXPECT_STATUS(ottla_producer_free(own), OTTLA_IN_CALLBACK, NULL);
}

static void callback_may_not_close(void) {
    create_topic(topic, 1);
    ottla_config_t *config = config_with("linger.ms", "0", NULL);
    EXPECT_OK(ottla_config_set_report_callback(config, ends_it, sizeof(ottla_report_t), NULL));
    own = producer_of(config, NULL);
    called = 0;
    ottla_record_t record = record_of(NULL, "value");
    send_one(own, &record);
    EXPECT_OK(ottla_producer_flush(own, 60000, &error));
    EXPECT(called == 1);
    send_one(own, &record); /* It still works. */
    close_and_free(own);
    EXPECT(called == 2);
}

/* In flight to a broker that sleeps it may be in the log; refused by one it is not. */
static void failure_says_why(void) {
    create_topic(topic, 1);
    reports_t reports = {0};
    ottla_producer_t *producer =
        PRODUCER(&reports, "linger.ms", "0", "request.timeout.ms", "200", "delivery.timeout.ms",
                 "400");
    ottla_record_t record = record_of(NULL, "value");
    send_one(producer, &record);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    EXPECT_OK(ottla_cluster_inject(cluster, "error TOPIC_AUTHORIZATION_FAILED api=Produce times=1",
                                   -1, NULL, &error));
    send_one(producer, &record);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    EXPECT_OK(ottla_cluster_inject(cluster, "drop-response api=Produce", -1, NULL, &error));
    send_one(producer, &record);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
    REQUIRE(reports.count == 3 && reports.list[0].status == OTTLA_OK);
    const kept_t *refused = &reports.list[1], *late = &reports.list[2];
    printf("     %s\n     %s\n", refused->reason, late->reason);
    EXPECT(refused->status == OTTLA_TOPIC_AUTHORIZATION_FAILED);
    EXPECT(refused->state == OTTLA_STATE_NOT_PERSISTED);
    EXPECT(strstr(refused->reason, topic) && strstr(refused->reason, "Not authorized"));
    EXPECT(late->status == OTTLA_DELIVERY_TIMED_OUT && late->flags & OTTLA_REPORT_RETRIABLE);
    EXPECT(late->state == OTTLA_STATE_POSSIBLY_PERSISTED && late->offset == -1);
    EXPECT(strstr(late->reason, "in flight to broker") != NULL);
    EXPECT(strstr(late->reason, "REQUEST_TIMED_OUT") != NULL);
    EXPECT_OK(ottla_cluster_heal(cluster, 0));
    close_and_free(producer);
    forget(&reports);
}

static void two_producers(void) {
    create_topic(topic, 1);
    reports_t first = {0}, second = {0};
    ottla_producer_t *one = PRODUCER(&first, "linger.ms", "0");
    ottla_producer_t *other = PRODUCER(&second, "linger.ms", "0");
    send_numbers(one, 0, 100, 0);
    send_numbers(other, 100, 300, 0);
    EXPECT_OK(ottla_producer_flush(one, 60000, &error));
    EXPECT(first.count == 100 && second.count == 0);
    close_and_free(other);
    EXPECT(first.count == 100 && second.count == 200);
    for (size_t i = 0; i < first.count; i++) EXPECT(first.list[i].opaque < 100);
    for (size_t i = 0; i < second.count; i++) EXPECT(second.list[i].opaque >= 100);
    send_numbers(one, 300, 400, 0); /* The other one's end is none of its business. */
    close_and_free(one);
    EXPECT(persisted(&first) == 200 && persisted(&second) == 200);
    forget(&first);
    forget(&second);
}

int main(int argc, char **argv) {
    static const behaviour_t list[] = {
        BOTH(one_report_each),
        BOTH(report_tells_the_place),
        BOTH(report_finds_its_record),
        BOTH(no_report_wanted),
        BOTH(acks_0),
        BOTH(callback_may_send),
        BOTH(callback_may_not_close),
        EMBEDDED(failure_says_why),
        BOTH(two_producers),
    };
    return RUN_BEHAVIOURS(argc, argv, list);
}
