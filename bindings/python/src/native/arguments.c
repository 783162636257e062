/* What callers give us: texts, bytes, headers, times, and arguments by name. */
#include "ottla_native.h"

/* Bytes of None (null), bytes, str (UTF-8), or anything with a buffer. The object has to outlive
 * `out`, which is to be released. */
int parse_bytes(PyObject *object, const char *name, Bytes *out)
{
    Py_ssize_t length;
    if (Py_IS_TYPE(object, &PyBytes_Type) || PyBytes_Check(object)) {
        char *data;
        if (PyBytes_AsStringAndSize(object, &data, &length) < 0)
            return -1;
        out->data = data;
    } else if (PyUnicode_Check(object)) {
        out->data = PyUnicode_AsUTF8AndSize(object, &length);
        if (out->data == NULL)
            return -1;
    } else if (PyObject_CheckBuffer(object)) {
        if (PyObject_GetBuffer(object, &out->buffer, PyBUF_SIMPLE) < 0)
            return -1;
        out->held = true;
        out->data = out->buffer.buf;
        length = out->buffer.len;
    } else {
        PyErr_Format(PyExc_TypeError,
                     "%s must be str, bytes, bytearray, memoryview or None, not %R; a serializer "
                     "makes bytes of other things",
                     name, (PyObject *)Py_TYPE(object));
        return -1;
    }
    out->length = length;
    return 0;
}

/* A text as UTF-8. What cannot be UTF-8, as a lone surrogate, is the library's own error. */
int text_of(PyObject *object, const char *name, const char **text, int64_t *length)
{
    if (object == NULL || (!Py_IS_TYPE(object, &PyUnicode_Type) && !PyUnicode_Check(object))) {
        PyErr_Format(PyExc_TypeError, "%s must be str, not %R", name,
                     object == NULL ? Py_None : (PyObject *)Py_TYPE(object));
        return -1;
    }
    Py_ssize_t size;
    *text = PyUnicode_AsUTF8AndSize(object, &size);
    if (*text == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            return -1;
        PyErr_Clear();
        PyObject *line = PyUnicode_FromFormat("%s %A cannot be written as UTF-8", name, object);
        if (line != NULL)
            raise_status(OTTLA_INVALID_UTF8, PyUnicode_AsUTF8AndSize(line, NULL));
        Py_XDECREF(line);
        return -1;
    }
    *length = size;
    return 0;
}

typedef struct {
    char *data;
    size_t length, room;
} Growing;

static int append(Growing *to, const void *data, size_t length)
{
    if (to->length + length > to->room) {
        size_t room = (to->length + length) * 2 + 64;
        char *grown = PyMem_Realloc(to->data, room);
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        to->data = grown;
        to->room = room;
    }
    if (length > 0)
        memcpy(to->data + to->length, data, length);
    to->length += length;
    return 0;
}

static int append_counted(Growing *to, const char *data, int64_t length)
{
    if (length > INT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a header of more than 2 GiB");
        return -1;
    }
    int32_t count = (int32_t)length;
    if (append(to, &count, sizeof count) < 0)
        return -1;
    return count > 0 ? append(to, data, (size_t)count) : 0;
}

static int append_header(Growing *to, PyObject *header)
{
    PyObject *pair = PySequence_Tuple(header);
    if (pair == NULL || PyTuple_Size(pair) != 2) {
        Py_XDECREF(pair);
        PyErr_Format(PyExc_TypeError, "a header must be a pair (name, value), not %R", header);
        return -1;
    }
    const char *name;
    int64_t length;
    Bytes value;
    int status = text_of(PyTuple_GetItem(pair, 0), "the name of a header", &name, &length);
    if (status == 0)
        status = bytes_of(PyTuple_GetItem(pair, 1), "the value of a header", &value);
    if (status == 0) {
        status = append_counted(to, name, length);
        if (status == 0)
            status = append_counted(to, value.data, value.length);
        bytes_release(&value);
    }
    Py_DECREF(pair);
    return status;
}

/* Packs a sequence of pairs, or a dict, as ottla.h describes. `*packed` is to be freed with
 * PyMem_Free; it is NULL if there are no headers. */
int pack_headers(PyObject *headers, char **packed, int64_t *length)
{
    *packed = NULL;
    *length = 0;
    if (headers == NULL || headers == Py_None)
        return 0;
    PyObject *list = PyDict_Check(headers) ? PyDict_Items(headers) : PySequence_List(headers);
    if (list == NULL)
        return -1;
    Growing growing = {0};
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_Size(list); i++) {
        PyObject *header = PyList_GetItem(list, i);
        Py_INCREF(header);
        status = append_header(&growing, header);
        Py_DECREF(header);
    }
    Py_DECREF(list);
    if (status < 0) {
        PyMem_Free(growing.data);
        return -1;
    }
    *packed = growing.data;
    *length = (int64_t)growing.length;
    return 0;
}

/* A time limit in seconds; None is -1, without limit. */
int seconds_of(PyObject *object, double *seconds)
{
    *seconds = -1;
    if (is_none(object))
        return 0;
    double given = PyFloat_AsDouble(object);
    if (given == -1 && PyErr_Occurred())
        return -1;
    if (!(given >= 0)) {
        PyErr_Format(PyExc_ValueError, "timeout must be at least 0 seconds, or None, not %R",
                     object);
        return -1;
    }
    *seconds = given;
    return 0;
}

int check_callback(PyObject *on_delivery)
{
    if (is_none(on_delivery) || PyCallable_Check(on_delivery))
        return 0;
    PyErr_Format(PyExc_TypeError, "on_delivery must be a callable or None, not %R",
                 (PyObject *)Py_TYPE(on_delivery));
    return -1;
}

int signature_names(Signature *signature, const char *const *names)
{
    for (int i = 0; i < signature->count; i++)
        if ((signature->names[i] = PyUnicode_InternFromString(names[i])) == NULL)
            return -1;
    return 0;
}

static int find_name(const Signature *signature, PyObject *name)
{
    for (int i = 0; i < signature->count; i++)
        if (signature->names[i] == name)
            return i;
    for (int i = 0; i < signature->count; i++)
        if (PyUnicode_Compare(signature->names[i], name) == 0)
            return i;
    return -1;
}

/* Where each argument stands; -1 for one that was not given. */
static int find_arguments(Signature *signature, Py_ssize_t given, PyObject *keywords)
{
    const char *function = signature->function;
    if (given > signature->positional) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most %d positional arguments, not %zd",
                     function, signature->positional, given);
        return -1;
    }
    for (int i = 0; i < signature->count; i++)
        signature->places[i] = (signed char)(i < given ? i : -1);
    Py_ssize_t named = keywords == NULL ? 0 : PyTuple_Size(keywords);
    for (Py_ssize_t k = 0; k < named; k++) {
        PyObject *name = PyTuple_GetItem(keywords, k);
        int i = find_name(signature, name);
        if (i < 0) {
            PyErr_Format(PyExc_TypeError, "%s() has no argument %R", function, name);
            return -1;
        }
        if (signature->places[i] >= 0) {
            PyErr_Format(PyExc_TypeError, "%s() got two values for %R", function, name);
            return -1;
        }
        signature->places[i] = (signed char)(given + k);
    }
    if (signature->places[0] < 0 && signature->needs_first) {
        PyErr_Format(PyExc_TypeError, "%s() needs %R", function, signature->names[0]);
        return -1;
    }
    return 0;
}

/* The names of a call are a tuple that belongs to its place in the program. In a loop it is the
 * same one again and again, and what was found out about it is still true. */
int sort_arguments(Signature *signature, PyObject *const *args, Py_ssize_t given,
                   PyObject *keywords, PyObject **out)
{
    if (signature->keywords == NULL || keywords != signature->keywords ||
        given != signature->given) {
        Py_CLEAR(signature->keywords);
        if (find_arguments(signature, given, keywords) < 0)
            return -1;
        signature->keywords = Py_XNewRef(keywords);
        signature->given = given;
    }
    for (int i = 0; i < signature->count; i++)
        out[i] = signature->places[i] < 0 ? NULL : args[signature->places[i]];
    return 0;
}
