/* What an event loop needs instead of waits: the event fd, one look at what came, and marks and
 * tickets to look for. And partitions_for, which is the same with a wait around it. */
#include "ottla_native.h"

PyObject *producer_event_fd(PyObject *self, PyObject *unused)
{
    (void)unused;
    Core *core = ((Producer *)self)->core;
    if (check_usable(core) < 0 || core_event_fd(core) < 0)
        return NULL;
    /* In a child of fork it is the parent's. */
    ottla_error_t *error = NULL;
    int32_t fd, status = ottla_producer_event_fd(core->handle, &fd, &error);
    if (status != 0)
        return raise_error(status, error);
    return PyLong_FromLong(fd);
}

/* The loop that watches the event fd from now on. */
PyObject *producer_attach(PyObject *self, PyObject *loop)
{
    Core *core = ((Producer *)self)->core;
    if (check_usable(core) < 0)
        return NULL;
    if (core->awake == NULL && (core->awake = PyList_New(0)) == NULL)
        return NULL;
    if (core->promised == NULL && (core->promised = PySet_New(NULL)) == NULL)
        return NULL;
    Py_XDECREF(core->loop);
    core->loop = Py_NewRef(loop);
    Py_RETURN_NONE;
}

/* Wakes the tasks whose reports have come, in the loop's thread. */
static int wake_tasks(Core *core)
{
    PyObject *awake = core->awake;
    if (awake == NULL || PyList_Size(awake) == 0)
        return 0;
    core->awake = PyList_New(0);
    int status = core->awake == NULL ? -1 : 0;
    core->waking = PyThread_get_thread_ident();
    for (Py_ssize_t i = 0; i < PyList_Size(awake); i++) {
        PyObject *wait = PyList_GetItem(awake, i);
        /* After an exception, that of Ctrl-C, the others wait for the next round. */
        if (status == 0)
            status = wait_wake(wait);
        else if (core->awake != NULL)
            PyList_Append(core->awake, wait);
    }
    core->waking = 0;
    Py_DECREF(awake);
    return status;
}

/* Makes the event fd quiet, reads all there is, and gives a list of the tickets that are ready. */
PyObject *producer_drain(PyObject *self, PyObject *unused)
{
    (void)unused;
    Core *core = ((Producer *)self)->core;
    PyObject *tickets = check_made(core) < 0 ? NULL : PyList_New(0);
    if (tickets == NULL)
        return NULL;
    if (core->event_fd >= 0)
        ottla_producer_event_clear(core->handle);
    if (core_drain(core, tickets) < 0 || wake_tasks(core) < 0)
        Py_CLEAR(tickets);
    return tickets;
}

/* (status, reason): fails all that tasks wait for. */
PyObject *producer_break_promises(PyObject *self, PyObject *args)
{
    Core *core = ((Producer *)self)->core;
    int status;
    const char *reason;
    if (!PyArg_ParseTuple(args, "is", &status, &reason))
        return NULL;
    if (core != NULL && (core_break_promises(core, status, reason) < 0 || wake_tasks(core) < 0))
        return NULL;
    Py_RETURN_NONE;
}

/* With the mark of the call before, 0 at first: None when all before it is done, its reports are
 * read and the callbacks have returned; else the mark to come again with. 0 is also a mark: all is
 * done but for callbacks. */
PyObject *producer_try_flush(PyObject *self, PyObject *mark)
{
    Core *core = ((Producer *)self)->core;
    uint64_t number = PyLong_AsUnsignedLongLong(mark);
    if (PyErr_Occurred() || check_made(core) < 0)
        return NULL;
    int status = try_flush(core, &number);
    if (status < 0)
        return NULL;
    if (status == 1)
        return PyLong_FromUnsignedLongLong(number);
    /* Reports are there before the mark is reached, but perhaps not read yet. */
    if (core_drain(core, NULL) < 0)
        return NULL;
    if (core_is_idle(core))
        Py_RETURN_NONE;
    return PyLong_FromLong(0);
}

/* Gives a ticket up, and gives the error that says what it waited for. */
PyObject *producer_cancel_ticket(PyObject *self, PyObject *ticket)
{
    Core *core = ((Producer *)self)->core;
    uint64_t number = PyLong_AsUnsignedLongLong(ticket);
    if (PyErr_Occurred() || check_made(core) < 0)
        return NULL;
    ottla_error_t *error = NULL;
    int32_t status = core_cancel_ticket(core, number, &error);
    PyObject *result = error_of(status, ottla_error_text(error), ottla_error_is_retriable(error),
                                ottla_error_is_fatal(error));
    ottla_error_free(error);
    return result;
}

enum { PARTITIONS_AT_FIRST = 64 };

static PyObject *list_of(const ottla_partition_t *partitions, size_t count)
{
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *pair =
            Py_BuildValue("(ii)", (int)partitions[i].partition, (int)partitions[i].leader);
        if (pair == NULL || PyList_SetItem(list, (Py_ssize_t)i, pair) < 0)
            Py_CLEAR(list);
    }
    return list;
}

/* A list of (partition, leader); or NULL and `*waits`, without an exception. */
static PyObject *try_partitions(Core *core, PyObject *topic, uint64_t *ticket, bool *waits)
{
    const char *text;
    int64_t length;
    *waits = false;
    if (text_of(topic, "topic", &text, &length) < 0)
        return NULL;
    size_t room = PARTITIONS_AT_FIRST, count = 0;
    for (;;) {
        ottla_partition_t *partitions = PyMem_Calloc(room, sizeof *partitions);
        if (partitions == NULL)
            return PyErr_NoMemory();
        ottla_error_t *error = NULL;
        int32_t status =
            ottla_producer_try_partitions_for(core->handle, text, length, partitions,
                                              sizeof *partitions, room, &count, ticket, &error);
        PyObject *list = status == 0 && count <= room ? list_of(partitions, count) : NULL;
        PyMem_Free(partitions);
        if (status == OTTLA_WOULD_BLOCK) {
            ottla_error_free(error);
            *waits = true;
            return NULL;
        }
        if (status != 0)
            return raise_error(status, error);
        if (count <= room)
            return list;
        room = count;
    }
}

/* For asyncio: (topic, ticket). A list, or a ticket to wait for. */
PyObject *producer_try_partitions(PyObject *self, PyObject *args)
{
    Core *core = ((Producer *)self)->core;
    PyObject *topic;
    unsigned long long number;
    if (!PyArg_ParseTuple(args, "OK", &topic, &number) || check_usable(core) < 0)
        return NULL;
    uint64_t ticket = number;
    bool waits;
    PyObject *list = try_partitions(core, topic, &ticket, &waits);
    return waits ? PyLong_FromUnsignedLongLong(ticket) : list;
}

static bool ticket_ready(Core *core, Waiter *waiter, void *context)
{
    (void)context;
    return waiter->ticket_ready || core->closing;
}

PyObject *producer_partitions_for(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"topic", "timeout", NULL};
    Core *core = ((Producer *)self)->core;
    PyObject *topic, *timeout = Py_None;
    double seconds;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O", names, &topic, &timeout) ||
        seconds_of(timeout, &seconds) < 0 || check_usable(core) < 0)
        return NULL;
    double deadline = seconds < 0 ? -1 : monotonic() + seconds;
    uint64_t ticket = 0;
    for (;;) {
        bool waits;
        PyObject *list = try_partitions(core, topic, &ticket, &waits);
        if (!waits)
            return list;
        Waiter waiter = {.ticket = ticket};
        int status = core_wait(core, &waiter, deadline, ticket_ready, NULL);
        if (status == 0 && core->closing) {
            raise_status(OTTLA_CLOSED, "the producer was closed meanwhile");
            status = -1;
        }
        if (status != 0) {
            give_up_ticket(core, ticket);
            return NULL;
        }
    }
}
