/* Waits: a time that is up, an interrupt from another thread, tickets, and the event fd. */
#include <poll.h>
#include <pthread.h>

#include "check.h"

static ottla_producer_t *producer;

static void *send_without_limit(void *status) {
    ottla_record_t record = new_record();
    *(int32_t *)status = ottla_producer_send_timeout(producer, &record, -1, NULL);
    return NULL;
}

static void *poll_without_limit(void *status) {
    ottla_report_t reports[1];
    size_t count;
    *(int32_t *)status =
        ottla_producer_poll_reports(producer, reports, sizeof *reports, 1, -1, &count, NULL, NULL);
    return NULL;
}

static void interrupt_ends(void *(*wait)(void *), const char *what) {
    pthread_t thread;
    /* The other thread may be seen before it waits: interrupt until it has returned. */
    volatile int32_t status = 7;
    pthread_create(&thread, NULL, wait, (void *)&status);
    while (__atomic_load_n(&status, __ATOMIC_ACQUIRE) == 7) {
        ottla_producer_interrupt(producer);
        poll(NULL, 0, 1);
    }
    pthread_join(thread, NULL);
    expect(status == OTTLA_INTERRUPTED, what, ottla_status_name(status));
}

static void times_are_kept(void) {
    ottla_record_t record = new_record();
    int64_t started = now_ms();
    EXPECT_STATUS(ottla_producer_send_timeout(producer, &record, 0, &error), OTTLA_TIMED_OUT,
                  "topic topic was not found");
    EXPECT_STATUS(ottla_producer_send_timeout(producer, &record, 100, &error), OTTLA_TIMED_OUT,
                  "127.0.0.1:1");
    EXPECT(now_ms() - started >= 100);
    started = now_ms();
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_TIMED_OUT, NULL);
    EXPECT(now_ms() - started >= 200);
    size_t count = 7;
    ottla_report_t report;
    EXPECT_OK(ottla_producer_poll_reports(producer, &report, sizeof report, 1, 0, &count, NULL,
                                          &error));
    EXPECT(count == 0);
    started = now_ms();
    EXPECT_OK(ottla_producer_poll(producer, 100, &count, &error));
    EXPECT(count == 0 && now_ms() - started >= 99);
    EXPECT_OK(ottla_producer_flush(producer, 0, &error));
}

static void tickets_are_held_and_given_up(void) {
    ottla_record_t record = new_record();
    uint64_t ticket = 0, ready[4];
    size_t count = 7;
    EXPECT_STATUS(ottla_producer_try_send(producer, &record, &ticket, &error), OTTLA_WOULD_BLOCK,
                  "topic topic");
    EXPECT(ticket != 0);
    uint64_t same = ticket;
    EXPECT_STATUS(ottla_producer_try_send(producer, &record, &same, &error), OTTLA_WOULD_BLOCK,
                  NULL);
    EXPECT(same == ticket);
    EXPECT_OK(ottla_producer_ready_tickets(producer, ready, 4, &count));
    EXPECT(count == 0);
    EXPECT_STATUS(ottla_producer_cancel_ticket(producer, ticket, &error), OTTLA_TIMED_OUT,
                  "topic topic was not found");
    EXPECT_STATUS(ottla_producer_cancel_ticket(producer, ticket, &error), OTTLA_INVALID_ARGUMENT,
                  "used already");
    EXPECT_STATUS(ottla_producer_try_send(producer, &record, &ticket, &error),
                  OTTLA_INVALID_ARGUMENT, "ticket");
    EXPECT(ticket == 0);

    /* max.block.ms counts from the first try. */
    int64_t started = now_ms();
    EXPECT_STATUS(ottla_producer_send_flat(producer, "t", 1, -1, -1, NULL, -1, NULL, -1, NULL, 0, 0,
                                           0, -1, &ticket, &error), OTTLA_WOULD_BLOCK, NULL);
    struct pollfd fd = {.events = POLLIN};
    EXPECT_OK(ottla_producer_event_fd(producer, &fd.fd, &error));
    EXPECT(fd.fd > 2 && poll(&fd, 1, 0) == 1); /* There may have been news before it was made. */
    do {
        EXPECT_OK(ottla_producer_event_clear(producer));
        EXPECT_OK(ottla_producer_ready_tickets(producer, ready, 4, &count));
    } while (count == 0 && poll(&fd, 1, 5000) == 1);
    EXPECT(count == 1 && ready[0] == ticket && now_ms() - started >= 190);
    EXPECT_STATUS(ottla_producer_send_flat(producer, "t", 1, -1, -1, NULL, -1, NULL, -1, NULL, 0, 0,
                                           0, -1, &ticket, &error), OTTLA_TIMED_OUT, "topic t ");
    EXPECT(ticket == 0);
}

static void the_event_fd_can_be_polled(void) {
    struct pollfd fd = {.events = POLLIN};
    EXPECT_OK(ottla_producer_event_fd(producer, &fd.fd, &error));
    EXPECT_OK(ottla_producer_event_clear(producer));
    EXPECT(poll(&fd, 1, 0) == 0);
}

static void purges_want_flags_that_are_known(void) {
    EXPECT_STATUS(ottla_producer_purge(producer, 0, &error), OTTLA_INVALID_ARGUMENT, "flags 0x0");
    EXPECT_STATUS(ottla_producer_purge(producer, 4, &error), OTTLA_INVALID_ARGUMENT, "flags 0x4");
    EXPECT_STATUS(ottla_producer_purge(NULL, 1, &error), OTTLA_INVALID_HANDLE, NULL);
    EXPECT_OK(ottla_producer_purge(producer, OTTLA_PURGE_QUEUED | OTTLA_PURGE_IN_FLIGHT, &error));
}

int main(void) {
    producer = new_producer();
    purges_want_flags_that_are_known();
    times_are_kept();
    tickets_are_held_and_given_up();
    the_event_fd_can_be_polled();
    interrupt_ends(send_without_limit, "an interrupt ends a send");
    interrupt_ends(poll_without_limit, "an interrupt ends a poll");
    int64_t started = now_ms();
    EXPECT_OK(ottla_producer_close(producer, 5000, &error));
    EXPECT(now_ms() - started < 3000);
    EXPECT_OK(ottla_producer_free(producer));
    return finish();
}
