/* What the files of the native module share.
 *
 * The module is the thin layer between Python's objects and libottla. It keeps to Python's limited
 * API, so that one wheel serves every CPython from 3.11 on. Python code is only ever called by the
 * thread that called us. */
#ifndef OTTLA_NATIVE_H
#define OTTLA_NATIVE_H

#ifndef Py_GIL_DISABLED
#define Py_LIMITED_API 0x030b0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ottla.h"

/* What became of one record. It is small, as send_many has one for each of its records. */
typedef struct {
    union {
        int64_t offset;
        struct Deliveries *owner; /* of a record of send_many, until it is done */
    };
    int32_t partition;
    int16_t status;
    uint8_t state;
    uint8_t flags; /* of the report, and DONE */
} Outcome;

/* Beside a report's own flags: it is there. The other fields say nothing before. */
#define DONE 0x80

/* A thread that waits for something of a producer. */
typedef struct Waiter {
    struct Waiter *next;
    int fd; /* an eventfd that wakes it, or -1 */
    bool interrupted;
    bool ticket_ready;
    uint64_t ticket;
} Waiter;

struct Deliveries;

/* The shared part of a producer: deliveries keep it alive, and it keeps no delivery but those
 * that wait for their report, whose references the reports' opaques are. */
typedef struct {
    PyObject_HEAD
    ottla_producer_t *handle;
    PyObject *partitioner; /* callables, or NULL */
    PyObject *prepare;
    PyObject *on_acknowledgement;
    PyObject *on_log;
    PyObject *loop;  /* asyncio's, or NULL */
    PyObject *awake; /* a list of what tasks wait for, that is there; or NULL */
    unsigned long waking; /* the loop's thread while it wakes tasks, or 0 */
    PyObject *told; /* numbers of tickets that are ready and whose waiter is still to come; a set */
    PyObject *promised; /* the deliveries that tasks wait for, a set; or NULL */
    PyObject *lines;          /* list of (level, text) that were not handed on yet */
    PyObject *partitioner_error; /* what the partitioner raised during this send */
    PyObject *callbacks_first; /* done, and not yet shown to callbacks: a queue through `next` */
    PyObject *callbacks_last;
    unsigned long dispatcher; /* the thread that runs callbacks, if `dispatching` */
    bool dispatching;
    bool closing;
    bool closed;
    unsigned long leader; /* the thread that watches the event fd for all, or 0 */
    int event_fd;
    int wake_fd;
    pthread_mutex_t lock; /* guards `waiters` and `leader` */
    Waiter *waiters;
    int64_t pending;   /* records whose report did not come */
    uint64_t finished; /* reports that came */
    uint32_t sends;
    long looked_ns; /* when reports were last looked for, by the coarse clock */
} Core;

/* The delivery of one record: first a promise, then its report. */
typedef struct {
    PyObject_HEAD
    Outcome own;
    union {
        int64_t timestamp_ms;
        Py_ssize_t index; /* in `owner` */
    };
    PyObject *reason;     /* str, or NULL if it did not fail */
    PyObject *owner;      /* the Deliveries it is part of, which has its outcome; or NULL */
    union {
        Core *core;     /* until it is done */
        PyObject *next; /* then: in the queue of callbacks */
    };
    PyObject *topic;
    PyObject *on_delivery;
    PyObject *opaque;
    PyObject *future; /* an asyncio future to resolve, or NULL */
} Delivery;

/* The deliveries of send_many. */
typedef struct Deliveries {
    PyObject_HEAD
    Core *core;
    PyObject *topic;
    PyObject *records; /* a list, until all are sent */
    PyObject *prepared; /* the next record as `prepare` gave it, while it waits; or NULL */
    PyObject *on_delivery;
    PyObject *opaque;
    PyObject *future;
    PyObject *next;
    Outcome *outcomes;  /* those of records that were not sent have no value */
    int64_t *timestamps; /* where there are any, else NULL */
    PyObject **reasons;  /* where some failed, else NULL */
    PyObject **topics;   /* where interceptors chose others than `topic`, else NULL */
    Py_ssize_t size;    /* room in `outcomes` */
    Py_ssize_t sent;    /* accepted so far */
    Py_ssize_t pending; /* of those, without a report */
    Py_ssize_t failed;
    uint64_t ticket;    /* of the record that waits, or 0 */
    uint64_t seen;      /* reports that had come when the record began to wait */
    bool complete;      /* no more records will be added */
} Deliveries;

typedef struct {
    PyObject_HEAD
    Core *core;
} Producer;

extern PyTypeObject *CoreType, *DeliveryType, *DeliveriesType, *ClusterType;
extern int64_t live_deliveries;

/* arguments.c: what callers give us. */
typedef struct {
    const char *data;
    int64_t length; /* -1 is null */
    Py_buffer buffer;
    bool held;
} Bytes;
static inline bool is_none(PyObject *object)
{
    return object == NULL || object == Py_None;
}
/* A new reference, or NULL for None and what was not given. */
static inline PyObject *unless_none(PyObject *object)
{
    return is_none(object) ? NULL : Py_NewRef(object);
}
int parse_bytes(PyObject *object, const char *name, Bytes *out);
static inline int bytes_of(PyObject *object, const char *name, Bytes *out)
{
    out->data = NULL;
    out->length = -1;
    out->held = false;
    return is_none(object) ? 0 : parse_bytes(object, name, out);
}
static inline void bytes_release(Bytes *bytes)
{
    if (bytes->held)
        PyBuffer_Release(&bytes->buffer);
    bytes->held = false;
}
int text_of(PyObject *object, const char *name, const char **text, int64_t *length);
int pack_headers(PyObject *headers, char **packed, int64_t *length);
int seconds_of(PyObject *object, double *seconds);
/* Whether `on_delivery` can be called, if there is one; -1 raised. */
int check_callback(PyObject *on_delivery);
/* The arguments of a function that is called fast, and the last call that had names in it. */
typedef struct {
    const char *function;
    int count, positional;
    bool needs_first;
    signed char places[10]; /* where each argument stood */
    PyObject *names[10];
    PyObject *keywords;
    Py_ssize_t given;
} Signature;
int signature_names(Signature *signature, const char *const *names);
/* Sorts the arguments of a call by name; those that are not given become NULL. */
int sort_arguments(Signature *signature, PyObject *const *args, Py_ssize_t given,
                   PyObject *keywords, PyObject **out);

/* errors.c */
int errors_bind(PyObject *make);
PyObject *error_of(int32_t status, const char *text, int retriable, int fatal);
/* Raises the error and frees it; without one, the status's own text. Returns NULL. */
void *raise_error(int32_t status, ottla_error_t *error);
void *raise_status(int32_t status, const char *text);

/* core.c */
Core *core_new(PyObject *config, PyObject *partitioner, PyObject *prepare,
               PyObject *on_acknowledgement, PyObject *on_log);
int core_type(PyObject *module);
int core_end(Core *core);

/* reports.c */
/* Reads what there is, completes deliveries and runs callbacks; -1 with an exception. With
 * `tickets` not NULL ready tickets are appended to that list. */
int core_drain(Core *core, PyObject *tickets);
bool core_in_callback(Core *core);
/* A task waits for this delivery from now on, if an event loop reads reports. */
void core_promise(Core *core, PyObject *delivery);
/* Fails all that tasks wait for: no report will come. -1 raised. */
int core_break_promises(Core *core, int32_t status, const char *reason);
/* All reports of a Deliveries have come; takes their reference. */
void core_finish(Core *core, Deliveries *deliveries);
bool core_is_idle(Core *core);

/* wait.c */
typedef bool (*Ready)(Core *core, Waiter *waiter, void *context);
int core_event_fd(Core *core);
void core_wake(Core *core, bool interrupt);
/* Lets another thread watch for all: Python code is going to run in this one. */
void core_step_down(Core *core);
void core_hand_ticket(Core *core, uint64_t ticket, PyObject *tickets);
/* As ottla_producer_cancel_ticket. */
int32_t core_cancel_ticket(Core *core, uint64_t ticket, ottla_error_t **error);
double monotonic(void);
/* 0 when ready, 1 when `deadline` (of monotonic(); below 0 for none) passed, -1 raised. */
int core_wait(Core *core, Waiter *waiter, double deadline, Ready ready, void *context);
int core_wait_outcome(Core *core, const Outcome *out, double seconds);
/* -1 raised, if the producer is one of asyncio that is in use. */
int refuse_wait_beside_loop(Core *core);

/* delivery.c */
int delivery_types(PyObject *module);
int state_bind(PyObject *class);
Delivery *delivery_new(Core *core, PyObject *topic);
Delivery *delivery_of(Deliveries *owner, Py_ssize_t index);
/* A new reference to the error of a report that failed, else None. */
PyObject *delivery_error(const Outcome *out, PyObject *reason);
/* The outcome of a delivery that stands for one of its `owner`'s is there. */
static inline const Outcome *outcome_of(const Delivery *delivery)
{
    if (delivery->owner == NULL)
        return &delivery->own;
    return &((Deliveries *)delivery->owner)->outcomes[delivery->index];
}

static inline bool is_done(const Outcome *out)
{
    return (out->flags & DONE) != 0;
}

/* deliveries.c */
int deliveries_type(PyObject *module);
Deliveries *deliveries_new(Core *core, PyObject *topic, PyObject *records);
/* As delivery_error, of one of its records; and that one's time, below 0 if it is not known. */
PyObject *deliveries_error(Deliveries *deliveries, Py_ssize_t index);
int64_t deliveries_timestamp(Deliveries *deliveries, Py_ssize_t index);
/* Keeps the topic that an interceptor chose for a record; -1 raised. */
int deliveries_keep_topic(Deliveries *deliveries, Py_ssize_t index, PyObject *topic);
PyObject *deliveries_topic(Deliveries *deliveries, Py_ssize_t index);
/* Keeps what few reports have: a time, a reason. */
void deliveries_keep(Deliveries *deliveries, Py_ssize_t index, const ottla_report_t *report);
/* The text of a report that failed, or NULL; never raises. */
PyObject *reason_of(const ottla_report_t *report);

/* send.c */
PyObject *producer_send(PyObject *self, PyObject *const *args, Py_ssize_t given,
                        PyObject *keywords);
PyObject *producer_try_send(PyObject *self, PyObject *const *args, Py_ssize_t given);
int send_names(void);

/* send_many.c */
PyObject *producer_send_many(PyObject *self, PyObject *const *args, Py_ssize_t given,
                             PyObject *keywords);
PyObject *producer_begin_many(PyObject *self, PyObject *const *args, Py_ssize_t given);
PyObject *producer_resume_many(PyObject *self, PyObject *batch);
PyObject *producer_end_many(PyObject *self, PyObject *batch);
int send_many_names(void);

/* records.c */
enum { FIELD_VALUE, FIELD_KEY, FIELD_HEADERS, FIELD_PARTITION, FIELD_TIMESTAMP, FIELDS };
enum { RECORDS_AT_A_TIME = 256, HEADERS_AT_A_TIME = 1024 };
/* Records for one call of the library. Their bytes are those of the objects in the list, so the
 * lock of the interpreter is kept until they are sent. */
typedef struct {
    ottla_record_t empty; /* of the topic */
    ottla_record_t records[RECORDS_AT_A_TIME];
    ottla_header_t headers[HEADERS_AT_A_TIME];
    size_t header_count;
} Array;
int array_begin(Array *array, PyObject *topic);
/* Takes the next records of a batch that have no types but the usual ones; gives their number. */
Py_ssize_t array_gather(Array *array, Deliveries *batch);
/* The parts of a record, new references, which may be NULL. */
int parts_of(PyObject *item, PyObject *topic, PyObject **parts);
int record_bind(PyObject *class);
int record_names(void);

/* One record on its way to the library. */
typedef struct {
    PyObject *topic, *value, *key, *headers, *partition, *timestamp_ms;
} Parts;
/* Sends without waiting. 0 accepted; 1 would block (`*ticket`, or 0 if reports have to be read
 * first); -1 raised. */
int send_parts(Core *core, const Parts *parts, uint64_t opaque, uint32_t flags, uint64_t *ticket);
/* After a send that was not accepted: 1 would block, as send_parts; -1 raised. Frees the error. */
int refused(Core *core, int32_t status, ottla_error_t *error);
/* As send_parts, and waits as long as `seconds` allow: below 0 for max.block.ms. */
int send_blocking(Core *core, const Parts *parts, uint64_t opaque, uint32_t flags, double seconds);
/* Lets interceptors and serializers change the record; `*kept` is to be released when it is sent.
 * With `*kept` not NULL it is what they gave before. */
int prepare_parts(Core *core, Parts *parts, PyObject **kept);
/* Whether __init__ ran, and whether close did not; -1 raised. */
int check_made(Core *core);
int check_usable(Core *core);
/* Reads reports now and then, so that nobody has to; -1 raised. */
int look_after_reports(Core *core);

/* 0 flushed, 1 not yet, -1 raised; `*mark` is 0 at first. */
int try_flush(Core *core, uint64_t *mark);
/* Gives a ticket up. What it waited for in vain is raised, unless something is raised already. */
void give_up_ticket(Core *core, uint64_t ticket);

/* sending.c */
int sending_types(PyObject *module);
PyObject *producer_sending(PyObject *self, PyObject *const *args, Py_ssize_t count,
                           PyObject *keywords);

/* task_wait.c */
int task_wait_type(void);
int task_wait_bind(PyObject *cancelled_error, PyObject *get_running_loop);
/* Whether the loop that runs is the producer's; -1 raised. */
int runs_here(Core *core);
PyObject *wait_new(Core *core);
bool is_wait(PyObject *object);
/* Whether a task waits for it at this moment. */
bool has_task(PyObject *wait);
int wait_wake(PyObject *wait);
void wait_again(PyObject *wait);

/* events.c: methods of Producer */
PyObject *producer_event_fd(PyObject *self, PyObject *unused);
PyObject *producer_attach(PyObject *self, PyObject *loop);
PyObject *producer_drain(PyObject *self, PyObject *unused);
PyObject *producer_break_promises(PyObject *self, PyObject *args);
PyObject *producer_try_flush(PyObject *self, PyObject *mark);
PyObject *producer_cancel_ticket(PyObject *self, PyObject *ticket);
PyObject *producer_try_partitions(PyObject *self, PyObject *args);
PyObject *producer_partitions_for(PyObject *self, PyObject *args, PyObject *keywords);

int producer_type(PyObject *module);
int cluster_type(PyObject *module);

#endif
