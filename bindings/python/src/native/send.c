/* Sending one record. The library is tried first, with Python's lock held, as that takes less time
 * than letting it go; only what has to wait does so without it. */
#include "ottla_native.h"

#include <time.h>

enum { SENDS_WITHOUT_A_LOOK = 128 };
enum { TOPIC, VALUE, KEY, HEADERS, PARTITION, TIMESTAMP, ON_DELIVERY, OPAQUE, REPORT, TIMEOUT,
       ARGUMENTS };

static Signature of_send = {
    .function = "send", .count = ARGUMENTS, .positional = 4, .needs_first = true};

int send_names(void)
{
    static const char *const texts[ARGUMENTS] = {"topic",        "value",       "key",    "headers",
                                                 "partition",    "timestamp_ms", "on_delivery",
                                                 "opaque",       "report",      "timeout"};
    return signature_names(&of_send, texts);
}

int check_made(Core *core)
{
    if (core != NULL)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "Producer.__init__ was not called");
    return -1;
}

int check_usable(Core *core)
{
    if (check_made(core) < 0)
        return -1;
    if (core->closing || core->closed) {
        raise_status(OTTLA_CLOSED, "the producer is closed");
        return -1;
    }
    return 0;
}

static int parse_number(PyObject *object, const char *name, int64_t max, int64_t *number)
{
    int overflow;
    long long given = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (given == -1 && PyErr_Occurred())
        return -1;
    if (overflow != 0 || given < 0 || given > max) {
        PyObject *line = PyUnicode_FromFormat("%s must be from 0 to %lld, or None, not %S", name,
                                              (long long)max, object);
        if (line != NULL)
            raise_status(OTTLA_INVALID_ARGUMENT, PyUnicode_AsUTF8AndSize(line, NULL));
        Py_XDECREF(line);
        return -1;
    }
    *number = given;
    return 0;
}

static inline int number_of(PyObject *object, const char *name, int64_t max, int64_t *number)
{
    *number = -1;
    return is_none(object) ? 0 : parse_number(object, name, max, number);
}

/* Raises the library's error, and what a partitioner raised as its cause. */
static int raise_refusal(Core *core, int32_t status, ottla_error_t *error)
{
    /* Before other threads have their turn, whose partitioner may fail, too. */
    PyObject *cause = core->partitioner_error;
    core->partitioner_error = NULL;
    raise_error(status, error);
    if (cause == NULL)
        return -1;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyException_SetCause(value, cause);
    PyErr_Restore(type, value, trace);
    return -1;
}

int refused(Core *core, int32_t status, ottla_error_t *error)
{
    if (status != OTTLA_WOULD_BLOCK && status != OTTLA_REPORTS_FULL)
        return raise_refusal(core, status, error);
    ottla_error_free(error);
    return 1;
}

static int send_flat(Core *core, const char *topic, int64_t topic_length, int64_t partition,
                     int64_t timestamp_ms, const Bytes *key, const Bytes *value, PyObject *headers,
                     uint64_t opaque, uint32_t flags, uint64_t *ticket)
{
    char *packed = NULL;
    int64_t packed_length = 0;
    if (headers != NULL && pack_headers(headers, &packed, &packed_length) < 0)
        return -1;
    ottla_error_t *error = NULL;
    int32_t status = ottla_producer_send_flat(
        core->handle, topic, topic_length, (int32_t)partition, timestamp_ms, key->data, key->length,
        value->data, value->length, packed, packed_length, opaque, flags, 0, ticket, &error);
    PyMem_Free(packed);
    return status == 0 ? 0 : refused(core, status, error);
}

int send_parts(Core *core, const Parts *parts, uint64_t opaque, uint32_t flags, uint64_t *ticket)
{
    const char *topic;
    int64_t topic_length, partition, timestamp_ms;
    Bytes key, value;
    if (text_of(parts->topic, "topic", &topic, &topic_length) < 0 ||
        number_of(parts->partition, "partition", INT32_MAX, &partition) < 0 ||
        number_of(parts->timestamp_ms, "timestamp_ms", INT64_MAX, &timestamp_ms) < 0 ||
        bytes_of(parts->key, "key", &key) < 0)
        return -1;
    int status = bytes_of(parts->value, "value", &value);
    if (status == 0) {
        status = send_flat(core, topic, topic_length, partition, timestamp_ms, &key, &value,
                           parts->headers, opaque, flags, ticket);
        bytes_release(&value);
    }
    bytes_release(&key);
    return status;
}

static bool ticket_ready(Core *core, Waiter *waiter, void *context)
{
    (void)context;
    return waiter->ticket_ready || core->closing;
}

static bool some_finished(Core *core, Waiter *waiter, void *context)
{
    (void)waiter;
    return core->finished != *(uint64_t *)context || core->closing;
}

void give_up_ticket(Core *core, uint64_t ticket)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    ottla_error_t *error = NULL;
    int32_t status = core_cancel_ticket(core, ticket, &error);
    if (type == NULL) {
        raise_error(status, error);
        return;
    }
    ottla_error_free(error);
    PyErr_Restore(type, value, trace);
}

static int wait_for_room(Core *core, uint64_t ticket, double deadline)
{
    Waiter waiter = {.ticket = ticket};
    uint64_t seen = core->finished;
    int status = ticket != 0 ? core_wait(core, &waiter, deadline, ticket_ready, NULL)
                             : core_wait(core, &waiter, deadline, some_finished, &seen);
    if (status == 0 && !core->closing)
        return 0;
    if (status == 0)
        raise_status(OTTLA_CLOSED, "the producer was closed while the record waited");
    if (ticket != 0)
        give_up_ticket(core, ticket);
    else if (status == 1)
        raise_status(OTTLA_REPORTS_FULL,
                     "delivery.report.queue.max records have no report yet, and none came in time");
    return -1;
}

int send_blocking(Core *core, const Parts *parts, uint64_t opaque, uint32_t flags, double seconds)
{
    uint64_t ticket = 0;
    double deadline = seconds < 0 ? -1 : monotonic() + seconds;
    for (;;) {
        int status = send_parts(core, parts, opaque, flags, &ticket);
        if (status <= 0)
            return status;
        if (seconds == 0) {
            if (ticket != 0) {
                ottla_error_t *error = NULL;
                core_cancel_ticket(core, ticket, &error);
                raise_status(OTTLA_WOULD_BLOCK, ottla_error_text(error));
                ottla_error_free(error);
                return -1;
            }
            raise_status(OTTLA_REPORTS_FULL, ottla_status_text(OTTLA_REPORTS_FULL));
            return -1;
        }
        if (wait_for_room(core, ticket, deadline) < 0)
            return -1;
    }
}

int look_after_reports(Core *core)
{
    if (++core->sends % SENDS_WITHOUT_A_LOOK != 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        if (now.tv_nsec == core->looked_ns)
            return 0;
        core->looked_ns = now.tv_nsec;
    }
    return core_drain(core, NULL);
}

/* Lets interceptors and serializers change the record; the tuple that they gave is kept. */
static int prepare(Core *core, Parts *parts, PyObject **kept)
{
    if (*kept == NULL) {
        PyObject *none = Py_None;
#define OR_NONE(part) ((part) == NULL ? none : (part))
        *kept = PyObject_CallFunctionObjArgs(core->prepare, OR_NONE(parts->topic),
                                             OR_NONE(parts->value), OR_NONE(parts->key),
                                             OR_NONE(parts->headers), OR_NONE(parts->partition),
                                             OR_NONE(parts->timestamp_ms), NULL);
#undef OR_NONE
    }
    if (*kept == NULL)
        return -1;
    return PyArg_ParseTuple(*kept, "OOOOOO", &parts->topic, &parts->value, &parts->key,
                            &parts->headers, &parts->partition, &parts->timestamp_ms)
               ? 0
               : -1;
}

int prepare_parts(Core *core, Parts *parts, PyObject **kept)
{
    return core->prepare == NULL ? 0 : prepare(core, parts, kept);
}

PyObject *producer_send(PyObject *self, PyObject *const *args, Py_ssize_t given_count,
                        PyObject *keywords)
{
    Core *core = ((Producer *)self)->core;
    PyObject *a[ARGUMENTS], *kept = NULL;
    double seconds;
    if (check_usable(core) < 0 ||
        sort_arguments(&of_send, args, given_count, keywords, a) < 0 ||
        seconds_of(a[TIMEOUT], &seconds) < 0 || check_callback(a[ON_DELIVERY]) < 0)
        return NULL;
    Parts parts = {a[TOPIC], a[VALUE], a[KEY], a[HEADERS], a[PARTITION], a[TIMESTAMP]};
    int report = a[REPORT] == NULL ? 1 : PyObject_IsTrue(a[REPORT]);
    if (report < 0 || prepare_parts(core, &parts, &kept) < 0) {
        Py_XDECREF(kept);
        return NULL;
    }
    Delivery *delivery = NULL;
    int status;
    if (!report) {
        status = send_blocking(core, &parts, 0, OTTLA_NO_REPORT, seconds);
    } else if ((delivery = delivery_new(core, parts.topic)) == NULL) {
        status = -1;
    } else {
        delivery->on_delivery = unless_none(a[ON_DELIVERY]);
        delivery->opaque = unless_none(a[OPAQUE]);
        if (delivery->opaque != NULL)
            PyObject_GC_Track((PyObject *)delivery);
        Py_INCREF((PyObject *)delivery); /* The report's reference. */
        core->pending++;
        status = send_blocking(core, &parts, (uint64_t)(uintptr_t)delivery, 0, seconds);
        if (status < 0) {
            core->pending--;
            Py_DECREF((PyObject *)delivery);
        }
    }
    Py_XDECREF(kept);
    if (status < 0 || look_after_reports(core) < 0) {
        Py_XDECREF((PyObject *)delivery);
        return NULL;
    }
    if (delivery == NULL)
        Py_RETURN_NONE;
    return (PyObject *)delivery;
}

/* For asyncio: (topic, value, key, headers, partition, timestamp_ms, future, ticket). Gives a
 * Delivery, or the number of a ticket to wait for, 0 if reports have to be read first. */
PyObject *producer_try_send(PyObject *self, PyObject *const *args, Py_ssize_t given_count)
{
    Core *core = ((Producer *)self)->core;
    if (check_usable(core) < 0)
        return NULL;
    if (given_count != 8) {
        PyErr_SetString(PyExc_TypeError, "_try_send takes 8 arguments");
        return NULL;
    }
    uint64_t ticket = PyLong_AsUnsignedLongLong(args[7]);
    if (ticket == (uint64_t)-1 && PyErr_Occurred())
        return NULL;
    Parts parts = {args[0], args[1], args[2], args[3], args[4], args[5]};
    Delivery *delivery = delivery_new(core, args[0]);
    if (delivery == NULL)
        return NULL;
    delivery->future = unless_none(args[6]);
    Py_INCREF((PyObject *)delivery);
    core->pending++;
    int status = send_parts(core, &parts, (uint64_t)(uintptr_t)delivery, 0, &ticket);
    if (status == 0) {
        core_promise(core, (PyObject *)delivery);
        return (PyObject *)delivery;
    }
    core->pending--;
    Py_DECREF((PyObject *)delivery);
    Py_DECREF((PyObject *)delivery);
    return status < 0 ? NULL : PyLong_FromUnsignedLongLong(ticket);
}
