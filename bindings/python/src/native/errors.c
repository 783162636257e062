/* Statuses of the library as Python exceptions, whose classes are in ottla/errors.py. */
#include "ottla_native.h"

static PyObject *make_error;

/* `make(code, name, text, retriable, fatal)` gives an exception. */
int errors_bind(PyObject *make)
{
    Py_INCREF(make);
    Py_XDECREF(make_error);
    make_error = make;
    return 0;
}

PyObject *error_of(int32_t status, const char *text, int retriable, int fatal)
{
    if (make_error == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "ottla._native was imported without ottla");
        return NULL;
    }
    return PyObject_CallFunction(make_error, "isNNN", (int)status, ottla_status_name(status),
                                 PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace"),
                                 PyBool_FromLong(retriable), PyBool_FromLong(fatal));
}

static void raise_object(PyObject *error)
{
    if (error == NULL)
        return;
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
}

void *raise_status(int32_t status, const char *text)
{
    if (text != NULL)
        raise_object(error_of(status, text, 0, 0));
    return NULL;
}

void *raise_error(int32_t status, ottla_error_t *error)
{
    if (error == NULL)
        return raise_status(status, ottla_status_text(status));
    raise_object(error_of(status, ottla_error_text(error), ottla_error_is_retriable(error),
                          ottla_error_is_fatal(error)));
    ottla_error_free(error);
    return NULL;
}
