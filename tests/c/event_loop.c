/* A program with an event loop: nothing but poll() waits, and everything gets done. */
#include <poll.h>
#include "check.h"

static ottla_producer_t *producer;
static ottla_cluster_t *cluster;

static void producer_of_cluster(void) {
    char servers[200];
    int64_t length;
    ottla_config_t *config = NULL;
    EXPECT_OK(ottla_cluster_bootstrap_servers(cluster, servers, sizeof servers, &length));
    EXPECT_OK(ottla_config_new(&config));
    EXPECT_OK(ottla_config_set(config, "bootstrap.servers", servers, &error));
    EXPECT_OK(ottla_config_set(config, "linger.ms", "60000", &error));
    EXPECT_OK(ottla_producer_new(config, &producer, &error));
    EXPECT_OK(ottla_config_free(config));
}

/* The event fd is waited for, and made quiet; false after ten seconds without news. */
static int news(void) {
    struct pollfd fd = {.events = POLLIN};
    return ottla_producer_event_fd(producer, &fd.fd, NULL) == 0 && poll(&fd, 1, 10000) == 1 &&
           ottla_producer_event_clear(producer) == 0;
}

static void partitions_are_asked_for(void) {
    ottla_partition_t partitions[4];
    size_t count = 0, ready_count = 0;
    uint64_t ticket = 0, ready = 0;
    EXPECT_STATUS(ottla_producer_try_partitions_for(producer, "letters", -1, partitions,
                                                    sizeof *partitions, 4, &count, &ticket, &error),
                  OTTLA_WOULD_BLOCK, "topic letters");
    EXPECT(ticket != 0);
    while (ready_count == 0 && news())
        EXPECT_OK(ottla_producer_ready_tickets(producer, &ready, 1, &ready_count));
    EXPECT(ready == ticket);
    for (int again = 0; again < 2; again++) {
        EXPECT_OK(ottla_producer_try_partitions_for(producer, "letters", -1, partitions,
                                                    sizeof *partitions, 4, &count, &ticket, &error));
        EXPECT(ticket == 0 && count == 3 && partitions[2].partition == 2);
    }
}

static void a_flush_goes_as_far_as_its_mark(void) {
    ottla_record_t record = new_record();
    uint64_t mark = 0;
    int32_t status;
    record.topic = "letters";
    record.flags = OTTLA_NO_REPORT;
    record.partition = 0;
    EXPECT_OK(ottla_cluster_inject(cluster, "delay 100 api=Produce times=1", -1, NULL, &error));
    EXPECT_OK(ottla_producer_send(producer, &record, &error));
    EXPECT_STATUS(ottla_producer_try_flush(producer, &mark, &error), OTTLA_WOULD_BLOCK, "outcome");
    EXPECT(mark != 0);
    /* This one lingers for a minute: the flush does not wait for it. */
    record.partition = 1;
    EXPECT_OK(ottla_producer_send(producer, &record, &error));
    while ((status = ottla_producer_try_flush(producer, &mark, NULL)) == OTTLA_WOULD_BLOCK && news())
        ;
    EXPECT(status == 0 && mark == 0);
}

static void a_close_lets_what_was_accepted_end(void) {
    ottla_record_t record = new_record();
    ottla_report_t report;
    size_t count = 0;
    int32_t status;
    ottla_partition_t partitions[4];
    uint64_t ticket = 0;
    record.topic = "letters";
    EXPECT_OK(ottla_producer_send(producer, &record, &error));
    EXPECT_STATUS(ottla_producer_try_partitions_for(producer, "others", -1, partitions,
                                                    sizeof *partitions, 4, &count, &ticket, &error),
                  OTTLA_WOULD_BLOCK, NULL);
    EXPECT_STATUS(ottla_producer_try_close(producer, &error), OTTLA_WOULD_BLOCK, "no outcome yet");
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_CLOSED, NULL);
    while ((status = ottla_producer_try_close(producer, NULL)) == OTTLA_WOULD_BLOCK && news())
        ;
    EXPECT(status == 0);
    EXPECT_OK(ottla_producer_try_close(producer, &error));
    EXPECT_STATUS(ottla_producer_try_partitions_for(producer, "others", -1, partitions,
                                                    sizeof *partitions, 4, &count, &ticket, &error),
                  OTTLA_CLOSED, NULL);
    EXPECT(ticket == 0);
    EXPECT_OK(ottla_producer_poll_reports(producer, &report, sizeof report, 1, 0, &count, NULL,
                                          &error));
    EXPECT(count == 1 && report.status == 0);
    EXPECT_OK(ottla_producer_free(producer));
}

int main(void) {
    EXPECT_OK(ottla_cluster_new("topic=letters:3", -1, &cluster, &error));
    producer_of_cluster();
    partitions_are_asked_for();
    a_flush_goes_as_far_as_its_mark();
    a_close_lets_what_was_accepted_end();
    EXPECT_OK(ottla_cluster_free(cluster));
    return finish();
}
