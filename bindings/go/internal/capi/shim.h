/* The C API as Go calls it: handles are numbers, as they look like pointers and are none, which
 * Go's garbage collector must not see; and bytes are uint8_t pointers, which cgo does not examine.
 */
#ifndef OTTLA_GO_SHIM_H
#define OTTLA_GO_SHIM_H

#include <fcntl.h>
#include <stdlib.h>

#include "ottla.h"

typedef struct ottla_go_log ottla_go_log;

/* log.c: a queue of log lines, from the library's callback to Go. */
ottla_go_log *ottla_go_log_new(void);
void ottla_go_log_free(ottla_go_log *log);
void ottla_go_log_add(int32_t level, const char *text, int64_t length, void *log);
size_t ottla_go_log_count(ottla_go_log *log);
/* The oldest line, to be freed, or NULL. */
char *ottla_go_log_take(ottla_go_log *log, int32_t *level);

static inline ottla_producer_t *go_producer(uintptr_t handle) { return (ottla_producer_t *)handle; }
static inline ottla_config_t *go_config(uintptr_t handle) { return (ottla_config_t *)handle; }
static inline ottla_error_t *go_error(uintptr_t handle) { return (ottla_error_t *)handle; }

static inline const char *go_error_text(uintptr_t e) { return ottla_error_text(go_error(e)); }
static inline int32_t go_error_retriable(uintptr_t e) {
    return ottla_error_is_retriable(go_error(e));
}
static inline int32_t go_error_fatal(uintptr_t e) { return ottla_error_is_fatal(go_error(e)); }
static inline void go_error_free(uintptr_t e) { ottla_error_free(go_error(e)); }
static inline void go_config_free(uintptr_t c) { ottla_config_free(go_config(c)); }
static inline void go_producer_free(uintptr_t p) { ottla_producer_free(go_producer(p)); }
static inline void go_reports_free(uintptr_t lease) {
    ottla_reports_free((ottla_reports_t *)lease);
}

/* Ends a call: the error object becomes a number. It comes by its address, as C does not say which
 * argument is evaluated first: the call that makes it, or it. */
static inline int32_t go_end(int32_t status, ottla_error_t **failure, uintptr_t *error) {
    if (status) *error = (uintptr_t)*failure;
    return status;
}

static inline int32_t go_config_new(uintptr_t *config) {
    ottla_config_t *made = NULL;
    int32_t status = ottla_config_new(&made);
    *config = (uintptr_t)made;
    return status;
}

static inline int32_t go_config_set(uintptr_t config, const char *key, const char *value,
                                    uintptr_t *error) {
    ottla_error_t *failure = NULL;
    return go_end(ottla_config_set(go_config(config), key, value, &failure), &failure, error);
}

static inline int32_t go_config_get(uintptr_t config, const char *key, char *buffer,
                                    size_t capacity, int64_t *length, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    int32_t status = ottla_config_get(go_config(config), key, buffer, capacity, length, &failure);
    return go_end(status, &failure, error);
}

static inline int32_t go_config_set_log(uintptr_t config, ottla_go_log *log) {
    return ottla_config_set_log_callback(go_config(config), ottla_go_log_add, log);
}

static inline int32_t go_producer_new(uintptr_t config, uintptr_t *producer, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    ottla_producer_t *made = NULL;
    int32_t status = ottla_producer_new(go_config(config), &made, &failure);
    *producer = (uintptr_t)made;
    return go_end(status, &failure, error);
}

/* A duplicate of the event fd that is the caller's. */
static inline int32_t go_event_fd(uintptr_t producer, int32_t *fd, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    int32_t own = -1;
    int32_t status = ottla_producer_event_fd(go_producer(producer), &own, &failure);
    if (status == 0 && (*fd = fcntl(own, F_DUPFD_CLOEXEC, 0)) < 0) status = OTTLA_INTERNAL;
    return go_end(status, &failure, error);
}

static inline int32_t go_send(uintptr_t producer, const char *topic, int64_t topic_length,
                              int32_t partition, int64_t timestamp_ms, const uint8_t *key,
                              int64_t key_length, const uint8_t *value, int64_t value_length,
                              const uint8_t *headers, int64_t headers_length, uint64_t opaque,
                              uint32_t flags, uint64_t *ticket, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    int32_t status = ottla_producer_send_flat(
        go_producer(producer), topic, topic_length, partition, timestamp_ms, key, key_length, value,
        value_length, headers, headers_length, opaque, flags, 0, ticket, &failure);
    return go_end(status, &failure, error);
}

static inline int32_t go_cancel_ticket(uintptr_t producer, uint64_t ticket, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    int32_t status = ottla_producer_cancel_ticket(go_producer(producer), ticket, &failure);
    return go_end(status, &failure, error);
}

/* Makes the event fd quiet and reads tickets that are ready. Their number, or a negative status. */
static inline int64_t go_events(uintptr_t producer, uint64_t *tickets, size_t capacity) {
    size_t count = 0;
    int32_t status = ottla_producer_event_clear(go_producer(producer));
    if (!status)
        status = ottla_producer_ready_tickets(go_producer(producer), tickets, capacity, &count);
    return status ? status : (int64_t)count;
}

/* Pulls reports without waiting. Their number, or a negative status. */
static inline int64_t go_poll_reports(uintptr_t producer, ottla_go_log *log, uint8_t *reports,
                                      size_t stride, size_t capacity, uintptr_t *lease,
                                      size_t *lines) {
    size_t count = 0;
    ottla_reports_t *leased = NULL;
    int32_t status = ottla_producer_poll_reports(
        go_producer(producer), (ottla_report_t *)(void *)reports, stride, capacity, 0, &count,
        &leased, NULL);
    *lease = (uintptr_t)leased;
    *lines = ottla_go_log_count(log);
    return status ? status : (int64_t)count;
}

static inline int32_t go_try_flush(uintptr_t producer, uint64_t *mark, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    return go_end(ottla_producer_try_flush(go_producer(producer), mark, &failure), &failure, error);
}

static inline int32_t go_try_close(uintptr_t producer, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    return go_end(ottla_producer_try_close(go_producer(producer), &failure), &failure, error);
}

static inline int32_t go_close(uintptr_t producer, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    return go_end(ottla_producer_close(go_producer(producer), 0, &failure), &failure, error);
}

static inline int32_t go_purge(uintptr_t producer, uint32_t flags, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    return go_end(ottla_producer_purge(go_producer(producer), flags, &failure), &failure, error);
}

static inline int32_t go_partitions(uintptr_t producer, const char *topic, int64_t topic_length,
                                    ottla_partition_t *partitions, size_t capacity, size_t *count,
                                    uint64_t *ticket, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    int32_t status = ottla_producer_try_partitions_for(go_producer(producer), topic, topic_length,
                                                       partitions, sizeof *partitions, capacity,
                                                       count, ticket, &failure);
    return go_end(status, &failure, error);
}

static inline int32_t go_metrics(uintptr_t producer, char *buffer, size_t capacity,
                                 int64_t *length) {
    return ottla_producer_metrics(go_producer(producer), buffer, capacity, length);
}

static inline int32_t go_fatal_error(uintptr_t producer, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    return go_end(ottla_producer_fatal_error(go_producer(producer), &failure), &failure, error);
}

#endif
