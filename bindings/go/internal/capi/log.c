/* Log lines wait here from the library's callback, which may run on any thread, until Go takes
 * them: so C never calls Go. There is room for a thousand; what comes when it is full is lost. */
#include <pthread.h>
#include <string.h>

#include "shim.h"

#define LINES_MAX 1000

typedef struct line {
    struct line *next;
    int32_t level;
    char *text;
} line;

struct ottla_go_log {
    pthread_mutex_t lock;
    size_t count;
    line *first, *last;
};

ottla_go_log *ottla_go_log_new(void) {
    ottla_go_log *log = calloc(1, sizeof *log);
    if (log) pthread_mutex_init(&log->lock, NULL);
    return log;
}

void ottla_go_log_free(ottla_go_log *log) {
    int32_t level;
    char *text;
    if (!log) return;
    while ((text = ottla_go_log_take(log, &level))) free(text);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

void ottla_go_log_add(int32_t level, const char *text, int64_t length, void *user) {
    ottla_go_log *log = user;
    line *added = malloc(sizeof *added);
    char *copy = added ? strndup(text, (size_t)length) : NULL;
    if (!copy) {
        free(added);
        return;
    }
    *added = (line){NULL, level, copy};
    pthread_mutex_lock(&log->lock);
    if (log->count == LINES_MAX) {
        free(copy);
        free(added);
    } else {
        *(log->last ? &log->last->next : &log->first) = added;
        log->last = added;
        log->count++;
    }
    pthread_mutex_unlock(&log->lock);
}

size_t ottla_go_log_count(ottla_go_log *log) {
    pthread_mutex_lock(&log->lock);
    size_t count = log->count;
    pthread_mutex_unlock(&log->lock);
    return count;
}

char *ottla_go_log_take(ottla_go_log *log, int32_t *level) {
    pthread_mutex_lock(&log->lock);
    line *taken = log->first;
    if (taken) {
        log->first = taken->next;
        if (!log->first) log->last = NULL;
        log->count--;
    }
    pthread_mutex_unlock(&log->lock);
    if (!taken) return NULL;
    char *text = taken->text;
    *level = taken->level;
    free(taken);
    return text;
}
