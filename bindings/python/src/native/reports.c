/* Delivery reports: read in batches, put into their deliveries, shown to callbacks.
 *
 * A report's opaque is the address of a Delivery, or with the lowest bit set that of an Outcome of
 * a Deliveries; it owns a reference, which ends when the report comes. There is exactly one report
 * for each. */
#include "ottla_native.h"

/* As many deliveries as fit into a processor's first cache until their callbacks have run. */
enum { REPORTS_AT_A_TIME = 256, TICKETS_AT_A_TIME = 64, LOOK_AHEAD = 8 };

/* The link of a Delivery or Deliveries in the queue of callbacks. */
static PyObject **link_of(PyObject *delivery)
{
    if (Py_IS_TYPE(delivery, DeliveryType))
        return &((Delivery *)delivery)->next;
    return &((Deliveries *)delivery)->next;
}

/* Takes the reference. */
static void enqueue(Core *core, PyObject *delivery)
{
    if (core->callbacks_last == NULL)
        core->callbacks_first = delivery;
    else
        *link_of(core->callbacks_last) = delivery;
    core->callbacks_last = delivery;
}

static PyObject *dequeue(Core *core)
{
    PyObject *first = core->callbacks_first;
    if (first == NULL)
        return NULL;
    PyObject **link = link_of(first);
    core->callbacks_first = *link;
    if (*link == NULL)
        core->callbacks_last = NULL;
    *link = NULL;
    return first;
}

PyObject *reason_of(const ottla_report_t *report)
{
    if (report->reason == NULL)
        return NULL;
    PyObject *reason = PyUnicode_DecodeUTF8(report->reason, (Py_ssize_t)strlen(report->reason),
                                            "replace");
    if (reason == NULL)
        PyErr_Clear();
    return reason;
}

static void fill(Outcome *out, const ottla_report_t *report)
{
    out->offset = report->offset;
    out->partition = report->partition;
    out->status = (int16_t)report->status;
    out->state = (uint8_t)report->state;
    out->flags = (uint8_t)(report->flags | DONE);
}

static void complete_one(Core *core, Outcome *out, const ottla_report_t *report)
{
    Deliveries *owner = out->owner;
    fill(out, report);
    if (report->timestamp_ms >= 0 || report->reason != NULL)
        deliveries_keep(owner, out - owner->outcomes, report);
    owner->failed += report->status != 0;
    if (--owner->pending == 0 && owner->complete)
        core_finish(core, owner);
}

void core_promise(Core *core, PyObject *delivery)
{
    if (core->promised != NULL && PySet_Add(core->promised, delivery) < 0)
        PyErr_Clear();
}

static void keep_promise(Core *core, PyObject *delivery)
{
    if (core->promised != NULL && PySet_Discard(core->promised, delivery) < 0)
        PyErr_Clear();
}

void core_finish(Core *core, Deliveries *owner)
{
    keep_promise(core, (PyObject *)owner);
    if (owner->on_delivery != NULL || owner->future != NULL || core->on_acknowledgement != NULL)
        enqueue(core, (PyObject *)owner);
    else
        Py_DECREF((PyObject *)owner);
}

static void complete(Core *core, const ottla_report_t *report)
{
    core->pending--;
    core->finished++;
    if (report->opaque & 1) {
        complete_one(core, (Outcome *)(uintptr_t)(report->opaque & ~(uint64_t)1), report);
        return;
    }
    Delivery *delivery = (Delivery *)(uintptr_t)report->opaque;
    fill(&delivery->own, report);
    delivery->timestamp_ms = report->timestamp_ms;
    if (report->reason != NULL)
        delivery->reason = reason_of(report);
    Py_DECREF((PyObject *)delivery->core); /* Whoever reads reports has a reference, too. */
    delivery->next = NULL;
    if (delivery->future != NULL)
        keep_promise(core, (PyObject *)delivery);
    if (delivery->future != NULL && core->awake != NULL && core->on_acknowledgement == NULL &&
        is_wait(delivery->future)) {
        if (PyList_Append(core->awake, delivery->future) < 0)
            PyErr_Clear();
        Py_CLEAR(delivery->future);
        Py_DECREF((PyObject *)delivery);
        return;
    }
    if (delivery->on_delivery != NULL || delivery->future != NULL ||
        core->on_acknowledgement != NULL) {
        enqueue(core, (PyObject *)delivery);
        return;
    }
    Py_DECREF((PyObject *)delivery);
}

/* Every CPython from 3.11 on has it; the limited API has it from 3.12 on. */
extern PyObject *PyObject_Vectorcall(PyObject *callable, PyObject *const *args, size_t count,
                                     PyObject *names) __attribute__((weak));

static PyObject *call_one(PyObject *callable, PyObject *argument)
{
    static const size_t room_in_front = (size_t)1 << (8 * sizeof(size_t) - 1);
    PyObject *args[2] = {NULL, argument};
    if (PyObject_Vectorcall == NULL)
        return PyObject_CallFunctionObjArgs(callable, argument, NULL);
    return PyObject_Vectorcall(callable, args + 1, 1 | room_in_front, NULL);
}

/* Tells an asyncio future, unless its task was cancelled. */
static int resolve(Core *core, PyObject *future, PyObject *delivery)
{
    if (is_wait(future))
        return core->awake == NULL ? 0 : PyList_Append(core->awake, future);
    PyObject *result = PyObject_CallMethod(future, "done", NULL);
    if (result == Py_False) {
        Py_DECREF(result);
        result = PyObject_CallMethod(future, "set_result", "O", delivery);
    }
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int acknowledge(Core *core, PyObject *delivery)
{
    if (core->on_acknowledgement == NULL)
        return 0;
    PyObject *result = PyObject_CallFunctionObjArgs(core->on_acknowledgement, delivery, NULL);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int acknowledge_all(Core *core, Deliveries *deliveries)
{
    for (Py_ssize_t i = 0; core->on_acknowledgement != NULL && i < deliveries->sent; i++) {
        PyObject *one = PySequence_GetItem((PyObject *)deliveries, i);
        int status = one == NULL ? -1 : acknowledge(core, one);
        Py_XDECREF(one);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* Whatever is raised in a callback is nobody's who only sends: it goes to sys.unraisablehook, but
 * for KeyboardInterrupt and the like, which end the program and have to get out. */
static int raised_in(PyObject *callback)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_WriteUnraisable(callback);
    return 0;
}

static int run_callback(Core *core, PyObject *delivery)
{
    PyObject *on_delivery, *future;
    int status;
    if (Py_IS_TYPE(delivery, DeliveryType)) {
        Delivery *one = (Delivery *)delivery;
        on_delivery = one->on_delivery;
        future = one->future;
        one->on_delivery = one->future = NULL;
        status = acknowledge(core, delivery);
    } else {
        Deliveries *many = (Deliveries *)delivery;
        on_delivery = many->on_delivery;
        future = many->future;
        many->on_delivery = many->future = NULL;
        status = acknowledge_all(core, many);
    }
    if (status < 0)
        status = raised_in(core->on_acknowledgement);
    if (future != NULL && status == 0 && resolve(core, future, delivery) < 0)
        status = raised_in(future);
    if (on_delivery != NULL && status == 0) {
        PyObject *result = call_one(on_delivery, delivery);
        if (result == NULL)
            status = raised_in(on_delivery);
        Py_XDECREF(result);
    }
    Py_XDECREF(on_delivery);
    Py_XDECREF(future);
    return status;
}

bool core_in_callback(Core *core)
{
    return core->dispatching && core->dispatcher == PyThread_get_thread_ident();
}

/* One thread at a time runs callbacks, in the order of the reports. */
static int dispatch(Core *core)
{
    if (core->dispatching || core->callbacks_first == NULL)
        return 0;
    core_step_down(core);
    core->dispatching = true;
    core->dispatcher = PyThread_get_thread_ident();
    int status = 0;
    PyObject *delivery;
    while (status == 0 && (delivery = dequeue(core)) != NULL) {
        status = run_callback(core, delivery);
        Py_DECREF(delivery);
    }
    core->dispatching = false;
    return status;
}

static int hand_on_lines(Core *core)
{
    if (PyList_Size(core->lines) == 0 || core->on_log == NULL)
        return 0;
    core_step_down(core);
    PyObject *lines = core->lines;
    core->lines = PyList_New(0);
    if (core->lines == NULL) {
        core->lines = lines;
        return -1;
    }
    PyObject *result = PyObject_CallFunctionObjArgs(core->on_log, lines, NULL);
    Py_DECREF(lines);
    if (result == NULL)
        return raised_in(core->on_log);
    Py_DECREF(result);
    return 0;
}

/* A delivery that waited for long is in no cache any more: it is fetched while others are done. */
static void fetch(const ottla_report_t *report)
{
    const char *at = (const char *)(uintptr_t)report->opaque;
    __builtin_prefetch(at, 1);
    if (!(report->opaque & 1))
        __builtin_prefetch(at + sizeof(Delivery) - 1, 1);
}

/* The number of reports that were read; -1 raised. */
static int read_reports(Core *core)
{
    ottla_report_t reports[REPORTS_AT_A_TIME];
    size_t count;
    ottla_reports_t *lease = NULL;
    ottla_error_t *error = NULL;
    int32_t status = ottla_producer_poll_reports(core->handle, reports, sizeof *reports,
                                                 REPORTS_AT_A_TIME, 0, &count, &lease, &error);
    if (status != 0) {
        raise_error(status, error);
        return -1;
    }
    for (size_t i = 0; i < count && i < LOOK_AHEAD; i++)
        fetch(&reports[i]);
    for (size_t i = 0; i < count; i++) {
        if (i + LOOK_AHEAD < count)
            fetch(&reports[i + LOOK_AHEAD]);
        complete(core, &reports[i]);
    }
    if (lease != NULL)
        ottla_reports_free(lease);
    return (int)count;
}

/* Reads what there is and runs callbacks. */
static int serve_reports(Core *core)
{
    for (;;) {
        int count = read_reports(core);
        if (count < 0)
            return -1;
        /* Others may wait for what was read, and Python code, which may take its time, is next. */
        if (count > 0)
            core_wake(core, false);
        if (count < REPORTS_AT_A_TIME)
            return 0;
        if (dispatch(core) < 0)
            return -1;
    }
}

static int read_tickets(Core *core, PyObject *list)
{
    uint64_t tickets[TICKETS_AT_A_TIME];
    size_t count;
    do {
        int32_t status =
            ottla_producer_ready_tickets(core->handle, tickets, TICKETS_AT_A_TIME, &count);
        if (status != 0) {
            raise_status(status, ottla_status_text(status));
            return -1;
        }
        for (size_t i = 0; i < count; i++)
            core_hand_ticket(core, tickets[i], list);
    } while (count == TICKETS_AT_A_TIME);
    return 0;
}

static int drain(Core *core, PyObject *tickets)
{
    /* A batch that a close ended while it was being sent comes to its callback after that. */
    if (core->closed)
        return dispatch(core);
    uint64_t before = core->finished;
    bool serves = !core->dispatching, has_callbacks = core->callbacks_first != NULL;
    int status = serve_reports(core);
    if (status == 0 && (tickets != NULL || core->waiters != NULL))
        status = read_tickets(core, tickets);
    if (status == 0)
        status = hand_on_lines(core);
    if (status == 0)
        status = dispatch(core);
    if (serves && (has_callbacks || core->finished != before))
        core_wake(core, false);
    return status;
}

int core_drain(Core *core, PyObject *tickets)
{
    /* The reference of the delivery through which it was called may end here. */
    Py_INCREF((PyObject *)core);
    int status = drain(core, tickets);
    Py_DECREF((PyObject *)core);
    return status;
}

int core_break_promises(Core *core, int32_t status, const char *reason)
{
    PyObject *promised = core->promised;
    core->promised = NULL;
    while (promised != NULL && PySet_Size(promised) > 0) {
        PyObject *delivery = PySet_Pop(promised);
        ottla_report_t report = {.offset = -1,
                                 .timestamp_ms = -1,
                                 .partition = -1,
                                 .status = status,
                                 .reason = reason,
                                 .state = OTTLA_STATE_POSSIBLY_PERSISTED,
                                 .opaque = (uint64_t)(uintptr_t)delivery};
        if (Py_IS_TYPE(delivery, DeliveryType)) {
            complete(core, &report);
        } else {
            Deliveries *many = (Deliveries *)delivery;
            for (Py_ssize_t i = 0; i < many->sent; i++) {
                report.opaque = (uint64_t)(uintptr_t)&many->outcomes[i] | 1;
                if (!is_done(&many->outcomes[i]))
                    complete(core, &report);
            }
        }
        Py_DECREF(delivery);
    }
    Py_XDECREF(promised);
    return dispatch(core);
}

/* Whether all reports that were read were also shown to callbacks. */
bool core_is_idle(Core *core)
{
    return core->callbacks_first == NULL && !core->dispatching;
}
