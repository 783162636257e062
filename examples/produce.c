/* Sends four records and shows what became of each: produce HOST:PORT TOPIC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ottla.h"

static ottla_producer_t *producer;
static ottla_error_t *error;

static void check(int32_t status) {
    if (status == OTTLA_OK) return;
    fprintf(stderr, "%s: %s\n", ottla_status_name(status), ottla_error_text(error));
    exit(1);
}

static void on_reports(const ottla_report_t *reports, size_t count, void *failed) {
    for (const ottla_report_t *r = reports; r < reports + count; r++) {
        printf("record %d is %s-%d@%lld%s%s\n", (int)r->opaque, r->topic, r->partition,
               (long long)r->offset, r->reason ? ", failed: " : "", r->reason ? r->reason : "");
        *(int *)failed |= r->status != OTTLA_OK;
    }
}

/* A key or value of NULL is null, which differs from empty; a timestamp of -1 is now. */
static void letter(const char *topic, uint64_t opaque, const char *key, const char *value,
                   int64_t timestamp_ms, const ottla_header_t *headers, size_t header_count) {
    ottla_record_t record = OTTLA_RECORD_INIT;
    record.topic = topic, record.opaque = opaque, record.timestamp_ms = timestamp_ms;
    if (key) record.key = key, record.key_length = (int64_t)strlen(key);
    if (value) record.value = value, record.value_length = (int64_t)strlen(value);
    record.headers = headers, record.header_count = header_count;
    check(ottla_producer_send(producer, &record, &error));
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: produce HOST:PORT TOPIC\n"), 2;
    ottla_config_t *config = NULL;
    int failed = 0;
    check(ottla_config_new(&config));
    check(ottla_config_set(config, "bootstrap.servers", argv[1], &error));
    check(ottla_config_set_report_callback(config, on_reports, sizeof(ottla_report_t), &failed));
    check(ottla_producer_new(config, &producer, &error));
    ottla_config_free(config);
    const ottla_header_t headers[] = {{"from", -1, "Franz", 5}, {"note", -1, NULL, -1}};
    letter(argv[2], 0, "ottla", "a letter", 1709251200000, headers, 2);
    letter(argv[2], 1, NULL, "a postcard without a key", -1, NULL, 0);
    letter(argv[2], 2, "ottla", NULL, 1709251200001, &(ottla_header_t){"empty", -1, "", 0}, 1);
    letter(argv[2], 3, "", "", -1, NULL, 0);
    check(ottla_producer_flush(producer, 30000, &error)); /* calls on_reports */
    check(ottla_producer_close(producer, 30000, &error));
    return ottla_producer_free(producer) | failed;
}
