/* Cluster: the embedded cluster. Nearly all goes through its language of commands. */
#include "ottla_native.h"

typedef struct {
    PyObject_HEAD
    ottla_cluster_t *handle;
} ClusterObject;

PyTypeObject *ClusterType;

static PyObject *open_cluster(PyObject *self, PyObject *args)
{
    const char *config;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(args, "s#", &config, &length))
        return NULL;
    ClusterObject *cluster = (ClusterObject *)self;
    if (cluster->handle != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "Cluster.__init__ was called twice");
        return NULL;
    }
    ottla_error_t *error = NULL;
    int32_t status = ottla_cluster_new(config, length, &cluster->handle, &error);
    if (status != 0)
        return raise_error(status, error);
    Py_RETURN_NONE;
}

/* Does what a line says and gives the answer, which is cut at `room` bytes: None asks for more. */
static PyObject *command_in(ClusterObject *cluster, const char *line, int64_t length, int64_t room)
{
    char *answer = PyMem_Malloc((size_t)room);
    if (answer == NULL)
        return PyErr_NoMemory();
    ottla_error_t *error = NULL;
    int64_t whole = 0;
    int32_t status;
    Py_BEGIN_ALLOW_THREADS
    status = ottla_cluster_command(cluster->handle, line, length, answer, (size_t)room, &whole,
                                   &error);
    Py_END_ALLOW_THREADS
    PyObject *result = NULL;
    if (status != 0)
        raise_error(status, error);
    else if (whole >= room)
        result = PyLong_FromLongLong(whole + 1);
    else
        result = PyUnicode_DecodeUTF8(answer, (Py_ssize_t)whole, "replace");
    PyMem_Free(answer);
    return result;
}

/* (line, room): the answer, or the room it takes if that was too little. */
static PyObject *command(PyObject *self, PyObject *args)
{
    const char *line;
    Py_ssize_t length;
    long long room;
    if (!PyArg_ParseTuple(args, "s#L", &line, &length, &room))
        return NULL;
    ClusterObject *cluster = (ClusterObject *)self;
    if (cluster->handle == NULL)
        return raise_status(OTTLA_CLOSED, "the cluster is closed");
    return command_in(cluster, line, length, room);
}

static PyObject *free_cluster(PyObject *self, PyObject *unused)
{
    (void)unused;
    ClusterObject *cluster = (ClusterObject *)self;
    ottla_cluster_t *handle = cluster->handle;
    cluster->handle = NULL;
    Py_BEGIN_ALLOW_THREADS
    ottla_cluster_free(handle);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static void cluster_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    ottla_cluster_t *handle = ((ClusterObject *)self)->handle;
    Py_BEGIN_ALLOW_THREADS
    ottla_cluster_free(handle);
    Py_END_ALLOW_THREADS
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef cluster_methods[] = {
    {"_open", open_cluster, METH_VARARGS, NULL},
    {"_command", command, METH_VARARGS, NULL},
    {"_free", free_cluster, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot cluster_slots[] = {
    {Py_tp_dealloc, cluster_dealloc},
    {Py_tp_methods, cluster_methods},
    {0, NULL},
};

static PyType_Spec cluster_spec = {
    .name = "ottla._native.Cluster",
    .basicsize = sizeof(ClusterObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = cluster_slots,
};

int cluster_type(PyObject *module)
{
    ClusterType = (PyTypeObject *)PyType_FromSpec(&cluster_spec);
    if (ClusterType == NULL)
        return -1;
    return PyModule_AddObjectRef(module, "Cluster", (PyObject *)ClusterType);
}
