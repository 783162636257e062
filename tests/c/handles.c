/* Handles that are NULL, freed, freed twice, of another kind, or garbage; NULL out-parameters. */
#include "check.h"

#define CONFIG(number) ((ottla_config_t *)(uintptr_t)(number))
#define PRODUCER(number) ((ottla_producer_t *)(uintptr_t)(number))

static void every_function_refuses(ottla_producer_t *producer) {
    ottla_record_t record = new_record();
    ottla_report_t reports[2];
    ottla_partition_t partitions[2];
    ottla_reports_t *lease = NULL;
    uint64_t ticket = 0;
    size_t count = 7, sent = 7;
    int64_t length = 7;
    int32_t fd = 7;
    char text[10];
    int32_t refused = OTTLA_INVALID_HANDLE;
    EXPECT_STATUS(ottla_producer_send(producer, &record, &error), refused, "producer ");
    EXPECT_STATUS(ottla_producer_send_timeout(producer, &record, 0, &error), refused, "producer ");
    EXPECT_STATUS(ottla_producer_try_send(producer, &record, &ticket, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_send_flat(producer, "t", 1, -1, -1, NULL, -1, NULL, -1, NULL, 0, 0,
                                           0, 0, NULL, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_send_batch(producer, "t", 1, "", 0, 0, 0, NULL, NULL, &error),
                  refused, NULL);
    EXPECT_STATUS(ottla_producer_send_array(producer, &record, sizeof record, 1, 0, NULL, &sent,
                                            &error), refused, "producer ");
    EXPECT(sent == 0);
    EXPECT_STATUS(ottla_producer_ready_tickets(producer, &ticket, 1, &count), refused, NULL);
    EXPECT_STATUS(ottla_producer_cancel_ticket(producer, 1, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_poll(producer, 0, &count, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_poll_reports(producer, reports, sizeof *reports, 2, 0, &count,
                                              &lease, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_flush(producer, 0, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_close(producer, 0, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_try_flush(producer, &ticket, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_try_close(producer, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_try_partitions_for(producer, "t", 1, partitions, sizeof *partitions,
                                                    2, &count, &ticket, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_interrupt(producer), refused, NULL);
    EXPECT_STATUS(ottla_producer_event_fd(producer, &fd, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_event_clear(producer), refused, NULL);
    EXPECT_STATUS(ottla_producer_partitions_for(producer, "t", 1, partitions, sizeof *partitions, 2,
                                                &count, 0, &error), refused, NULL);
    EXPECT_STATUS(ottla_producer_metrics(producer, text, sizeof text, &length), refused, NULL);
    EXPECT_STATUS(ottla_producer_fatal_error(producer, &error), refused, NULL);
    EXPECT(count == 7 && length == 7 && fd == 7 && ticket == 0 && lease == NULL);
}

static void null_out_parameters(ottla_producer_t *producer) {
    ottla_record_t record = new_record();
    ottla_report_t reports[2];
    uint64_t ticket = 0;
    size_t count;
    char text[10];
    int32_t refused = OTTLA_INVALID_ARGUMENT;
    EXPECT_STATUS(ottla_config_new(NULL), refused, NULL);
    EXPECT_STATUS(ottla_producer_send(producer, NULL, &error), refused, "record is NULL");
    EXPECT_STATUS(ottla_producer_send(producer, NULL, NULL), refused, NULL);
    EXPECT_STATUS(ottla_producer_try_send(producer, &record, NULL, &error), refused, "ticket");
    EXPECT_STATUS(ottla_producer_try_send(producer, NULL, &ticket, &error), refused, "record");
    EXPECT_STATUS(ottla_producer_ready_tickets(producer, NULL, 1, &count), refused, NULL);
    EXPECT_STATUS(ottla_producer_ready_tickets(producer, &ticket, 1, NULL), refused, NULL);
    EXPECT_STATUS(ottla_producer_poll_reports(producer, NULL, sizeof *reports, 2, 0, &count, NULL,
                                              &error), refused, "reports is NULL");
    EXPECT_STATUS(ottla_producer_poll_reports(producer, reports, sizeof *reports, 2, 0, NULL, NULL,
                                              &error), refused, "count is NULL");
    EXPECT_STATUS(ottla_producer_try_flush(producer, NULL, &error), refused, "mark is NULL");
    EXPECT_STATUS(ottla_producer_try_partitions_for(producer, "t", 1, NULL, sizeof(ottla_partition_t),
                                                    0, &count, NULL, &error), refused, "ticket");
    EXPECT_STATUS(ottla_producer_event_fd(producer, NULL, &error), refused, "fd is NULL");
    EXPECT_STATUS(ottla_producer_partitions_for(producer, "t", 1, NULL, 8, 2, &count, 0, &error),
                  refused, "partitions is NULL");
    EXPECT_STATUS(ottla_producer_partitions_for(producer, "t", 1, NULL, 8, 0, NULL, 0, &error),
                  refused, "count is NULL");
    EXPECT_STATUS(ottla_producer_metrics(producer, text, sizeof text, NULL), refused, NULL);
    int64_t length;
    EXPECT_STATUS(ottla_producer_metrics(producer, NULL, 10, &length), refused, NULL);
}

int main(void) {
    EXPECT_OK(ottla_producer_free(NULL));
    EXPECT_OK(ottla_config_free(NULL));
    EXPECT_OK(ottla_error_free(NULL));
    EXPECT_OK(ottla_reports_free(NULL));

    ottla_config_t *config = new_config();
    ottla_producer_t *producer = NULL;
    EXPECT_STATUS(ottla_producer_new(NULL, &producer, &error), OTTLA_INVALID_HANDLE,
                  "config is NULL");
    EXPECT_STATUS(ottla_producer_new(config, NULL, &error), OTTLA_INVALID_ARGUMENT, "producer");
    EXPECT_OK(ottla_producer_new(config, &producer, &error));
    null_out_parameters(producer);

    char on_the_stack[64];
    every_function_refuses(NULL);
    every_function_refuses((ottla_producer_t *)config);
    every_function_refuses((ottla_producer_t *)on_the_stack);
    for (uintptr_t garbage = 1; garbage; garbage <<= 5)
        EXPECT_STATUS(ottla_producer_interrupt(PRODUCER(garbage | 3)), OTTLA_INVALID_HANDLE, NULL);
    EXPECT_STATUS(ottla_producer_interrupt(PRODUCER(UINTPTR_MAX)), OTTLA_INVALID_HANDLE, NULL);

    EXPECT_STATUS(ottla_config_free((ottla_config_t *)producer), OTTLA_INVALID_HANDLE, NULL);
    EXPECT_STATUS(ottla_producer_free((ottla_producer_t *)config), OTTLA_INVALID_HANDLE, NULL);
    EXPECT_OK(ottla_config_free(config));
    EXPECT_STATUS(ottla_config_free(config), OTTLA_INVALID_HANDLE, NULL);
    EXPECT_STATUS(ottla_config_set(config, "acks", "1", &error), OTTLA_INVALID_HANDLE, "config");
    EXPECT_STATUS(ottla_config_set_log_callback(config, NULL, NULL), OTTLA_INVALID_HANDLE, NULL);
    EXPECT_STATUS(ottla_config_set(CONFIG(99), "acks", "1", &error), OTTLA_INVALID_HANDLE, NULL);

    EXPECT_OK(ottla_producer_free(producer));
    EXPECT_STATUS(ottla_producer_free(producer), OTTLA_INVALID_HANDLE, NULL);
    every_function_refuses(producer);
    ottla_producer_t *other = new_producer();
    EXPECT(other != producer);
    EXPECT_STATUS(ottla_producer_interrupt(producer), OTTLA_INVALID_HANDLE, NULL);
    EXPECT_OK(ottla_producer_free(other));

    ottla_error_t *kept = NULL;
    ottla_producer_flush(NULL, 0, &kept);
    EXPECT(ottla_error_code(kept) == OTTLA_INVALID_HANDLE && !ottla_error_is_retriable(kept));
    EXPECT(!strcmp(ottla_error_name(kept), "INVALID_HANDLE"));
    EXPECT(!strcmp(ottla_error_text(kept), "producer is NULL"));
    EXPECT_OK(ottla_error_free(kept));
    EXPECT_STATUS(ottla_error_free(kept), OTTLA_INVALID_HANDLE, NULL);
    EXPECT(ottla_error_code(kept) == OTTLA_INVALID_HANDLE && ottla_error_text(kept) != NULL);
    EXPECT(!ottla_error_is_fatal(NULL) && !ottla_error_is_abortable(NULL));
    return finish();
}
