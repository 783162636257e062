/* What a snippet of the documents finds: an embedded cluster, a configuration that leads to it, a
 * producer and a record. tests/c/documented.py puts the snippet into documented() below this. */
#ifndef DOCUMENTED_H
#define DOCUMENTED_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ottla.h"

static char servers[200], answer[10000];
static int64_t length;
static ottla_config_t *config;
static ottla_producer_t *producer;
static ottla_record_t record = OTTLA_RECORD_INIT;
static ottla_error_t *error;

static int documented(void);

static void check(int32_t status) {
    if (status == OTTLA_OK) return;
    fprintf(stderr, "%s: %s\n", ottla_status_name(status), error ? ottla_error_text(error) : "");
    exit(1);
}

int main(void) {
    ottla_cluster_t *brokers = NULL;
    ottla_producer_t *first = NULL;
    check(ottla_cluster_new("brokers=3\ntopic=letters:3", -1, &brokers, &error));
    check(ottla_cluster_bootstrap_servers(brokers, servers, sizeof servers, &length));
    check(ottla_config_new(&config));
    check(ottla_config_set(config, "bootstrap.servers", servers, &error));
    check(ottla_config_set(config, "log.level", "error", &error));
    check(ottla_producer_new(config, &first, &error));
    producer = first;
    record.topic = "letters", record.value = "Dear Ottla", record.value_length = 10;
    int status = documented();
    check(error ? ottla_error_code(error) : OTTLA_OK);
    if (producer && producer != first) ottla_producer_free(producer);
    check(ottla_producer_close(first, 30000, &error));
    check(ottla_producer_free(first));
    check(ottla_config_free(config));
    check(ottla_cluster_free(brokers));
    return status;
}

#endif
