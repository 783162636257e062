/* Sending many records of one topic. Those of the usual types go to the library many at a time;
 * each of the others by a call of its own. Both stop at the first that has to wait, so that their
 * order is kept. */
#include "ottla_native.h"

enum { RECORDS_WITHOUT_A_LOOK = 256, RECORDS_IN_ONE_GO = 4096 };
enum { TOPIC, RECORDS, ON_DELIVERY, OPAQUE, TIMEOUT, ARGUMENTS };

static Signature of_send_many = {
    .function = "send_many", .count = ARGUMENTS, .positional = 2, .needs_first = true};
static PyObject *deliveries_name;

int send_many_names(void)
{
    static const char *const texts[ARGUMENTS] = {"topic", "records", "on_delivery", "opaque",
                                                 "timeout"};
    deliveries_name = PyUnicode_InternFromString("deliveries");
    return deliveries_name == NULL ? -1 : signature_names(&of_send_many, texts);
}

/* Sends the next record without waiting, as send_parts. */
static int send_next(Deliveries *batch)
{
    Core *core = batch->core;
    PyObject *item = PyList_GetItem(batch->records, batch->sent), *of[FIELDS];
    PyObject *kept = batch->prepared;
    if (item == NULL)
        return -1;
    Py_INCREF(item);
    batch->prepared = NULL;
    int status = parts_of(item, batch->topic, of);
    Parts parts = {batch->topic, of[FIELD_VALUE], of[FIELD_KEY], of[FIELD_HEADERS],
                   of[FIELD_PARTITION], of[FIELD_TIMESTAMP]};
    if (status == 0)
        status = prepare_parts(core, &parts, &kept);
    if (status == 0 && parts.topic != batch->topic)
        status = deliveries_keep_topic(batch, batch->sent, parts.topic);
    if (status == 0) {
        Outcome *out = &batch->outcomes[batch->sent];
        *out = (Outcome){.owner = batch};
        uint64_t opaque = (uint64_t)(uintptr_t)out | 1;
        core->pending++;
        batch->pending++;
        batch->sent++;
        status = send_parts(core, &parts, opaque, 0, &batch->ticket);
        if (status != 0) {
            batch->sent--;
            batch->pending--;
            core->pending--;
        }
    }
    for (int i = 0; i < FIELDS; i++)
        Py_XDECREF(of[i]);
    if (status == 1)
        batch->prepared = kept; /* Serializers and interceptors see each record once. */
    else
        Py_XDECREF(kept);
    Py_DECREF(item);
    return status;
}

/* Sends the next records, as send_next, if nobody has to see them before. */
static int send_next_ones(Deliveries *batch, Array *array)
{
    Core *core = batch->core;
    if (core->prepare != NULL || core->partitioner != NULL)
        return send_next(batch);
    Py_ssize_t count = array_gather(array, batch);
    if (count == 0)
        return send_next(batch);
    size_t sent;
    ottla_error_t *error = NULL;
    int32_t status =
        ottla_producer_send_array(core->handle, array->records, sizeof *array->records,
                                  (size_t)count, 0, &batch->ticket, &sent, &error);
    batch->sent += (Py_ssize_t)sent;
    batch->pending += (Py_ssize_t)sent;
    core->pending += (int64_t)sent;
    return status == 0 ? 0 : refused(core, status, error);
}

/* Sends what is left as far as that goes without waiting: 0 all, 1 would block, -1 raised. */
static int send_rest(Deliveries *batch)
{
    Array array;
    if (array_begin(&array, batch->topic) < 0)
        return -1;
    Py_ssize_t looked = batch->sent, paused = batch->sent;
    while (batch->sent < batch->size) {
        int status = send_next_ones(batch, &array);
        if (status != 0)
            return status;
        if (batch->sent - looked >= RECORDS_WITHOUT_A_LOOK) {
            looked = batch->sent;
            if (core_drain(batch->core, NULL) < 0 || PyErr_CheckSignals() < 0)
                return -1;
        }
        if (batch->sent - paused >= RECORDS_IN_ONE_GO) {
            paused = batch->sent;
            /* Other threads have their turn. */
            Py_BEGIN_ALLOW_THREADS
            Py_END_ALLOW_THREADS
        }
    }
    return 0;
}

/* No more records follow. The reference of the reports ends here if all have come already; and
 * what was raised meanwhile tells which records were accepted. */
static int finish(Deliveries *batch, int status)
{
    Core *core = batch->core;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (batch->ticket != 0) {
        core_cancel_ticket(core, batch->ticket, NULL);
        batch->ticket = 0;
    }
    batch->complete = true;
    Py_CLEAR(batch->records);
    if (batch->pending == 0)
        core_finish(core, batch);
    if (type != NULL) {
        PyErr_NormalizeException(&type, &value, &trace);
        if (PyObject_SetAttr(value, deliveries_name, (PyObject *)batch) < 0)
            PyErr_Clear();
        if (core->closed && core_drain(core, NULL) < 0)
            PyErr_WriteUnraisable((PyObject *)batch);
        PyErr_Restore(type, value, trace);
    } else if (status == 0 && core_drain(core, NULL) < 0) {
        return -1;
    }
    return status;
}

static bool may_go_on(Core *core, Waiter *waiter, void *context)
{
    Deliveries *batch = context;
    return core->closing ||
           (batch->ticket != 0 ? waiter->ticket_ready : core->finished != batch->seen);
}

static int send_all(Deliveries *batch, double seconds)
{
    Core *core = batch->core;
    double deadline = seconds < 0 ? -1 : monotonic() + seconds;
    for (;;) {
        int status = send_rest(batch);
        if (status <= 0)
            return status;
        Waiter waiter = {.ticket = batch->ticket};
        batch->seen = core->finished;
        status = seconds == 0 ? 1 : core_wait(core, &waiter, deadline, may_go_on, batch);
        if (status == 0 && core->closing) {
            raise_status(OTTLA_CLOSED, "the producer was closed while records waited");
            return -1;
        }
        if (status < 0)
            return -1;
        if (status == 1) {
            ottla_error_t *error = NULL;
            int32_t code = OTTLA_REPORTS_FULL;
            if (batch->ticket != 0)
                code = core_cancel_ticket(core, batch->ticket, &error);
            batch->ticket = 0;
            raise_error(code, error);
            return -1;
        }
    }
}

static Deliveries *begin(Core *core, PyObject *topic, PyObject *records)
{
    const char *text;
    int64_t length;
    if (text_of(topic, "topic", &text, &length) < 0)
        return NULL; /* Also without records, as all relies on it. */
    if (PyUnicode_Check(records) || PyBytes_Check(records) || PyDict_Check(records)) {
        PyErr_Format(PyExc_TypeError, "records must be an iterable of records, not %R",
                     (PyObject *)Py_TYPE(records));
        return NULL;
    }
    Deliveries *batch = deliveries_new(core, topic, records);
    if (batch != NULL)
        Py_INCREF((PyObject *)batch); /* The reference of all its reports. */
    return batch;
}

PyObject *producer_send_many(PyObject *self, PyObject *const *args, Py_ssize_t given_count,
                             PyObject *keywords)
{
    Core *core = ((Producer *)self)->core;
    PyObject *a[ARGUMENTS];
    double seconds;
    if (check_usable(core) < 0 ||
        sort_arguments(&of_send_many, args, given_count, keywords, a) < 0 ||
        seconds_of(a[TIMEOUT], &seconds) < 0 || check_callback(a[ON_DELIVERY]) < 0)
        return NULL;
    if (a[RECORDS] == NULL) {
        PyErr_SetString(PyExc_TypeError, "send_many() needs 'records'");
        return NULL;
    }
    Deliveries *batch = begin(core, a[TOPIC], a[RECORDS]);
    if (batch == NULL)
        return NULL;
    batch->on_delivery = unless_none(a[ON_DELIVERY]);
    batch->opaque = unless_none(a[OPAQUE]);
    if (finish(batch, send_all(batch, seconds)) < 0) {
        Py_DECREF((PyObject *)batch);
        return NULL;
    }
    return (PyObject *)batch;
}

/* For asyncio: (topic, records, future). Nothing is sent yet. */
PyObject *producer_begin_many(PyObject *self, PyObject *const *args, Py_ssize_t given_count)
{
    Core *core = ((Producer *)self)->core;
    if (check_usable(core) < 0)
        return NULL;
    if (given_count != 3) {
        PyErr_SetString(PyExc_TypeError, "_begin_many takes 3 arguments");
        return NULL;
    }
    Deliveries *batch = begin(core, args[0], args[1]);
    if (batch != NULL) {
        batch->future = unless_none(args[2]);
        core_promise(core, (PyObject *)batch);
    }
    return (PyObject *)batch;
}

/* For asyncio: sends on. None when all are sent; a ticket to wait for, 0 if reports have to be
 * read first. After an exception nothing is left to be done. */
PyObject *producer_resume_many(PyObject *self, PyObject *object)
{
    if (!Py_IS_TYPE(object, DeliveriesType)) {
        PyErr_SetString(PyExc_TypeError, "not a Deliveries");
        return NULL;
    }
    Deliveries *batch = (Deliveries *)object;
    Core *core = ((Producer *)self)->core;
    int status = check_usable(core) < 0 ? -1 : send_rest(batch);
    if (status == 1)
        return PyLong_FromUnsignedLongLong(batch->ticket);
    if (finish(batch, status) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* For asyncio: the task was cancelled; the rest is not sent. */
PyObject *producer_end_many(PyObject *self, PyObject *object)
{
    (void)self;
    if (Py_IS_TYPE(object, DeliveriesType) && !((Deliveries *)object)->complete)
        finish((Deliveries *)object, 0);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}
