/* The shared part of a producer: its handle, its configuration, its end. */
#include "ottla_native.h"

#include <sys/eventfd.h>
#include <unistd.h>

PyTypeObject *CoreType;

/* Keeps a log line for ottla/_log.py: the library calls this while it reads reports or closes, and
 * Python's own logging may do anything. */
static void keep_line(int32_t level, const char *text, int64_t length, void *user)
{
    Core *core = user;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *line = Py_BuildValue(
        "(iN)", (int)level, PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, "replace"));
    if (line == NULL || PyList_Append(core->lines, line) < 0)
        PyErr_Clear();
    Py_XDECREF(line);
    PyErr_Restore(type, value, trace);
    PyGILState_Release(gil);
}

static PyObject *bytes_or_none(const void *data, int64_t length)
{
    if (length < 0)
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)length);
}

/* Runs on the thread that sends, inside the library. An exception becomes the cause of the error
 * that the send then raises. */
static int32_t choose_partition(const char *topic, int64_t topic_length, const void *key,
                                int64_t key_length, const void *value, int64_t value_length,
                                int32_t count, void *user)
{
    Core *core = user;
    PyGILState_STATE gil = PyGILState_Ensure();
    long partition = -2;
    PyObject *chosen = PyObject_CallFunction(
        core->partitioner, "NNNi",
        PyUnicode_DecodeUTF8(topic, (Py_ssize_t)topic_length, "replace"),
        bytes_or_none(key, key_length), bytes_or_none(value, value_length), (int)count);
    if (chosen == Py_None)
        partition = -1;
    else if (chosen != NULL)
        partition = PyLong_AsLong(chosen);
    /* The library's -1 is None here: a partitioner that answers it has made a mistake. */
    if (chosen != NULL && chosen != Py_None && partition == -1 && !PyErr_Occurred())
        partition = -2;
    Py_XDECREF(chosen);
    if (PyErr_Occurred()) {
        PyObject *type, *raised, *trace;
        PyErr_Fetch(&type, &raised, &trace);
        PyErr_NormalizeException(&type, &raised, &trace);
        if (trace != NULL)
            PyException_SetTraceback(raised, trace);
        Py_XDECREF(type);
        Py_XDECREF(trace);
        Py_XDECREF(core->partitioner_error);
        core->partitioner_error = raised;
        partition = -2;
    }
    if (partition < INT32_MIN || partition > INT32_MAX)
        partition = -2;
    PyGILState_Release(gil);
    return (int32_t)partition;
}

static int set_all(ottla_config_t *config, PyObject *pairs)
{
    for (Py_ssize_t i = 0; i < PyList_Size(pairs); i++) {
        const char *key, *value;
        ottla_error_t *error = NULL;
        PyObject *pair = PyList_GetItem(pairs, i);
        int64_t length;
        if (text_of(PyTuple_GetItem(pair, 0), "a configuration key", &key, &length) < 0 ||
            text_of(PyTuple_GetItem(pair, 1), "a configuration value", &value, &length) < 0)
            return -1;
        int32_t status = ottla_config_set(config, key, value, &error);
        if (status != 0) {
            raise_error(status, error);
            return -1;
        }
    }
    return 0;
}

/* `config` is a list of pairs of texts. */
Core *core_new(PyObject *config, PyObject *partitioner, PyObject *prepare,
               PyObject *on_acknowledgement, PyObject *on_log)
{
    Core *core = PyObject_GC_New(Core, CoreType);
    if (core == NULL)
        return NULL;
    memset((char *)core + sizeof(PyObject), 0, sizeof *core - sizeof(PyObject));
    core->event_fd = core->wake_fd = -1;
    pthread_mutex_init(&core->lock, NULL);
    core->partitioner = unless_none(partitioner);
    core->prepare = unless_none(prepare);
    core->on_acknowledgement = unless_none(on_acknowledgement);
    core->on_log = unless_none(on_log);
    core->lines = PyList_New(0);
    core->told = PySet_New(NULL);
    PyObject_GC_Track((PyObject *)core);
    ottla_config_t *settings = NULL;
    ottla_error_t *error = NULL;
    ottla_config_new(&settings);
    int status = core->lines == NULL || core->told == NULL ? -1 : set_all(settings, config);
    if (status == 0) {
        ottla_config_set_log_callback(settings, keep_line, core);
        if (core->partitioner != NULL)
            ottla_config_set_partitioner(settings, choose_partition, core);
        status = ottla_producer_new(settings, &core->handle, &error);
        if (status != 0)
            raise_error(status, error);
    }
    ottla_config_free(settings);
    if (status != 0) {
        core->closed = true;
        Py_DECREF(core);
        return NULL;
    }
    return core;
}

/* Ends the library's producer without waiting and completes what is pending: so references that
 * its reports hold come back. -1 raised. */
int core_end(Core *core)
{
    if (core->closed || core->handle == NULL)
        return 0;
    ottla_error_t *error = NULL;
    int32_t status;
    Py_BEGIN_ALLOW_THREADS
    status = ottla_producer_close(core->handle, 0, &error);
    Py_END_ALLOW_THREADS
    if (status != 0 && status != OTTLA_CLOSED_FORCEFULLY) {
        raise_error(status, error);
        return -1;
    }
    core->closing = true;
    if (core_drain(core, NULL) < 0) {
        ottla_error_free(error);
        return -1;
    }
    core->closed = true;
    core_wake(core, false);
    if (status != 0) {
        raise_error(status, error);
        return -1;
    }
    return 0;
}

static int core_traverse(PyObject *self, visitproc visit, void *arg)
{
    Core *core = (Core *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(core->partitioner);
    Py_VISIT(core->prepare);
    Py_VISIT(core->on_acknowledgement);
    Py_VISIT(core->on_log);
    Py_VISIT(core->loop);
    Py_VISIT(core->awake);
    Py_VISIT(core->promised);
    Py_VISIT(core->lines);
    Py_VISIT(core->told);
    Py_VISIT(core->partitioner_error);
    return 0;
}

static int core_clear(PyObject *self)
{
    Core *core = (Core *)self;
    Py_CLEAR(core->prepare);
    Py_CLEAR(core->on_acknowledgement);
    Py_CLEAR(core->on_log);
    Py_CLEAR(core->loop);
    Py_CLEAR(core->awake);
    Py_CLEAR(core->promised);
    Py_CLEAR(core->partitioner_error);
    return 0;
}

/* Nothing is pending here: deliveries that are keep their core. */
static void core_dealloc(PyObject *self)
{
    Core *core = (Core *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    ottla_producer_t *handle = core->handle;
    if (handle != NULL) {
        Py_BEGIN_ALLOW_THREADS
        ottla_producer_free(handle);
        Py_END_ALLOW_THREADS
    }
    core_clear(self);
    Py_CLEAR(core->partitioner);
    Py_CLEAR(core->lines);
    Py_CLEAR(core->told);
    if (core->wake_fd >= 0)
        close(core->wake_fd);
    pthread_mutex_destroy(&core->lock);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyType_Slot core_slots[] = {
    {Py_tp_doc, "The shared part of a producer."},
    {Py_tp_traverse, core_traverse},
    {Py_tp_clear, core_clear},
    {Py_tp_dealloc, core_dealloc},
    {0, NULL},
};

static PyType_Spec core_spec = {
    .name = "ottla._native.Core",
    .basicsize = sizeof(Core),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = core_slots,
};

int core_type(PyObject *module)
{
    (void)module;
    CoreType = (PyTypeObject *)PyType_FromSpec(&core_spec);
    return CoreType == NULL ? -1 : 0;
}
