/* Many records in one call: in order, as far as they are accepted, whatever they are. */
#include <poll.h>
#include "check.h"

enum { COUNT = 3000 };

/* A caller that was compiled against a later header knows a larger struct. */
typedef struct {
    ottla_record_t record;
    uint64_t later;
} larger_t;

static ottla_cluster_t *cluster;
static larger_t records[COUNT];
static char values[COUNT][24];
static char too_large[2 << 20];
static int64_t offsets[COUNT];
static int32_t partitions[COUNT];

static ottla_producer_t *producer_with(const char *key, const char *value) {
    char servers[200];
    int64_t length;
    ottla_config_t *config = NULL;
    ottla_producer_t *producer = NULL;
    EXPECT_OK(ottla_cluster_bootstrap_servers(cluster, servers, sizeof servers, &length));
    EXPECT_OK(ottla_config_new(&config));
    EXPECT_OK(ottla_config_set(config, "bootstrap.servers", servers, &error));
    EXPECT_OK(ottla_config_set(config, "batch.size", "1000", &error));
    EXPECT_OK(ottla_config_set(config, "delivery.report.timestamp", "true", &error));
    EXPECT_OK(ottla_config_set(config, key, value, &error));
    EXPECT_OK(ottla_producer_new(config, &producer, &error));
    EXPECT_OK(ottla_config_free(config));
    return producer;
}

static void make_records(void) {
    for (int i = 0; i < COUNT; i++) {
        ottla_record_t record = OTTLA_RECORD_INIT;
        record.topic = "letters";
        record.value = values[i];
        record.value_length = snprintf(values[i], sizeof values[i], "letter %d", i);
        record.opaque = (uint64_t)i;
        records[i].record = record;
        records[i].record.struct_size = sizeof(larger_t);
        records[i].later = UINT64_MAX;
        offsets[i] = -1;
    }
}

#define SEND(from, count, timeout_ms, ticket)                                                    \
    ottla_producer_send_array(producer, &records[from].record, sizeof *records, (size_t)(count), \
                              timeout_ms, ticket, &sent, &error)

/* Keeps where records went; each has one report. Returns how many failed. */
static int read_reports(ottla_producer_t *producer, int want) {
    ottla_report_t reports[100];
    size_t count;
    int failed = 0;
    for (int seen = 0; seen < want; seen += (int)count) {
        if (ottla_producer_poll_reports(producer, reports, sizeof *reports, 100, 10000, &count,
                                        NULL, NULL) != 0 || count == 0)
            return -1;
        for (size_t i = 0; i < count; i++) {
            failed += reports[i].status != 0 || offsets[reports[i].opaque] != -1;
            offsets[reports[i].opaque] = reports[i].offset;
            partitions[reports[i].opaque] = reports[i].partition;
        }
    }
    return failed;
}

/* Whether the records of each partition are in the log as they were sent, without a gap. */
static int in_order(int count) {
    int64_t last[3] = {-1, -1, -1};
    for (int i = 0; i < count; i++) {
        int64_t *before = &last[partitions[i]];
        if (*before >= 0 && offsets[i] != *before + 1) return 0;
        *before = offsets[i];
    }
    return 1;
}

static void all_kinds_arrive_in_order(void) {
    ottla_producer_t *producer = producer_with("linger.ms", "5");
    const ottla_header_t header = {"from", -1, "Franz", 5};
    size_t sent = 0;
    make_records();
    for (int i = 0; i < COUNT; i++) {
        ottla_record_t *record = &records[i].record;
        if (i % 7 == 1 || i > 2500) record->partition = 1;
        if (i % 11 == 2) record->key = "Ottla", record->key_length = 5;
        if (i % 13 == 3) record->headers = &header, record->header_count = 1;
    }
    EXPECT_OK(SEND(0, COUNT, 10000, NULL));
    EXPECT(sent == COUNT);
    EXPECT(read_reports(producer, COUNT) == 0);
    EXPECT(in_order(COUNT));
    int32_t of_key = partitions[2], is_fixed = 1, is_same = 1;
    for (int i = 0; i < COUNT; i++) {
        if (records[i].record.partition == 1)
            is_fixed &= partitions[i] == 1;
        else if (records[i].record.key != NULL)
            is_same &= partitions[i] == of_key;
    }
    EXPECT(is_fixed);
    EXPECT(is_same);
    EXPECT_OK(ottla_producer_free(producer));
}

static void partitioners_are_asked(void) {
    const char *const all_alike[] = {"murmur2", "consistent"};
    size_t sent = 0;
    for (int kind = 0; kind < 2; kind++) {
        /* These give records without a key one partition, and so they do here. */
        ottla_producer_t *producer = producer_with("partitioner", all_alike[kind]);
        make_records();
        EXPECT_OK(SEND(0, 1000, 10000, NULL));
        EXPECT(sent == 1000 && read_reports(producer, 1000) == 0 && in_order(1000));
        int is_same = 1;
        for (int i = 0; i < 1000; i++) is_same &= partitions[i] == partitions[0];
        EXPECT(is_same);
        EXPECT_OK(ottla_producer_free(producer));
    }
    ottla_producer_t *producer = producer_with("partitioner.class", "RoundRobinPartitioner");
    make_records();
    EXPECT_OK(SEND(0, 1000, 10000, NULL));
    EXPECT(sent == 1000 && read_reports(producer, 1000) == 0);
    int in_turn = 1;
    for (int i = 3; i < 1000; i++)
        in_turn &= partitions[i] == partitions[i - 3] && partitions[i] != partitions[i - 1];
    EXPECT(in_turn);
    EXPECT_OK(ottla_producer_free(producer));
}

static void a_time_of_its_own_is_kept(void) {
    ottla_producer_t *producer = producer_with("linger.ms", "5");
    ottla_report_t reports[4];
    size_t sent = 0, count = 0;
    make_records();
    int64_t begin = now_ms();
    records[0].record.timestamp_ms = 1000;
    records[1].record.timestamp_ms = 5;
    for (int i = 0; i < 4; i++) records[i].record.partition = 0;
    EXPECT_OK(SEND(0, 4, 10000, NULL));
    EXPECT_OK(ottla_producer_flush(producer, 10000, &error));
    EXPECT_OK(ottla_producer_poll_reports(producer, reports, sizeof *reports, 4, 0, &count, NULL,
                                          &error));
    EXPECT(count == 4 && reports[0].timestamp_ms == 1000 && reports[1].timestamp_ms == 5);
    EXPECT(reports[2].timestamp_ms >= begin && reports[2].timestamp_ms <= now_ms());
    EXPECT(reports[3].timestamp_ms >= begin && reports[3].timestamp_ms <= now_ms());
    EXPECT_OK(ottla_producer_free(producer));
}

static void what_has_to_wait_waits_with_a_ticket(void) {
    ottla_producer_t *producer = producer_with("buffer.memory", "8000");
    struct pollfd fd = {.events = POLLIN};
    uint64_t ticket = 0, ready;
    size_t sent = 0, count = 0;
    int done = 0, waits = 0, halfway = 0, failed = 0;
    make_records();
    EXPECT_OK(ottla_producer_event_fd(producer, &fd.fd, &error));
    while (done < COUNT) {
        int32_t status = SEND(done, COUNT - done, 0, &ticket);
        done += (int)sent;
        if (status == 0) continue;
        if (status != OTTLA_WOULD_BLOCK || ticket == 0) break;
        ottla_error_free(error);
        error = NULL;
        waits++, halfway += sent > 0;
        for (count = 0; count == 0 && poll(&fd, 1, 10000) == 1;) {
            ottla_producer_event_clear(producer);
            ottla_producer_ready_tickets(producer, &ready, 1, &count);
        }
        failed += count != 1 || ready != ticket;
    }
    EXPECT(done == COUNT && ticket == 0);
    EXPECT(waits > 1 && halfway > 0 && failed == 0);
    EXPECT(read_reports(producer, COUNT) == 0);
    EXPECT(in_order(COUNT));
    EXPECT_OK(ottla_producer_free(producer));
}

static void nothing_behind_a_refused_record_is_sent(void) {
    ottla_producer_t *producer = producer_with("linger.ms", "5");
    size_t sent = 7;
    make_records();
    records[40].record.flags = 64;
    EXPECT_STATUS(SEND(0, 100, 10000, NULL), OTTLA_INVALID_ARGUMENT, "flags is 0x40");
    EXPECT(sent == 40);
    records[40].record.flags = 0;
    records[41].record.value = too_large;
    records[41].record.value_length = sizeof too_large;
    EXPECT_STATUS(SEND(40, 60, 10000, NULL), OTTLA_MESSAGE_TOO_LARGE, "max.request.size");
    EXPECT(sent == 1);
    records[42].record.partition = 3;
    EXPECT_STATUS(SEND(42, 1, 0, NULL), OTTLA_TIMED_OUT, "topic letters");
    EXPECT(sent == 0);
    EXPECT(read_reports(producer, 41) == 0 && offsets[41] == -1);
    EXPECT_OK(ottla_producer_free(producer));
}

static void mistakes_are_told(void) {
    ottla_producer_t *producer = producer_with("linger.ms", "5");
    int32_t bad = OTTLA_INVALID_ARGUMENT;
    size_t sent = 7;
    make_records();
    EXPECT_OK(SEND(0, 0, 0, NULL));
    EXPECT(sent == 0);
    EXPECT_STATUS(SEND(0, 1, -7, NULL), bad, "timeout_ms is -7");
    EXPECT_STATUS(ottla_producer_send_array(producer, NULL, sizeof *records, 1, 0, NULL, &sent,
                                            &error), bad, "records is NULL");
    EXPECT_STATUS(ottla_producer_send_array(producer, &records->record, 95, 1, 0, NULL, &sent,
                                            &error), bad, "the stride of records is 95");
    EXPECT_STATUS(ottla_producer_send_array(producer, &records->record, 96, SIZE_MAX, 0, NULL,
                                            &sent, &error), bad, "the length of records");
    EXPECT_STATUS(ottla_producer_send_array(producer, &records->record, 96, 1, 0, NULL, NULL,
                                            &error), bad, "sent is NULL");
    records[0].record.struct_size = 95;
    EXPECT_STATUS(SEND(0, 1, 0, NULL), bad, "struct_size of the record is 95");
    EXPECT(sent == 0);
    EXPECT_OK(ottla_producer_free(producer));
}

int main(void) {
    EXPECT_OK(ottla_cluster_new("topic=letters:3", -1, &cluster, &error));
    all_kinds_arrive_in_order();
    partitioners_are_asked();
    a_time_of_its_own_is_kept();
    what_has_to_wait_waits_with_a_ticket();
    nothing_behind_a_refused_record_is_sent();
    mistakes_are_told();
    EXPECT_OK(ottla_cluster_free(cluster));
    return finish();
}
