/* What the C tests share: checks that print what they check, and a producer that reaches nobody. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ottla.h"

static int failures;
static ottla_error_t *error;

static inline void expect(int good, const char *what, const char *seen) {
    printf("%s %s%s%s\n", good ? "ok  " : "FAIL", what, good ? "" : ": ", good ? "" : seen);
    failures += !good;
}

#define EXPECT(condition) expect(condition, #condition, "it is not so")

/* The call gives `status`, and its error object, if it is one with, says `text` (NULL: none). */
static inline void expect_status(int32_t actual, int32_t status, const char *text,
                                 const char *what) {
    const char *seen = error ? ottla_error_text(error) : "no error object";
    int same = actual == status && (!text || strstr(seen, text));
    same = same && (!error || ottla_error_code(error) == actual);
    char message[600];
    snprintf(message, sizeof message, "%s, %s", ottla_status_name(actual), seen);
    expect(same, what, message);
    ottla_error_free(error);
    error = NULL;
}

#define EXPECT_STATUS(call, status, text) expect_status(call, status, text, #call)
#define EXPECT_OK(call) expect_status(call, OTTLA_OK, NULL, #call)

static inline ottla_config_t *new_config(void) {
    ottla_config_t *config = NULL;
    EXPECT_OK(ottla_config_new(&config));
    EXPECT_OK(ottla_config_set(config, "bootstrap.servers", "127.0.0.1:1", &error));
    EXPECT_OK(ottla_config_set(config, "max.block.ms", "200", &error));
    EXPECT_OK(ottla_config_set(config, "log.level", "error", &error));
    return config;
}

static inline ottla_producer_t *new_producer(void) {
    ottla_producer_t *producer = NULL;
    ottla_config_t *config = new_config();
    EXPECT_OK(ottla_producer_new(config, &producer, &error));
    EXPECT_OK(ottla_config_free(config));
    return producer;
}

static inline ottla_record_t new_record(void) {
    ottla_record_t record = OTTLA_RECORD_INIT;
    record.topic = "topic";
    record.value = "value";
    record.value_length = 5;
    return record;
}

static inline int64_t now_ms(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static inline int finish(void) {
    printf("%d failure(s)\n", failures);
    return failures != 0;
}

#endif
