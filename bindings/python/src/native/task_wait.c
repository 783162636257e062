/* Wait: what a task waits for that has sent a record. Of asyncio's futures it is what a task needs
 * and no more; its task is woken by the event loop's look at the event fd, without a detour. */
#include "ottla_native.h"

/* See the file's comment. */
typedef struct {
    PyObject_HEAD
    Core *core;
    PyObject *wakeup; /* of the task, and its context */
    PyObject *context;
    PyObject *message; /* of the cancellation */
    bool blocking;
    bool cancelled;
} Wait;

static PyTypeObject *WaitType;
static PyObject *context_name, *call_soon_name, *run_name, *cancelled_error, *running_loop;

int task_wait_bind(PyObject *error, PyObject *get_running_loop)
{
    Py_INCREF(error);
    Py_XDECREF(cancelled_error);
    cancelled_error = error;
    Py_INCREF(get_running_loop);
    Py_XDECREF(running_loop);
    running_loop = get_running_loop;
    return 0;
}

int runs_here(Core *core)
{
    /* Woken by the loop just now; to ask asyncio is a system call in Python 3.11. */
    if (core->waking == PyThread_get_thread_ident())
        return 1;
    PyObject *loop = PyObject_CallFunctionObjArgs(running_loop, NULL);
    Py_XDECREF(loop);
    return loop == NULL ? -1 : loop == core->loop;
}

PyObject *wait_new(Core *core)
{
    Wait *self = PyObject_GC_New(Wait, WaitType);
    if (self == NULL)
        return NULL;
    memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
    self->core = (Core *)Py_NewRef((PyObject *)core);
    self->blocking = true;
    return (PyObject *)self;
}

static int wait_traverse(PyObject *object, visitproc visit, void *arg)
{
    Wait *self = (Wait *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->core);
    Py_VISIT(self->wakeup);
    Py_VISIT(self->context);
    Py_VISIT(self->message);
    return 0;
}

static int wait_clear(PyObject *object)
{
    Wait *self = (Wait *)object;
    Py_CLEAR(self->wakeup);
    Py_CLEAR(self->context);
    Py_CLEAR(self->message);
    return 0;
}

static void wait_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    wait_clear(object);
    Py_CLEAR(((Wait *)object)->core);
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

bool is_wait(PyObject *object)
{
    return Py_IS_TYPE(object, WaitType);
}

bool has_task(PyObject *object)
{
    return ((Wait *)object)->wakeup != NULL;
}

/* Wakes the task, here and now: it is the event loop that calls us. */
int wait_wake(PyObject *object)
{
    Wait *self = (Wait *)object;
    PyObject *wakeup = self->wakeup, *context = self->context;
    if (wakeup == NULL)
        return 0;
    self->wakeup = self->context = NULL;
    PyObject *result = PyObject_CallMethodObjArgs(context, run_name, wakeup, object, NULL);
    Py_DECREF(wakeup);
    Py_DECREF(context);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static PyObject *wait_get_loop(PyObject *object, PyObject *unused)
{
    (void)unused;
    PyObject *loop = ((Wait *)object)->core->loop;
    return Py_NewRef(loop == NULL ? Py_None : loop);
}

/* (wakeup, *, context) */
static PyObject *wait_add(PyObject *object, PyObject *const *args, Py_ssize_t count,
                          PyObject *keywords)
{
    Wait *self = (Wait *)object;
    if (count != 1 || keywords == NULL || PyTuple_Size(keywords) != 1 ||
        PyUnicode_Compare(PyTuple_GetItem(keywords, 0), context_name) != 0) {
        PyErr_SetString(PyExc_TypeError, "only a task may wait for this");
        return NULL;
    }
    self->wakeup = Py_NewRef(args[0]);
    self->context = Py_NewRef(args[1]);
    Py_RETURN_NONE;
}

/* The task is cancelled: it is woken in the loop's next round, and then asks for the result. */
static PyObject *wait_cancel(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *argument[] = {"msg", NULL};
    Wait *self = (Wait *)object;
    PyObject *message = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", argument, &message))
        return NULL;
    if (self->wakeup == NULL)
        Py_RETURN_FALSE;
    self->cancelled = true;
    self->message = Py_NewRef(message);
    PyObject *wakeup = self->wakeup, *context = self->context, *handle = NULL;
    self->wakeup = self->context = NULL;
    PyObject *call = PyObject_GetAttr(self->core->loop, call_soon_name);
    PyObject *positional = PyTuple_Pack(2, wakeup, object);
    PyObject *named = PyDict_New();
    if (call != NULL && positional != NULL && named != NULL &&
        PyDict_SetItem(named, context_name, context) == 0)
        handle = PyObject_Call(call, positional, named);
    Py_XDECREF(call);
    Py_XDECREF(positional);
    Py_XDECREF(named);
    Py_DECREF(wakeup);
    Py_DECREF(context);
    if (handle == NULL)
        return NULL;
    Py_DECREF(handle);
    Py_RETURN_TRUE;
}

static PyObject *wait_result(PyObject *object, PyObject *unused)
{
    (void)unused;
    Wait *self = (Wait *)object;
    if (!self->cancelled)
        Py_RETURN_NONE;
    PyObject *error = self->message == Py_None
                          ? PyObject_CallFunctionObjArgs(cancelled_error, NULL)
                          : PyObject_CallFunctionObjArgs(cancelled_error, self->message, NULL);
    if (error != NULL)
        PyErr_SetObject(cancelled_error, error);
    Py_XDECREF(error);
    return NULL;
}

static PyObject *wait_get_blocking(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((Wait *)object)->blocking);
}

static int wait_set_blocking(PyObject *object, PyObject *value, void *unused)
{
    (void)unused;
    int blocking = value == NULL ? 0 : PyObject_IsTrue(value);
    ((Wait *)object)->blocking = blocking == 1;
    return blocking < 0 ? -1 : 0;
}

static PyMethodDef wait_methods[] = {
    {"get_loop", wait_get_loop, METH_NOARGS, NULL},
    {"add_done_callback", (PyCFunction)(void (*)(void))wait_add, METH_FASTCALL | METH_KEYWORDS,
     NULL},
    {"cancel", (PyCFunction)(void (*)(void))wait_cancel, METH_VARARGS | METH_KEYWORDS, NULL},
    {"result", wait_result, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef wait_getset[] = {
    {"_asyncio_future_blocking", wait_get_blocking, wait_set_blocking, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot wait_slots[] = {
    {Py_tp_traverse, wait_traverse}, {Py_tp_clear, wait_clear},   {Py_tp_dealloc, wait_dealloc},
    {Py_tp_methods, wait_methods},   {Py_tp_getset, wait_getset}, {0, NULL},
};

static PyType_Spec wait_spec = {
    .name = "ottla._native._Wait",
    .basicsize = sizeof(Wait),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = wait_slots,
};

/* The task waits once more. */
void wait_again(PyObject *object)
{
    ((Wait *)object)->blocking = true;
}

int task_wait_type(void)
{
    context_name = PyUnicode_InternFromString("context");
    call_soon_name = PyUnicode_InternFromString("call_soon");
    run_name = PyUnicode_InternFromString("run");
    WaitType = (PyTypeObject *)PyType_FromSpec(&wait_spec);
    return WaitType == NULL || context_name == NULL || call_soon_name == NULL || run_name == NULL
               ? -1
               : 0;
}
