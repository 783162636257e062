/* Sends four records and shows what became of each: produce HOST:PORT TOPIC */
#include <stdio.h>
#include <stdlib.h>

#include "ottla.h"

static ottla_error_t *error;

static void check(int32_t status) {
    if (status == 0) return;
    fprintf(stderr, "%s: %s\n", ottla_status_name(status), ottla_error_text(error));
    ottla_error_free(error);
    exit(1);
}

static void on_reports(const ottla_report_t *reports, size_t count, void *failed) {
    for (const ottla_report_t *r = reports; r < reports + count; r++) {
        if (r->status == 0)
            printf("record %d is %s-%d@%lld\n", (int)r->opaque, r->topic, r->partition,
                   (long long)r->offset);
        else
            printf("record %d failed: %s\n", (int)r->opaque, r->reason);
        *(int *)failed |= r->status != 0;
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: produce HOST:PORT TOPIC\n"), 2;
    ottla_config_t *config = NULL;
    ottla_producer_t *producer = NULL;
    int failed = 0;

    ottla_config_new(&config);
    check(ottla_config_set(config, "bootstrap.servers", argv[1], &error));
    ottla_config_set_report_callback(config, on_reports, sizeof(ottla_report_t), &failed);
    check(ottla_producer_new(config, &producer, &error));
    ottla_config_free(config);

    ottla_header_t headers[] = {{"from", -1, "Franz", 5}, {"note", -1, NULL, -1}};
    ottla_header_t empty = {"empty", -1, "", 0};
    ottla_record_t records[4] = {OTTLA_RECORD_INIT, OTTLA_RECORD_INIT, OTTLA_RECORD_INIT,
                                 OTTLA_RECORD_INIT};
    records[0].key = "ottla", records[0].key_length = 5;
    records[0].value = "a letter", records[0].value_length = 8;
    records[0].headers = headers, records[0].header_count = 2;
    records[0].timestamp_ms = 1709251200000;
    records[1].value = "a postcard without a key", records[1].value_length = 24;
    records[2].key = "ottla", records[2].key_length = 5; /* and no value: a tombstone */
    records[2].headers = &empty, records[2].header_count = 1;
    records[2].timestamp_ms = 1709251200001;
    records[3].key = "", records[3].key_length = 0; /* empty, which is not null */
    records[3].value = "", records[3].value_length = 0;
    for (int i = 0; i < 4; i++) {
        records[i].topic = argv[2];
        records[i].opaque = (uint64_t)i;
        check(ottla_producer_send(producer, &records[i], &error));
    }
    check(ottla_producer_flush(producer, 30000, &error)); /* calls on_reports */
    check(ottla_producer_close(producer, 30000, &error));
    ottla_producer_free(producer);
    return failed;
}
