/* The records that send_many is given: values, dicts and Records. One at a time any of them is
 * taken to its parts; those of the usual types are gathered, many for one call of the library. */
#include "ottla_native.h"

static PyObject *fields[FIELDS], *topic_name;
static PyObject *record_class;
/* The slots of class Record, which are read past all that might be written over them. */
static PyObject *slots[FIELDS], *topic_slot;
static descrgetfunc read_slot;

int record_names(void)
{
    static const char *const of_fields[FIELDS] = {"value", "key", "headers", "partition",
                                                  "timestamp_ms"};
    for (int i = 0; i < FIELDS; i++)
        if ((fields[i] = PyUnicode_InternFromString(of_fields[i])) == NULL)
            return -1;
    topic_name = PyUnicode_InternFromString("topic");
    return topic_name == NULL ? -1 : 0;
}

int record_bind(PyObject *class)
{
    Py_INCREF(class);
    Py_XDECREF(record_class);
    record_class = class;
    topic_slot = PyObject_GetAttr(class, topic_name);
    for (int i = 0; topic_slot != NULL && i < FIELDS; i++)
        if ((slots[i] = PyObject_GetAttr(class, fields[i])) == NULL)
            return -1;
    if (topic_slot == NULL)
        return -1;
    read_slot = (descrgetfunc)PyType_GetSlot(Py_TYPE(topic_slot), Py_tp_descr_get);
    return 0;
}

static int from_dict(PyObject *dict, PyObject **parts)
{
    Py_ssize_t found = 0;
    for (int i = 0; i < FIELDS; i++) {
        parts[i] = PyDict_GetItemWithError(dict, fields[i]);
        if (parts[i] == NULL && PyErr_Occurred())
            return -1;
        found += parts[i] != NULL;
        Py_XINCREF(parts[i]);
    }
    if (found == PyDict_Size(dict))
        return 0;
    PyErr_Format(PyExc_TypeError,
                 "a record of send_many is a value, or a dict of value, key, headers, partition "
                 "and timestamp_ms, or an ottla.Record, not %R",
                 dict);
    return -1;
}

/* A Record may leave its topic empty, or name that of all. */
static int check_topic(PyObject *record, PyObject *topic)
{
    PyObject *own = PyObject_GetAttr(record, topic_name);
    if (own == NULL)
        return -1;
    int fits = own == topic ? 1 : PyObject_RichCompareBool(own, topic, Py_EQ);
    if (fits == 0)
        fits = PyObject_Not(own);
    Py_DECREF(own);
    if (fits != 0)
        return fits < 0 ? -1 : 0;
    PyObject *line = PyUnicode_FromFormat(
        "send_many sends to topic %R, but %R names another one: leave its topic empty", topic,
        record);
    if (line != NULL)
        raise_status(OTTLA_INVALID_ARGUMENT, PyUnicode_AsUTF8AndSize(line, NULL));
    Py_XDECREF(line);
    return -1;
}

static int from_record(PyObject *record, PyObject *topic, PyObject **parts)
{
    if (check_topic(record, topic) < 0)
        return -1;
    for (int i = 0; i < FIELDS; i++)
        if ((parts[i] = PyObject_GetAttr(record, fields[i])) == NULL)
            return -1;
    return 0;
}

int parts_of(PyObject *item, PyObject *topic, PyObject **parts)
{
    for (int i = 0; i < FIELDS; i++)
        parts[i] = NULL;
    if (PyDict_Check(item))
        return from_dict(item, parts);
    if (!PyBytes_Check(item) && record_class != NULL) {
        int is_record = PyObject_IsInstance(item, record_class);
        if (is_record != 0)
            return is_record < 0 ? -1 : from_record(item, topic, parts);
    }
    parts[FIELD_VALUE] = Py_NewRef(item);
    return 0;
}

int array_begin(Array *array, PyObject *topic)
{
    ottla_record_t empty = OTTLA_RECORD_INIT;
    array->empty = empty;
    return text_of(topic, "topic", &array->empty.topic, &array->empty.topic_length);
}

/* Below, false says that the record is to be sent by itself: what is wrong with it is told then.
 * Only exact types are taken, so that nothing here runs code of others. */

static bool take_bytes(PyObject *object, const void **data, int64_t *length)
{
    Py_ssize_t size = -1;
    if (Py_IS_TYPE(object, &PyBytes_Type)) {
        char *at;
        PyBytes_AsStringAndSize(object, &at, &size);
        *data = at;
    } else if (Py_IS_TYPE(object, &PyUnicode_Type)) {
        *data = PyUnicode_AsUTF8AndSize(object, &size);
        if (*data == NULL)
            return false;
    } else if (object == Py_None) {
        *data = NULL;
    } else {
        return false;
    }
    *length = size;
    return true;
}

static bool take_number(PyObject *object, int64_t max, int64_t *number)
{
    int overflow;
    *number = -1;
    if (object == Py_None)
        return true;
    if (!Py_IS_TYPE(object, &PyLong_Type))
        return false;
    *number = PyLong_AsLongLongAndOverflow(object, &overflow);
    return overflow == 0 && *number >= 0 && *number <= max;
}

static bool take_header(Array *array, ottla_record_t *record, PyObject *name, PyObject *value)
{
    ottla_header_t *header = (ottla_header_t *)record->headers + record->header_count;
    const void *text;
    if (header == array->headers + HEADERS_AT_A_TIME || !Py_IS_TYPE(name, &PyUnicode_Type) ||
        !take_bytes(name, &text, &header->name_length) ||
        !take_bytes(value, &header->value, &header->value_length))
        return false;
    header->name = text;
    record->header_count++;
    return true;
}

static bool take_headers(Array *array, ottla_record_t *record, PyObject *headers)
{
    record->headers = array->headers + array->header_count;
    if (headers == Py_None)
        return true;
    PyObject *name, *value;
    Py_ssize_t at = 0;
    if (Py_IS_TYPE(headers, &PyDict_Type)) {
        while (PyDict_Next(headers, &at, &name, &value))
            if (!take_header(array, record, name, value))
                return false;
        return true;
    }
    bool is_list = Py_IS_TYPE(headers, &PyList_Type);
    if (!is_list && !Py_IS_TYPE(headers, &PyTuple_Type))
        return false;
    Py_ssize_t count = is_list ? PyList_Size(headers) : PyTuple_Size(headers);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pair = is_list ? PyList_GetItem(headers, i) : PyTuple_GetItem(headers, i);
        if (!Py_IS_TYPE(pair, &PyTuple_Type) || PyTuple_Size(pair) != 2 ||
            !take_header(array, record, PyTuple_GetItem(pair, 0), PyTuple_GetItem(pair, 1)))
            return false;
    }
    return true;
}

static bool take_field(Array *array, ottla_record_t *record, int field, PyObject *object)
{
    int64_t number;
    switch (field) {
    case FIELD_VALUE:
        return take_bytes(object, &record->value, &record->value_length);
    case FIELD_KEY:
        return take_bytes(object, &record->key, &record->key_length);
    case FIELD_HEADERS:
        return take_headers(array, record, object);
    case FIELD_PARTITION:
        if (!take_number(object, INT32_MAX, &number))
            return false;
        record->partition = (int32_t)number;
        return true;
    case FIELD_TIMESTAMP:
        return take_number(object, INT64_MAX, &record->timestamp_ms);
    default:
        return false;
    }
}

static int field_of(PyObject *name)
{
    for (int i = 0; i < FIELDS; i++)
        if (name == fields[i])
            return i;
    for (int i = 0; i < FIELDS && Py_IS_TYPE(name, &PyUnicode_Type); i++)
        if (PyUnicode_Compare(name, fields[i]) == 0)
            return i;
    return FIELDS;
}

static bool take_dict(Array *array, ottla_record_t *record, PyObject *dict)
{
    PyObject *name, *object;
    Py_ssize_t at = 0;
    while (PyDict_Next(dict, &at, &name, &object))
        if (!take_field(array, record, field_of(name), object))
            return false;
    return true;
}

/* A slot of a Record, which keeps it; NULL if it is empty. */
static PyObject *slot_of(PyObject *record, PyObject *slot)
{
    PyObject *object = read_slot(slot, record, record_class);
    Py_XDECREF(object);
    return object;
}

static bool take_record(Array *array, ottla_record_t *record, PyObject *item, PyObject *topic)
{
    PyObject *own = slot_of(item, topic_slot);
    bool is_text = own != NULL && Py_IS_TYPE(own, &PyUnicode_Type);
    bool fits = own == topic || (is_text && (PyUnicode_GetLength(own) == 0 ||
                                             PyUnicode_Compare(own, topic) == 0));
    for (int i = 0; fits && i < FIELDS; i++) {
        PyObject *object = slot_of(item, slots[i]);
        fits = object != NULL && take_field(array, record, i, object);
    }
    return fits;
}

static bool take(Array *array, ottla_record_t *record, PyObject *item, PyObject *topic)
{
    if (take_bytes(item, &record->value, &record->value_length))
        return true;
    if (Py_IS_TYPE(item, &PyDict_Type))
        return take_dict(array, record, item);
    return (PyObject *)Py_TYPE(item) == record_class && take_record(array, record, item, topic);
}

Py_ssize_t array_gather(Array *array, Deliveries *batch)
{
    Py_ssize_t left = batch->size - batch->sent, count = 0;
    array->header_count = 0;
    for (; count < left && count < RECORDS_AT_A_TIME; count++) {
        PyObject *item = PyList_GetItem(batch->records, batch->sent + count);
        ottla_record_t *record = &array->records[count];
        Outcome *out = &batch->outcomes[batch->sent + count];
        *record = array->empty;
        if (item == NULL || !take(array, record, item, batch->topic))
            break;
        array->header_count += record->header_count;
        record->opaque = (uint64_t)(uintptr_t)out | 1;
        *out = (Outcome){.owner = batch};
    }
    PyErr_Clear();
    return count;
}
