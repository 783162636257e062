/* Producer: the type behind ottla.Producer and ottla.aio.Producer. */
#include "ottla_native.h"

static PyObject *open_producer(PyObject *self, PyObject *args)
{
    PyObject *config, *partitioner, *prepare, *on_acknowledgement, *on_log;
    if (!PyArg_ParseTuple(args, "O!OOOO", &PyList_Type, &config, &partitioner, &prepare,
                          &on_acknowledgement, &on_log))
        return NULL;
    Producer *producer = (Producer *)self;
    if (producer->core != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "Producer.__init__ was called twice");
        return NULL;
    }
    producer->core = core_new(config, partitioner, prepare, on_acknowledgement, on_log);
    if (producer->core == NULL)
        return NULL;
    Py_RETURN_NONE;
}

static int refuse_in_callback(Core *core, const char *call)
{
    if (!core_in_callback(core))
        return 0;
    PyObject *line = PyUnicode_FromFormat(
        "%s inside a callback of the same producer would never return", call);
    if (line != NULL)
        raise_status(OTTLA_IN_CALLBACK, PyUnicode_AsUTF8AndSize(line, NULL));
    Py_XDECREF(line);
    return -1;
}

typedef struct {
    uint64_t mark;
    bool done;
    bool refused; /* by the library, which raised */
    bool raised;
} Flush;

int try_flush(Core *core, uint64_t *mark)
{
    ottla_error_t *error = NULL;
    int32_t status = ottla_producer_try_flush(core->handle, mark, &error);
    if (status == 0)
        return 0;
    if (status == OTTLA_WOULD_BLOCK) {
        ottla_error_free(error);
        return 1;
    }
    raise_error(status, error);
    return -1;
}

/* All before the mark is done, the reports are read, and the callbacks have returned. */
static bool flushed(Core *core, Waiter *waiter, void *context)
{
    Flush *flush = context;
    (void)waiter;
    if (!flush->done) {
        int status = try_flush(core, &flush->mark);
        if (status == 1)
            return false;
        flush->done = status == 0;
        flush->refused = flush->raised = status < 0;
    }
    flush->raised = flush->raised || core_drain(core, NULL) < 0;
    return flush->raised || core_is_idle(core);
}

/* 0, 1 too late, -1 raised; `*refused` says whether what was raised is the library's own answer. */
static int flush_until(Core *core, double deadline, bool *refused)
{
    Flush flush = {0};
    Waiter waiter = {0};
    /* The mark is made before the wait reads reports, and the callbacks of these send more. */
    int begun = try_flush(core, &flush.mark);
    *refused = begun < 0;
    if (begun < 0)
        return -1;
    flush.done = begun == 0;
    int waited = core_wait(core, &waiter, deadline, flushed, &flush);
    *refused = flush.refused;
    return flush.raised ? -1 : waited;
}

static PyObject *flush(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    Core *core = ((Producer *)self)->core;
    PyObject *timeout = Py_None;
    double seconds;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, &timeout) ||
        seconds_of(timeout, &seconds) < 0 || check_made(core) < 0)
        return NULL;
    if (core->closed)
        Py_RETURN_NONE; /* Everything has its outcome. */
    if (refuse_in_callback(core, "flush") < 0)
        return NULL;
    bool refused;
    int status = flush_until(core, seconds < 0 ? -1 : monotonic() + seconds, &refused);
    if (status == 1) {
        PyObject *line =
            PyUnicode_FromFormat("flush: %lld records have no outcome yet", core->pending);
        if (line != NULL)
            raise_status(OTTLA_TIMED_OUT, PyUnicode_AsUTF8AndSize(line, NULL));
        Py_XDECREF(line);
    }
    if (status != 0)
        return NULL;
    Py_RETURN_NONE;
}

static bool some_report(Core *core, Waiter *waiter, void *context)
{
    (void)waiter;
    return core->finished != *(uint64_t *)context || core->closed;
}

static PyObject *poll_(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    Core *core = ((Producer *)self)->core;
    PyObject *timeout = NULL;
    double seconds = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, &timeout) ||
        (timeout != NULL && seconds_of(timeout, &seconds) < 0) || check_usable(core) < 0)
        return NULL;
    Waiter waiter = {0};
    uint64_t before = core->finished;
    int status = seconds == 0 ? core_drain(core, NULL)
                              : core_wait(core, &waiter, seconds < 0 ? -1 : monotonic() + seconds,
                                          some_report, &before);
    if (status < 0)
        return NULL;
    return PyLong_FromUnsignedLongLong(core->finished - before);
}

/* Waits like flush, for as long as is given, and then ends what is left. */
static PyObject *close_(PyObject *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    Core *core = ((Producer *)self)->core;
    PyObject *timeout = Py_None;
    double seconds;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, &timeout) ||
        seconds_of(timeout, &seconds) < 0)
        return NULL;
    if (core == NULL || core->closed)
        Py_RETURN_NONE;
    if (refuse_in_callback(core, "close") < 0)
        return NULL;
    bool first = !core->closing, refused;
    core->closing = true;
    core_wake(core, false);
    double deadline = seconds < 0 ? -1 : monotonic() + seconds;
    if (seconds != 0 && flush_until(core, deadline, &refused) < 0) {
        int32_t fatal = ottla_producer_fatal_error(core->handle, NULL);
        if (!refused || fatal == 0 || fatal == OTTLA_FORKED) {
            core->closing = !first; /* Nothing is given up: it can be closed again. */
            return NULL;
        }
        PyErr_Clear(); /* After a fatal error there is nothing to wait for. */
    }
    if (core_end(core) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* No more records are taken from now on: the first half of a close that waits as a task. */
static PyObject *stop(PyObject *self, PyObject *unused)
{
    (void)unused;
    Core *core = ((Producer *)self)->core;
    ottla_error_t *error = NULL;
    if (core == NULL)
        Py_RETURN_NONE;
    int32_t fatal = ottla_producer_fatal_error(core->handle, &error);
    if (fatal == OTTLA_FORKED)
        return raise_error(fatal, error);
    ottla_error_free(error);
    core->closing = true;
    Py_RETURN_NONE;
}

static PyObject *interrupt(PyObject *self, PyObject *unused)
{
    (void)unused;
    Core *core = ((Producer *)self)->core;
    if (check_usable(core) < 0)
        return NULL;
    core_wake(core, true);
    Py_RETURN_NONE;
}

static PyObject *purge(PyObject *self, PyObject *args)
{
    Core *core = ((Producer *)self)->core;
    int flags;
    if (!PyArg_ParseTuple(args, "i", &flags) || check_usable(core) < 0)
        return NULL;
    ottla_error_t *error = NULL;
    int32_t status = ottla_producer_purge(core->handle, (uint32_t)flags, &error);
    if (status != 0)
        return raise_error(status, error);
    Py_RETURN_NONE;
}

static PyObject *metrics(PyObject *self, PyObject *unused)
{
    (void)unused;
    Core *core = ((Producer *)self)->core;
    int64_t length = 0, room = 4096;
    if (check_made(core) < 0)
        return NULL;
    for (;;) {
        char *text = PyMem_Malloc((size_t)room);
        if (text == NULL)
            return PyErr_NoMemory();
        int32_t status = ottla_producer_metrics(core->handle, text, (size_t)room, &length);
        PyObject *result = NULL;
        if (status != 0)
            raise_status(status, ottla_status_text(status));
        else if (length < room)
            result = PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, "strict");
        PyMem_Free(text);
        if (status != 0 || length < room)
            return result;
        room = length + 256;
    }
}

static PyObject *get_pending(PyObject *self, void *unused)
{
    (void)unused;
    Core *core = ((Producer *)self)->core;
    return PyLong_FromLongLong(core == NULL ? 0 : core->pending);
}

static PyObject *get_closed(PyObject *self, void *unused)
{
    (void)unused;
    Core *core = ((Producer *)self)->core;
    return PyBool_FromLong(core == NULL || core->closed);
}

/* Ends a producer that nobody closed. */
static int producer_clear(PyObject *self)
{
    Core *core = ((Producer *)self)->core;
    if (core == NULL)
        return 0;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (core_end(core) < 0)
        PyErr_Clear();
    PyErr_Restore(type, value, trace);
    Py_CLEAR(((Producer *)self)->core);
    return 0;
}

static int producer_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Producer *)self)->core);
    return 0;
}

static void producer_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    producer_clear(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyGetSetDef producer_getset[] = {
    {"pending", get_pending, NULL, "How many records have no report yet.", NULL},
    {"closed", get_closed, NULL, "Whether it is closed.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define FAST(function) (PyCFunction)(void (*)(void))(function)

/* What both producers have. */
static PyMethodDef base_methods[] = {
    {"_open", open_producer, METH_VARARGS, NULL},
    {"_try_send", FAST(producer_try_send), METH_FASTCALL, NULL},
    {"_begin_many", FAST(producer_begin_many), METH_FASTCALL, NULL},
    {"_resume_many", producer_resume_many, METH_O, NULL},
    {"_end_many", producer_end_many, METH_O, NULL},
    {"_event_fd", producer_event_fd, METH_NOARGS, NULL},
    {"_drain", producer_drain, METH_NOARGS, NULL},
    {"_break_promises", producer_break_promises, METH_VARARGS, NULL},
    {"_try_flush", producer_try_flush, METH_O, NULL},
    {"_cancel_ticket", producer_cancel_ticket, METH_O, NULL},
    {"_try_partitions", producer_try_partitions, METH_VARARGS, NULL},
    {"_purge", purge, METH_VARARGS, NULL},
    {"_metrics", metrics, METH_NOARGS, NULL},
    {"_close", FAST(close_), METH_VARARGS | METH_KEYWORDS, NULL},
    {"_stop", stop, METH_NOARGS, NULL},
    {"_attach", producer_attach, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef threads_methods[] = {
    {"send", FAST(producer_send), METH_FASTCALL | METH_KEYWORDS,
     "send($self, topic, value=None, key=None, headers=None, *, partition=None, "
     "timestamp_ms=None, on_delivery=None, opaque=None, report=True, timeout=None)\n--\n\n"
     "Sends a record and returns its Delivery. Returns before the record is on its way; waits only "
     "for metadata and for buffer memory, at most `timeout` seconds (None: max.block.ms). With "
     "report=False there is no report and None is returned."},
    {"send_many", FAST(producer_send_many), METH_FASTCALL | METH_KEYWORDS,
     "send_many($self, topic, records, *, on_delivery=None, opaque=None, timeout=None)\n--\n\n"
     "Sends records to a topic in their order: values, dicts of send's arguments, or Records. "
     "Returns the Deliveries. Of a record that is refused the error is raised, with the Deliveries "
     "of those before it as its attribute `deliveries`."},
    {"poll", FAST(poll_), METH_VARARGS | METH_KEYWORDS,
     "poll($self, timeout=0)\n--\n\nReads reports and runs their callbacks, waiting for the first "
     "at most `timeout` seconds (None: without limit). Returns how many reports were read."},
    {"flush", FAST(flush), METH_VARARGS | METH_KEYWORDS,
     "flush($self, timeout=None)\n--\n\nSends what was accepted without lingering, and waits "
     "until all of it is reported and the callbacks have run. Raises TimeoutError after `timeout` "
     "seconds."},
    {"close", FAST(close_), METH_VARARGS | METH_KEYWORDS,
     "close($self, timeout=None)\n--\n\nTakes no more records, waits until all accepted ones are "
     "reported, and ends the producer. What has no report after `timeout` seconds fails, and "
     "ClosedError is raised: the producer is closed all the same."},
    {"interrupt", interrupt, METH_NOARGS,
     "interrupt($self)\n--\n\nEnds the waits of other threads in this producer, with "
     "InterruptedError."},
    {"partitions_for", FAST(producer_partitions_for), METH_VARARGS | METH_KEYWORDS,
     "partitions_for($self, topic, timeout=None)\n--\n\nThe partitions of a topic as pairs of "
     "number and leader (-1 for none). Waits until the topic is known, at most `timeout` seconds "
     "and max.block.ms."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef tasks_methods[] = {
    {"send", FAST(producer_sending), METH_FASTCALL | METH_KEYWORDS,
     "send($self, topic, value=None, key=None, headers=None, *, partition=None, "
     "timestamp_ms=None)\n--\n\n"
     "A coroutine: sends a record and returns its report; raises if it was refused or not "
     "delivered.\n\nA task that is cancelled while its record waits for memory sends nothing. "
     "Cancelled later, the record is delivered all the same."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot base_slots[] = {
    {Py_tp_traverse, producer_traverse}, {Py_tp_clear, producer_clear},
    {Py_tp_dealloc, producer_dealloc},   {Py_tp_methods, base_methods},
    {Py_tp_getset, producer_getset},     {0, NULL},
};
static PyType_Slot threads_slots[] = {{Py_tp_methods, threads_methods}, {0, NULL}};
static PyType_Slot tasks_slots[] = {{Py_tp_methods, tasks_methods}, {0, NULL}};

#define SPEC(type_name, of_flags, of_slots)                                                        \
    {                                                                                              \
        .name = "ottla._native." type_name,                                                        \
        .basicsize = sizeof(Producer),                                                             \
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | (of_flags),                            \
        .slots = of_slots,                                                                         \
    }
static PyType_Spec base_spec = SPEC("Base", Py_TPFLAGS_HAVE_GC, base_slots);
static PyType_Spec threads_spec = SPEC("Producer", 0, threads_slots);
static PyType_Spec tasks_spec = SPEC("TaskProducer", 0, tasks_slots);

static int add_type(PyObject *module, PyType_Spec *spec, PyObject *base, const char *name)
{
    PyObject *bases = PyTuple_Pack(1, base);
    PyObject *type = bases == NULL ? NULL : PyType_FromSpecWithBases(spec, bases);
    Py_XDECREF(bases);
    int status = type == NULL ? -1 : PyModule_AddObjectRef(module, name, type);
    Py_XDECREF(type);
    return status;
}

int producer_type(PyObject *module)
{
    PyObject *base = PyType_FromSpec(&base_spec);
    if (base == NULL)
        return -1;
    int status = PyModule_AddObjectRef(module, "Base", base);
    if (status == 0)
        status = add_type(module, &threads_spec, base, "Producer");
    if (status == 0)
        status = add_type(module, &tasks_spec, base, "TaskProducer");
    Py_DECREF(base);
    return status;
}
