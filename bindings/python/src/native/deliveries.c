/* Deliveries: what send_many gives back, one promise for many records. Each record takes a few
 * bytes here; its Delivery is only made when somebody asks for it. */
#include "ottla_native.h"

PyTypeObject *DeliveriesType;

/* Takes the records, of which none is sent yet. */
Deliveries *deliveries_new(Core *core, PyObject *topic, PyObject *records)
{
    Deliveries *self = PyObject_GC_New(Deliveries, DeliveriesType);
    if (self == NULL)
        return NULL;
    memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
    live_deliveries++;
    self->core = (Core *)Py_NewRef((PyObject *)core);
    Py_INCREF(topic);
    self->topic = topic;
    self->records = PyList_Check(records) ? Py_NewRef(records) : PySequence_List(records);
    PyObject_GC_Track((PyObject *)self);
    if (self->records != NULL) {
        self->size = PyList_Size(self->records);
        self->outcomes = PyMem_Malloc(((size_t)self->size + 1) * sizeof *self->outcomes);
        if (self->outcomes == NULL)
            PyErr_NoMemory();
    }
    if (self->outcomes == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return self;
}

static int deliveries_traverse(PyObject *object, visitproc visit, void *arg)
{
    Deliveries *self = (Deliveries *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->core);
    Py_VISIT(self->records);
    Py_VISIT(self->prepared);
    Py_VISIT(self->on_delivery);
    Py_VISIT(self->opaque);
    Py_VISIT(self->future);
    return 0;
}

static int deliveries_clear(PyObject *object)
{
    Deliveries *self = (Deliveries *)object;
    Py_CLEAR(self->records);
    Py_CLEAR(self->prepared);
    Py_CLEAR(self->on_delivery);
    Py_CLEAR(self->opaque);
    Py_CLEAR(self->future);
    return 0;
}

static void free_texts(PyObject **texts, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; texts != NULL && i < size; i++)
        Py_CLEAR(texts[i]);
    PyMem_Free(texts);
}

static void deliveries_dealloc(PyObject *object)
{
    Deliveries *self = (Deliveries *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    deliveries_clear(object);
    free_texts(self->reasons, self->size);
    free_texts(self->topics, self->size);
    PyMem_Free(self->timestamps);
    PyMem_Free(self->outcomes);
    Py_CLEAR(self->core);
    Py_CLEAR(self->topic);
    live_deliveries--;
    PyObject_GC_Del(object);
    Py_DECREF(type);
}

static Py_ssize_t deliveries_length(PyObject *object)
{
    return ((Deliveries *)object)->sent;
}

static PyObject *deliveries_item(PyObject *object, Py_ssize_t index)
{
    Deliveries *self = (Deliveries *)object;
    if (index < 0 || index >= self->sent) {
        PyErr_SetString(PyExc_IndexError, "there are not so many records");
        return NULL;
    }
    return (PyObject *)delivery_of(self, index);
}

PyObject *deliveries_error(Deliveries *self, Py_ssize_t index)
{
    return delivery_error(&self->outcomes[index],
                          self->reasons == NULL ? NULL : self->reasons[index]);
}

int64_t deliveries_timestamp(Deliveries *self, Py_ssize_t index)
{
    return self->timestamps == NULL ? -1 : self->timestamps[index];
}

int deliveries_keep_topic(Deliveries *self, Py_ssize_t index, PyObject *topic)
{
    if (self->topics == NULL &&
        (self->topics = PyMem_Calloc((size_t)self->size, sizeof *self->topics)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_XDECREF(self->topics[index]); /* It had to wait, and comes again. */
    self->topics[index] = Py_NewRef(topic);
    return 0;
}

PyObject *deliveries_topic(Deliveries *self, Py_ssize_t index)
{
    PyObject *own = self->topics == NULL ? NULL : self->topics[index];
    return own == NULL ? self->topic : own;
}

/* Without memory a time is not known, and a reason is the status's own text. */
void deliveries_keep(Deliveries *self, Py_ssize_t index, const ottla_report_t *report)
{
    size_t size = (size_t)self->size;
    if (report->timestamp_ms >= 0 && self->timestamps == NULL) {
        self->timestamps = PyMem_Malloc(size * sizeof *self->timestamps);
        for (size_t i = 0; self->timestamps != NULL && i < size; i++)
            self->timestamps[i] = -1;
    }
    if (self->timestamps != NULL)
        self->timestamps[index] = report->timestamp_ms;
    if (report->reason != NULL && self->reasons == NULL)
        self->reasons = PyMem_Calloc(size, sizeof *self->reasons);
    if (self->reasons != NULL)
        self->reasons[index] = reason_of(report);
}

static bool has_failed(const Outcome *out)
{
    return is_done(out) && out->status != 0;
}

static bool all_done(Core *core, Waiter *waiter, void *context)
{
    (void)core;
    (void)waiter;
    return ((Deliveries *)context)->pending == 0;
}

static int wait_all(Deliveries *self, PyObject *timeout)
{
    double seconds;
    if (seconds_of(timeout, &seconds) < 0)
        return -1;
    if (self->pending == 0)
        return 0;
    if (refuse_wait_beside_loop(self->core) < 0)
        return -1;
    Waiter waiter = {0};
    double deadline = seconds < 0 ? -1 : monotonic() + seconds;
    int status = core_wait(self->core, &waiter, deadline, all_done, self);
    if (status == 1) {
        PyObject *line = PyUnicode_FromFormat(
            "%zd of %zd records have no report yet; they may still be delivered", self->pending,
            self->sent);
        if (line != NULL)
            raise_status(OTTLA_TIMED_OUT, PyUnicode_AsUTF8AndSize(line, NULL));
        Py_XDECREF(line);
    }
    return status == 0 ? 0 : -1;
}

static PyObject *first_error(Deliveries *self)
{
    for (Py_ssize_t i = 0; self->failed > 0 && i < self->sent; i++)
        if (has_failed(&self->outcomes[i]))
            return deliveries_error(self, i);
    Py_RETURN_NONE;
}

/* The one argument `timeout`, by place or by name. */
static int timeout_of(PyObject *args, PyObject *keywords, PyObject **timeout)
{
    static char *names[] = {"timeout", NULL};
    *timeout = Py_None;
    return PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, timeout) ? 0 : -1;
}

static PyObject *deliveries_result(PyObject *object, PyObject *args, PyObject *keywords)
{
    Deliveries *self = (Deliveries *)object;
    PyObject *timeout;
    if (timeout_of(args, keywords, &timeout) < 0 || wait_all(self, timeout) < 0)
        return NULL;
    PyObject *error = first_error(self);
    if (error == Py_None) {
        Py_DECREF(error);
        return Py_NewRef(object);
    }
    if (error != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    return NULL;
}

static PyObject *deliveries_exception(PyObject *object, PyObject *args, PyObject *keywords)
{
    Deliveries *self = (Deliveries *)object;
    PyObject *timeout;
    if (timeout_of(args, keywords, &timeout) < 0 || wait_all(self, timeout) < 0)
        return NULL;
    return first_error(self);
}

static PyObject *deliveries_done(PyObject *object, PyObject *unused)
{
    (void)unused;
    Deliveries *self = (Deliveries *)object;
    /* An event loop reads reports by itself; futures are resolved there and nowhere else. */
    if (self->pending > 0 && self->core->loop == NULL && core_drain(self->core, NULL) < 0)
        return NULL;
    return PyBool_FromLong(self->complete && self->pending == 0);
}

static PyObject *get_failed(PyObject *object, void *unused)
{
    (void)unused;
    Deliveries *self = (Deliveries *)object;
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && self->failed > 0 && i < self->sent; i++) {
        if (!has_failed(&self->outcomes[i]))
            continue;
        PyObject *one = deliveries_item(object, i);
        if (one == NULL || PyList_Append(list, one) < 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *get_topic(PyObject *object, void *unused)
{
    (void)unused;
    return Py_NewRef(((Deliveries *)object)->topic);
}

static PyObject *get_opaque(PyObject *object, void *unused)
{
    (void)unused;
    PyObject *opaque = ((Deliveries *)object)->opaque;
    return Py_NewRef(opaque == NULL ? Py_None : opaque);
}

static PyObject *deliveries_repr(PyObject *object)
{
    Deliveries *self = (Deliveries *)object;
    return PyUnicode_FromFormat("<ottla.Deliveries to %U: %zd records, %zd pending, %zd failed>",
                                self->topic, self->sent, self->pending, self->failed);
}

static PyGetSetDef deliveries_getset[] = {
    {"topic", get_topic, NULL, "The topic.", NULL},
    {"failed", get_failed, NULL, "The deliveries that have failed so far.", NULL},
    {"opaque", get_opaque, NULL, "What the application gave its records.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef deliveries_methods[] = {
    {"result", (PyCFunction)(void (*)(void))deliveries_result, METH_VARARGS | METH_KEYWORDS,
     "result($self, timeout=None)\n--\n\nWaits for all reports and returns this object. Raises "
     "the error of the first record that failed, and TimeoutError after `timeout` seconds."},
    {"exception", (PyCFunction)(void (*)(void))deliveries_exception,
     METH_VARARGS | METH_KEYWORDS,
     "exception($self, timeout=None)\n--\n\nWaits for all reports and returns the error of the "
     "first record that failed, or None."},
    {"done", deliveries_done, METH_NOARGS,
     "done($self)\n--\n\nWhether all reports are there. Reads reports, and never waits."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot deliveries_slots[] = {
    {Py_tp_doc, "The deliveries of many records, in their order."},
    {Py_tp_traverse, deliveries_traverse},
    {Py_tp_clear, deliveries_clear},
    {Py_tp_dealloc, deliveries_dealloc},
    {Py_tp_repr, deliveries_repr},
    {Py_tp_methods, deliveries_methods},
    {Py_tp_getset, deliveries_getset},
    {Py_tp_iter, PySeqIter_New},
    {Py_sq_length, deliveries_length},
    {Py_sq_item, deliveries_item},
    {0, NULL},
};

static PyType_Spec deliveries_spec = {
    .name = "ottla._native.Deliveries",
    .basicsize = sizeof(Deliveries),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = deliveries_slots,
};

int deliveries_type(PyObject *module)
{
    DeliveriesType = (PyTypeObject *)PyType_FromSpec(&deliveries_spec);
    if (DeliveriesType == NULL)
        return -1;
    return PyModule_AddObjectRef(module, "Deliveries", (PyObject *)DeliveriesType);
}
