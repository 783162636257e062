/* The module ottla._native. It is for the package ottla only: all its names but the documented
 * methods of its types may change. */
#include "ottla_native.h"

/* (make_error, Record, State, CancelledError, get_running_loop): written in Python, needed here. */
static PyObject *bind(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *make, *record, *state, *cancelled, *running;
    if (!PyArg_ParseTuple(args, "OOOOO", &make, &record, &state, &cancelled, &running))
        return NULL;
    errors_bind(make);
    if (record_bind(record) < 0)
        return NULL;
    state_bind(state);
    task_wait_bind(cancelled, running);
    Py_RETURN_NONE;
}

/* How many Delivery and Deliveries objects there are, for tests. */
static PyObject *live(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLongLong(live_deliveries);
}

static PyObject *status_name(PyObject *module, PyObject *code)
{
    (void)module;
    long status = PyLong_AsLong(code);
    if (status == -1 && PyErr_Occurred())
        return NULL;
    return PyUnicode_FromString(ottla_status_name((int32_t)status));
}

static PyMethodDef methods[] = {
    {"bind", bind, METH_VARARGS, NULL},
    {"live", live, METH_NOARGS, NULL},
    {"status_name", status_name, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "ottla._native", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL)
        return NULL;
    if (send_names() < 0 || send_many_names() < 0 || record_names() < 0 || core_type(module) < 0 ||
        delivery_types(module) < 0 || deliveries_type(module) < 0 || producer_type(module) < 0 ||
        sending_types(module) < 0 || task_wait_type() < 0 || cluster_type(module) < 0 ||
        PyModule_AddStringConstant(module, "version", ottla_version()) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
