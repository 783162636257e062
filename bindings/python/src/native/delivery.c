/* Delivery: what send gives back. A promise until the report comes, then the report. */
#include "ottla_native.h"

PyTypeObject *DeliveryType;
int64_t live_deliveries;
static PyObject *state_class;

int state_bind(PyObject *class)
{
    Py_INCREF(class);
    Py_XDECREF(state_class);
    state_class = class;
    return 0;
}

/* Memory of deliveries that are gone, for the next ones: most live for a few milliseconds. */
enum { SPARES_MAX = 4096 };
static PyObject *spares[SPARES_MAX];
static int spare_count;

static Delivery *new_object(void)
{
#ifndef Py_GIL_DISABLED
    if (spare_count > 0)
        return (Delivery *)PyObject_Init(spares[--spare_count], DeliveryType);
#endif
    return PyObject_GC_New(Delivery, DeliveryType);
}

static void free_object(PyObject *object)
{
#ifndef Py_GIL_DISABLED
    if (spare_count < SPARES_MAX) {
        spares[spare_count++] = object;
        return;
    }
#endif
    PyObject_GC_Del(object);
}

/* Not tracked by the garbage collector: it holds nothing that could lead back to it, as long as
 * it has no `opaque` and no callback. */
Delivery *delivery_new(Core *core, PyObject *topic)
{
    Delivery *self = new_object();
    if (self == NULL)
        return NULL;
    self->own = (Outcome){0};
    self->timestamp_ms = -1;
    self->reason = self->owner = self->on_delivery = self->opaque = self->future = NULL;
    self->core = (Core *)Py_NewRef((PyObject *)core);
    self->topic = Py_NewRef(topic);
    live_deliveries++;
    return self;
}

/* A delivery of one that has its outcome, for whoever asks for it. */
Delivery *delivery_of(Deliveries *owner, Py_ssize_t index)
{
    Delivery *self = delivery_new(owner->core, deliveries_topic(owner, index));
    if (self == NULL)
        return NULL;
    self->owner = Py_NewRef((PyObject *)owner);
    self->index = index;
    self->opaque = Py_XNewRef(owner->opaque);
    PyObject_GC_Track((PyObject *)self);
    return self;
}

/* Whether `core` is what stands there. */
static bool has_core(Delivery *self)
{
    return !is_done(&self->own);
}

static int delivery_traverse(PyObject *object, visitproc visit, void *arg)
{
    Delivery *self = (Delivery *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->owner);
    if (has_core(self))
        Py_VISIT(self->core);
    Py_VISIT(self->on_delivery);
    Py_VISIT(self->opaque);
    Py_VISIT(self->future);
    return 0;
}

static int delivery_clear(PyObject *object)
{
    Delivery *self = (Delivery *)object;
    Py_CLEAR(self->on_delivery);
    Py_CLEAR(self->opaque);
    Py_CLEAR(self->future);
    return 0;
}

static void delivery_dealloc(PyObject *object)
{
    Delivery *self = (Delivery *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    delivery_clear(object);
    Py_CLEAR(self->owner);
    if (has_core(self))
        Py_CLEAR(self->core);
    Py_CLEAR(self->topic);
    Py_CLEAR(self->reason);
    live_deliveries--;
    free_object(object);
    Py_DECREF(type);
}

PyObject *delivery_error(const Outcome *out, PyObject *reason)
{
    if (!is_done(out) || out->status == 0)
        Py_RETURN_NONE;
    const char *text = reason == NULL ? NULL : PyUnicode_AsUTF8AndSize(reason, NULL);
    if (text == NULL) {
        PyErr_Clear();
        text = ottla_status_text(out->status);
    }
    return error_of(out->status, text, (out->flags & OTTLA_REPORT_RETRIABLE) != 0,
                    (out->flags & OTTLA_REPORT_FATAL) != 0);
}

static PyObject *own_error(Delivery *self)
{
    if (self->owner == NULL)
        return delivery_error(&self->own, self->reason);
    return deliveries_error((Deliveries *)self->owner, self->index);
}

static int wait_done(Delivery *self, PyObject *timeout)
{
    double seconds;
    if (seconds_of(timeout, &seconds) < 0)
        return -1;
    const Outcome *out = outcome_of(self);
    if (is_done(out))
        return 0;
    int status = core_wait_outcome(self->core, out, seconds);
    if (status == 1)
        raise_status(OTTLA_TIMED_OUT, "the record has no report yet; it may still be delivered");
    return status == 0 ? 0 : -1;
}

static PyObject *raise_outcome(Delivery *self)
{
    PyObject *error = own_error(self);
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

static Signature of_result = {.function = "result", .count = 1, .positional = 1};
static Signature of_exception = {.function = "exception", .count = 1, .positional = 1};

static PyObject *delivery_result(PyObject *object, PyObject *const *args, Py_ssize_t given,
                                 PyObject *keywords)
{
    Delivery *self = (Delivery *)object;
    PyObject *timeout;
    if (sort_arguments(&of_result, args, given, keywords, &timeout) < 0 ||
        wait_done(self, timeout) < 0)
        return NULL;
    if (outcome_of(self)->status != 0)
        return raise_outcome(self);
    Py_INCREF(object);
    return object;
}

static PyObject *delivery_exception(PyObject *object, PyObject *const *args, Py_ssize_t given,
                                    PyObject *keywords)
{
    Delivery *self = (Delivery *)object;
    PyObject *timeout;
    if (sort_arguments(&of_exception, args, given, keywords, &timeout) < 0 ||
        wait_done(self, timeout) < 0)
        return NULL;
    return own_error(self);
}

static PyObject *delivery_done(PyObject *object, PyObject *unused)
{
    (void)unused;
    Delivery *self = (Delivery *)object;
    const Outcome *out = outcome_of(self);
    if (!is_done(out) && self->core->loop == NULL && core_drain(self->core, NULL) < 0)
        return NULL;
    return PyBool_FromLong(is_done(out));
}

static PyObject *number_or_none(const Outcome *out, int64_t number)
{
    if (!is_done(out) || number < 0)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(number);
}

static PyObject *get_topic(PyObject *object, void *unused)
{
    (void)unused;
    PyObject *topic = ((Delivery *)object)->topic;
    Py_INCREF(topic);
    return topic;
}

static PyObject *get_partition(PyObject *object, void *unused)
{
    (void)unused;
    const Outcome *out = outcome_of((Delivery *)object);
    return number_or_none(out, out->partition);
}

static PyObject *get_offset(PyObject *object, void *unused)
{
    (void)unused;
    const Outcome *out = outcome_of((Delivery *)object);
    return number_or_none(out, out->offset);
}

static PyObject *get_timestamp(PyObject *object, void *unused)
{
    (void)unused;
    Delivery *self = (Delivery *)object;
    int64_t timestamp_ms = self->owner == NULL
                               ? self->timestamp_ms
                               : deliveries_timestamp((Deliveries *)self->owner, self->index);
    return number_or_none(outcome_of(self), timestamp_ms);
}

static PyObject *get_state(PyObject *object, void *unused)
{
    (void)unused;
    return PyObject_CallFunction(state_class, "i", (int)outcome_of((Delivery *)object)->state);
}

static PyObject *get_ok(PyObject *object, void *unused)
{
    (void)unused;
    const Outcome *out = outcome_of((Delivery *)object);
    return PyBool_FromLong(is_done(out) && out->status == 0);
}

static PyObject *get_error(PyObject *object, void *unused)
{
    (void)unused;
    return own_error((Delivery *)object);
}

static PyObject *get_opaque(PyObject *object, void *unused)
{
    (void)unused;
    PyObject *opaque = ((Delivery *)object)->opaque;
    opaque = opaque == NULL ? Py_None : opaque;
    Py_INCREF(opaque);
    return opaque;
}

static PyObject *delivery_repr(PyObject *object)
{
    Delivery *self = (Delivery *)object;
    const Outcome *out = outcome_of(self);
    if (!is_done(out))
        return PyUnicode_FromFormat("<ottla.Delivery to %U, pending>", self->topic);
    if (out->status != 0)
        return PyUnicode_FromFormat("<ottla.Delivery to %U-%d, failed: %s>", self->topic,
                                    (int)out->partition, ottla_status_name(out->status));
    return PyUnicode_FromFormat("<ottla.Delivery to %U-%d@%lld>", self->topic,
                                (int)out->partition, (long long)out->offset);
}

static PyGetSetDef delivery_getset[] = {
    {"topic", get_topic, NULL, "The topic.", NULL},
    {"partition", get_partition, NULL, "The partition; None before the report.", NULL},
    {"offset", get_offset, NULL, "The offset; None where it failed or is not known.", NULL},
    {"timestamp_ms", get_timestamp, NULL, "Milliseconds since 1970, or None.", NULL},
    {"error", get_error, NULL, "Why it failed, a KafkaError; None if it did not.", NULL},
    {"opaque", get_opaque, NULL, "What the application gave its record.", NULL},
    {"ok", get_ok, NULL, "Whether it was delivered.", NULL},
    {"state", get_state, NULL, "What is known of the record, an ottla.State.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define FAST (METH_FASTCALL | METH_KEYWORDS)

static PyMethodDef delivery_methods[] = {
    {"result", (PyCFunction)(void (*)(void))delivery_result, FAST,
     "result($self, timeout=None)\n--\n\nWaits for the report and returns it: this object. Raises "
     "the error of a record that failed, and TimeoutError after `timeout` seconds."},
    {"exception", (PyCFunction)(void (*)(void))delivery_exception, FAST,
     "exception($self, timeout=None)\n--\n\nWaits for the report and returns its error or None."},
    {"done", delivery_done, METH_NOARGS,
     "done($self)\n--\n\nWhether the report is there. Reads reports, and never waits."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot delivery_slots[] = {
    {Py_tp_doc, "The delivery of a record: a promise, and then its report."},
    {Py_tp_traverse, delivery_traverse},
    {Py_tp_clear, delivery_clear},
    {Py_tp_dealloc, delivery_dealloc},
    {Py_tp_repr, delivery_repr},
    {Py_tp_methods, delivery_methods},
    {Py_tp_getset, delivery_getset},
    {0, NULL},
};

static PyType_Spec delivery_spec = {
    .name = "ottla._native.Delivery",
    .basicsize = sizeof(Delivery),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = delivery_slots,
};

int delivery_types(PyObject *module)
{
    static const char *const timeout[] = {"timeout"};
    DeliveryType = (PyTypeObject *)PyType_FromSpec(&delivery_spec);
    if (DeliveryType == NULL || signature_names(&of_result, timeout) < 0 ||
        signature_names(&of_exception, timeout) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "Delivery", (PyObject *)DeliveryType);
}
