/* Sending: what ottla.aio's send gives, a coroutine made by hand. One in Python with a future in
 * it would cost as much as everything else of a send.
 *
 * Nothing is sent before it is awaited. The way that waits for nothing but the report is here;
 * where something else has to be waited for, a coroutine in Python does it and this one passes all
 * on. */
#include "ottla_native.h"

typedef enum { NEW, REPORT, INNER, ENDED } Stage;

typedef struct {
    PyObject_HEAD
    PyObject *owner; /* the producer */
    Core *core;
    PyObject *given[6]; /* topic, value, key, headers, partition, timestamp_ms */
    PyObject *inner;    /* the coroutine in Python */
    PyObject *inner_waits_for; /* a future, or None */
    PyObject *wait;
    Delivery *delivery;
    Stage stage;
} Sending;

static PyTypeObject *SendingType;
static PyObject *slowly_name;
static Signature of_send = {.function = "send", .count = 6, .positional = 4, .needs_first = true};

PyObject *producer_sending(PyObject *self, PyObject *const *args, Py_ssize_t count,
                           PyObject *keywords)
{
    Core *core = ((Producer *)self)->core;
    PyObject *given[6];
    if (check_made(core) < 0 ||
        sort_arguments(&of_send, args, count, keywords, given) < 0)
        return NULL;
    Sending *sending = PyObject_GC_New(Sending, SendingType);
    if (sending == NULL)
        return NULL;
    memset((char *)sending + sizeof(PyObject), 0, sizeof *sending - sizeof(PyObject));
    sending->owner = Py_NewRef(self);
    sending->core = (Core *)Py_NewRef((PyObject *)core);
    for (int i = 0; i < 6; i++)
        sending->given[i] = Py_NewRef(given[i] == NULL ? Py_None : given[i]);
    PyObject_GC_Track((PyObject *)sending);
    return (PyObject *)sending;
}

static int sending_traverse(PyObject *object, visitproc visit, void *arg)
{
    Sending *self = (Sending *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->owner);
    Py_VISIT(self->core);
    for (int i = 0; i < 6; i++)
        Py_VISIT(self->given[i]);
    Py_VISIT(self->inner);
    Py_VISIT(self->inner_waits_for);
    Py_VISIT(self->wait);
    Py_VISIT(self->delivery);
    return 0;
}

static int sending_clear(PyObject *object)
{
    Sending *self = (Sending *)object;
    for (int i = 0; i < 6; i++)
        Py_CLEAR(self->given[i]);
    Py_CLEAR(self->owner);
    Py_CLEAR(self->inner);
    Py_CLEAR(self->inner_waits_for);
    Py_CLEAR(self->wait);
    Py_CLEAR(self->delivery);
    return 0;
}

static void sending_dealloc(PyObject *object)
{
    Sending *self = (Sending *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->stage == NEW) {
        PyObject *type_, *value, *trace;
        PyErr_Fetch(&type_, &value, &trace);
        /* Where warnings are errors: this object has no references left to be told of with. */
        if (PyErr_WarnEx(PyExc_RuntimeWarning,
                         "ottla.aio: send was never awaited: nothing was sent", 1) < 0)
            PyErr_WriteUnraisable(self->owner);
        PyErr_Restore(type_, value, trace);
    }
    sending_clear(object);
    Py_CLEAR(self->core);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static void refuse_second_task(void)
{
    PyErr_SetString(PyExc_RuntimeError, "coroutine is being awaited already");
}

/* 1 if what the first task waits for is still to come: this is another task. -1 raised. */
static int inner_is_awaited(Sending *self)
{
    PyObject *future = self->inner_waits_for;
    if (future == NULL || future == Py_None)
        return 0;
    PyObject *done = PyObject_CallMethod(future, "done", NULL);
    Py_XDECREF(done);
    return done == NULL ? -1 : done == Py_False;
}

/* Passes a step on to the coroutine in Python. */
static PySendResult step_inner(Sending *self, PyObject *value, PyObject **result)
{
    int awaited = inner_is_awaited(self);
    if (awaited > 0)
        refuse_second_task();
    if (awaited != 0)
        return PYGEN_ERROR;
    PySendResult sent = PyIter_Send(self->inner, value, result);
    Py_CLEAR(self->inner_waits_for);
    if (sent == PYGEN_NEXT)
        self->inner_waits_for = Py_NewRef(*result);
    else
        self->stage = ENDED;
    return sent;
}

static PySendResult begin_inner(Sending *self, uint64_t ticket, PyObject **result)
{
    PyObject **given = self->given;
    PyObject *number = PyLong_FromUnsignedLongLong(ticket);
    self->stage = ENDED;
    if (number == NULL)
        return PYGEN_ERROR;
    self->inner = PyObject_CallMethodObjArgs(self->owner, slowly_name, number, given[0], given[1],
                                             given[2], given[3], given[4], given[5], NULL);
    Py_DECREF(number);
    if (self->inner == NULL)
        return PYGEN_ERROR;
    self->stage = INNER;
    return step_inner(self, Py_None, result);
}

static PySendResult begin(Sending *self, PyObject **result)
{
    Core *core = self->core;
    self->stage = ENDED;
    if (check_usable(core) < 0)
        return PYGEN_ERROR;
    /* In another loop the task could not wait for the report: the Python way refuses it. */
    int here = runs_here(core);
    if (here < 0)
        return PYGEN_ERROR;
    if (!here || core->prepare != NULL)
        return begin_inner(self, 0, result);
    PyObject **given = self->given;
    Parts parts = {given[0], given[1], given[2], given[3], given[4], given[5]};
    Delivery *delivery = delivery_new(core, given[0]);
    if (delivery == NULL)
        return PYGEN_ERROR;
    if ((delivery->future = wait_new(core)) == NULL) {
        Py_DECREF((PyObject *)delivery);
        return PYGEN_ERROR;
    }
    uint64_t ticket = 0;
    Py_INCREF((PyObject *)delivery); /* The report's reference. */
    core->pending++;
    int status = send_parts(core, &parts, (uint64_t)(uintptr_t)delivery, 0, &ticket);
    if (status != 0) {
        core->pending--;
        Py_DECREF((PyObject *)delivery);
        Py_DECREF((PyObject *)delivery);
        return status < 0 ? PYGEN_ERROR : begin_inner(self, ticket, result);
    }
    core_promise(core, (PyObject *)delivery);
    self->delivery = delivery;
    self->stage = REPORT;
    self->wait = Py_NewRef(delivery->future);
    *result = Py_NewRef(self->wait);
    return PYGEN_NEXT;
}

/* The task was woken: here is the report, or its error. */
static PySendResult end(Sending *self, PyObject **result)
{
    const Outcome *out = &self->delivery->own;
    if (has_task(self->wait)) {
        refuse_second_task();
        return PYGEN_ERROR;
    }
    if (!is_done(out)) {
        /* Woken by something else: it goes on waiting. */
        wait_again(self->wait);
        *result = Py_NewRef(self->wait);
        return PYGEN_NEXT;
    }
    self->stage = ENDED;
    if (out->status == 0) {
        *result = Py_NewRef((PyObject *)self->delivery);
        return PYGEN_RETURN;
    }
    PyObject *error = delivery_error(out, self->delivery->reason);
    if (error != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    return PYGEN_ERROR;
}

static PySendResult sending_step(PyObject *object, PyObject *value, PyObject **result)
{
    Sending *self = (Sending *)object;
    *result = NULL;
    switch (self->stage) {
    case NEW:
        return begin(self, result);
    case REPORT:
        return end(self, result);
    case INNER:
        return step_inner(self, value, result);
    default:
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
}

static PyObject *iterator_answer(PySendResult sent, PyObject *result)
{
    if (sent != PYGEN_RETURN)
        return result;
    PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
    if (stop != NULL)
        PyErr_SetObject(PyExc_StopIteration, stop);
    Py_XDECREF(stop);
    Py_XDECREF(result);
    return NULL;
}

static PyObject *sending_next(PyObject *object)
{
    PyObject *result;
    PySendResult sent = sending_step(object, Py_None, &result);
    return iterator_answer(sent, result);
}

static PyObject *sending_send(PyObject *object, PyObject *value)
{
    PyObject *result;
    PySendResult sent = sending_step(object, value, &result);
    return iterator_answer(sent, result);
}

/* What is accepted is delivered, whatever becomes of the task. */
static PyObject *sending_throw(PyObject *object, PyObject *args)
{
    Sending *self = (Sending *)object;
    if (self->stage == INNER) {
        PyObject *throw = PyObject_GetAttrString(self->inner, "throw");
        PyObject *result = throw == NULL ? NULL : PyObject_Call(throw, args, NULL);
        Py_XDECREF(throw);
        Py_CLEAR(self->inner_waits_for);
        if (result == NULL)
            self->stage = ENDED;
        else
            self->inner_waits_for = Py_NewRef(result);
        return result;
    }
    self->stage = ENDED;
    PyObject *type, *value = NULL, *trace = NULL;
    if (!PyArg_ParseTuple(args, "O|OO", &type, &value, &trace))
        return NULL;
    if (PyExceptionInstance_Check(type)) {
        value = type;
        type = (PyObject *)Py_TYPE(type);
    }
    PyErr_Restore(Py_NewRef(type), Py_XNewRef(value),
                  trace == Py_None ? NULL : Py_XNewRef(trace));
    return NULL;
}

static PyObject *sending_close(PyObject *object, PyObject *unused)
{
    (void)unused;
    Sending *self = (Sending *)object;
    Stage before = self->stage;
    self->stage = ENDED;
    if (before == INNER)
        return PyObject_CallMethod(self->inner, "close", NULL);
    Py_RETURN_NONE;
}

/* `await` of what another task awaits would take the wake-up from that. */
static PyObject *sending_await(PyObject *object)
{
    Stage stage = ((Sending *)object)->stage;
    if (stage == REPORT || stage == INNER) {
        refuse_second_task();
        return NULL;
    }
    return Py_NewRef(object);
}

static PyObject *sending_name(PyObject *object, void *name)
{
    (void)object;
    return PyUnicode_FromString(name);
}

/* By these names asyncio tells what a task does. */
static PyGetSetDef sending_getset[] = {
    {"__name__", sending_name, NULL, NULL, "send"},
    {"__qualname__", sending_name, NULL, NULL, "Producer.send"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef sending_methods[] = {
    {"send", sending_send, METH_O, NULL},
    {"throw", sending_throw, METH_VARARGS, NULL},
    {"close", sending_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot sending_slots[] = {
    {Py_tp_doc, "The coroutine of a send."},
    {Py_tp_traverse, sending_traverse},
    {Py_tp_clear, sending_clear},
    {Py_tp_dealloc, sending_dealloc},
    {Py_tp_methods, sending_methods},
    {Py_tp_getset, sending_getset},
    {Py_am_await, sending_await},
    {Py_am_send, sending_step},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, sending_next},
    {0, NULL},
};

static PyType_Spec sending_spec = {
    .name = "ottla._native._Sending",
    .basicsize = sizeof(Sending),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = sending_slots,
};

int sending_types(PyObject *module)
{
    static const char *const texts[6] = {"topic",   "value",     "key",
                                         "headers", "partition", "timestamp_ms"};
    (void)module;
    if (signature_names(&of_send, texts) < 0)
        return -1;
    slowly_name = PyUnicode_InternFromString("_send_slowly");
    SendingType = (PyTypeObject *)PyType_FromSpec(&sending_spec);
    return SendingType == NULL || slowly_name == NULL ? -1 : 0;
}
