/* The embedded cluster as Go calls it: handles are numbers, as in shim.h. */
#ifndef OTTLA_GO_CLUSTER_H
#define OTTLA_GO_CLUSTER_H

#include "shim.h"

static inline ottla_cluster_t *go_cluster(uintptr_t handle) { return (ottla_cluster_t *)handle; }

static inline int32_t go_cluster_new(const char *config, uintptr_t *cluster, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    ottla_cluster_t *made = NULL;
    int32_t status = ottla_cluster_new(config, -1, &made, &failure);
    *cluster = (uintptr_t)made;
    return go_end(status, &failure, error);
}

static inline int32_t go_cluster_command(uintptr_t cluster, const char *line, char *buffer,
                                         size_t capacity, int64_t *length, uintptr_t *error) {
    ottla_error_t *failure = NULL;
    int32_t status =
        ottla_cluster_command(go_cluster(cluster), line, -1, buffer, capacity, length, &failure);
    return go_end(status, &failure, error);
}

static inline int32_t go_cluster_inject(uintptr_t cluster, const char *fault, uint64_t *id,
                                        uintptr_t *error) {
    ottla_error_t *failure = NULL;
    int32_t status = ottla_cluster_inject(go_cluster(cluster), fault, -1, id, &failure);
    return go_end(status, &failure, error);
}

static inline int32_t go_cluster_heal(uintptr_t cluster, uint64_t id) {
    return ottla_cluster_heal(go_cluster(cluster), id);
}

static inline int32_t go_cluster_free(uintptr_t cluster) {
    return ottla_cluster_free(go_cluster(cluster));
}

#endif
