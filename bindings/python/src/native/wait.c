/* Waiting: for a report, a ticket, or the end of callbacks.
 *
 * Of all threads that wait in a producer one, the leader, watches the library's event fd and reads
 * what comes for all; the others watch an eventfd of their own, which is written when there is
 * news. So every wait is a ppoll(2), which a signal ends, and nobody wakes up in vain. Without
 * the lock of the interpreter nothing but the ppoll is done. */
#define _GNU_SOURCE
#include "ottla_native.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

double monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int core_event_fd(Core *core)
{
    if (core->event_fd >= 0)
        return 0;
    ottla_error_t *error = NULL;
    int32_t fd, status = ottla_producer_event_fd(core->handle, &fd, &error);
    if (status != 0) {
        raise_error(status, error);
        return -1;
    }
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    core->wake_fd = wake;
    core->event_fd = fd;
    return 0;
}

static void ring(int fd)
{
    uint64_t one = 1;
    if (fd >= 0 && write(fd, &one, sizeof one) < 0) {
        /* It is full: it is readable. */
    }
}

static void silence(int fd)
{
    uint64_t count;
    if (fd >= 0 && read(fd, &count, sizeof count) < 0) {
        /* It was silent. */
    }
}

/* There is news for those who wait; with `interrupt` it is that their waits end. */
void core_wake(Core *core, bool interrupt)
{
    pthread_mutex_lock(&core->lock);
    for (Waiter *waiter = core->waiters; waiter != NULL; waiter = waiter->next) {
        waiter->interrupted |= interrupt;
        ring(waiter->fd);
    }
    if (core->leader != 0)
        ring(core->wake_fd);
    pthread_mutex_unlock(&core->lock);
}

/* Each ticket is told once: whoever has it may be about to wait for it, and is to find it told. */
static void remember_told(Core *core, PyObject *tickets, uint64_t ticket)
{
    PyObject *number = PyLong_FromUnsignedLongLong(ticket);
    if (number == NULL || (tickets != NULL ? PyList_Append(tickets, number)
                                           : PySet_Add(core->told, number)) < 0)
        PyErr_Clear();
    Py_XDECREF(number);
}

/* Whether the ticket was told before; it is forgotten then. */
static bool was_told(Core *core, uint64_t ticket)
{
    if (ticket == 0 || PySet_Size(core->told) == 0)
        return false;
    PyObject *number = PyLong_FromUnsignedLongLong(ticket);
    int found = number == NULL ? -1 : PySet_Discard(core->told, number);
    if (found < 0)
        PyErr_Clear();
    Py_XDECREF(number);
    return found == 1;
}

int32_t core_cancel_ticket(Core *core, uint64_t ticket, ottla_error_t **error)
{
    was_told(core, ticket);
    return ottla_producer_cancel_ticket(core->handle, ticket, error);
}

/* Gives a ticket that is ready to its waiter, or appends its number to a list. */
void core_hand_ticket(Core *core, uint64_t ticket, PyObject *tickets)
{
    pthread_mutex_lock(&core->lock);
    Waiter *waiter = core->waiters;
    while (waiter != NULL && waiter->ticket != ticket)
        waiter = waiter->next;
    if (waiter != NULL) {
        waiter->ticket_ready = true;
        ring(waiter->fd);
        if (core->leader != 0)
            ring(core->wake_fd);
    }
    pthread_mutex_unlock(&core->lock);
    if (waiter == NULL)
        remember_told(core, tickets, ticket);
}

static void join(Core *core, Waiter *waiter)
{
    waiter->fd = -1;
    waiter->interrupted = false;
    waiter->ticket_ready = was_told(core, waiter->ticket);
    pthread_mutex_lock(&core->lock);
    waiter->next = core->waiters;
    core->waiters = waiter;
    pthread_mutex_unlock(&core->lock);
}

static bool leads(Core *core)
{
    return core->leader == PyThread_get_thread_ident();
}

/* Python code may take its time, and may itself wait for what this thread would have read. */
void core_step_down(Core *core)
{
    if (!leads(core))
        return;
    pthread_mutex_lock(&core->lock);
    core->leader = 0;
    /* One of the others is the next leader. */
    for (Waiter *other = core->waiters; other != NULL; other = other->next)
        ring(other->fd);
    pthread_mutex_unlock(&core->lock);
}

static void leave(Core *core, Waiter *waiter)
{
    pthread_mutex_lock(&core->lock);
    Waiter **link = &core->waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    pthread_mutex_unlock(&core->lock);
    core_step_down(core);
    if (waiter->fd >= 0)
        close(waiter->fd);
}

static bool try_to_lead(Core *core)
{
    pthread_mutex_lock(&core->lock);
    if (core->leader == 0)
        core->leader = PyThread_get_thread_ident();
    pthread_mutex_unlock(&core->lock);
    return leads(core);
}

/* This thread leads, or it has an fd on which it is woken. */
static int lead_or_follow(Core *core, Waiter *waiter)
{
    if (try_to_lead(core) || waiter->fd >= 0)
        return 0;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    pthread_mutex_lock(&core->lock);
    waiter->fd = fd;
    pthread_mutex_unlock(&core->lock);
    try_to_lead(core); /* The leader may have gone meanwhile. */
    return 0;
}

/* Waits for news; the only place where a thread sleeps. -1 if a signal's handler raised. */
static int sleep_until(Core *core, Waiter *waiter, double deadline)
{
    bool leader = leads(core);
    struct pollfd fds[2] = {{.fd = leader ? core->event_fd : waiter->fd, .events = POLLIN},
                            {.fd = core->wake_fd, .events = POLLIN}};
    struct timespec time, *limit = NULL;
    if (deadline >= 0) {
        double left = deadline - monotonic();
        left = left < 0 ? 0 : left > 1e9 ? 1e9 : left;
        time.tv_sec = (time_t)left;
        time.tv_nsec = (long)((left - (double)time.tv_sec) * 1e9);
        limit = &time;
    }
    int woken, error;
    Py_BEGIN_ALLOW_THREADS
    woken = ppoll(fds, leader ? 2 : 1, limit, NULL);
    error = errno;
    Py_END_ALLOW_THREADS
    if (woken < 0 && error == EINTR) {
        core_step_down(core);
        return PyErr_CheckSignals();
    }
    if (woken < 0) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    return 0;
}

static int wait_joined(Core *core, Waiter *waiter, double deadline, Ready ready, void *context)
{
    for (;;) {
        if (lead_or_follow(core, waiter) < 0)
            return -1;
        bool leader = leads(core);
        /* Quiet first, then read: what comes after that makes it readable again. */
        if (leader) {
            silence(core->wake_fd);
            ottla_producer_event_clear(core->handle);
        } else {
            silence(waiter->fd);
        }
        if (core_drain(core, NULL) < 0)
            return -1;
        if (ready(core, waiter, context))
            return 0;
        if (waiter->interrupted) {
            raise_status(OTTLA_INTERRUPTED, "the wait was interrupted from another thread");
            return -1;
        }
        if (deadline >= 0 && monotonic() >= deadline)
            return 1;
        /* A signal that came while this thread was awake ends no ppoll. */
        if (PyErr_CheckSignals() < 0)
            return -1;
        if (leader && !leads(core))
            continue; /* It stepped down, and callbacks have run. */
        if (sleep_until(core, waiter, deadline) < 0)
            return -1;
    }
}

int core_wait(Core *core, Waiter *waiter, double deadline, Ready ready, void *context)
{
    if (core_event_fd(core) < 0)
        return -1;
    Py_INCREF((PyObject *)core);
    join(core, waiter);
    int status = wait_joined(core, waiter, deadline, ready, context);
    leave(core, waiter);
    Py_DECREF((PyObject *)core);
    return status;
}

static bool outcome_ready(Core *core, Waiter *waiter, void *context)
{
    (void)core;
    (void)waiter;
    return is_done(context);
}

/* What an event loop reads no thread may wait for: it would read what is for the tasks, which
 * would never hear of it. */
int refuse_wait_beside_loop(Core *core)
{
    if (core->loop == NULL)
        return 0;
    raise_status(OTTLA_WOULD_BLOCK,
                 "this would stop the event loop, which reads the reports of this producer: "
                 "`await producer.flush()` first");
    return -1;
}

/* Waits for one report: `seconds` below 0 without limit. 0, 1 too late, -1 raised. */
int core_wait_outcome(Core *core, const Outcome *out, double seconds)
{
    if (refuse_wait_beside_loop(core) < 0)
        return -1;
    Waiter waiter = {0};
    double deadline = seconds < 0 ? -1 : monotonic() + seconds;
    return core_wait(core, &waiter, deadline, outcome_ready, (void *)out);
}
