/* host PROGRAM: runs `PROGRAM HOST:PORT TOPIC` against a cluster of its own; prints what arrived. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ottla.h"

int main(int argc, char **argv) {
    ottla_cluster_t *cluster = NULL;
    ottla_error_t *error = NULL;
    char servers[100], answer[10000];
    int64_t length;
    if (argc != 2) return fprintf(stderr, "usage: host PROGRAM\n"), 2;
    if (ottla_cluster_new("topic=letters:1", -1, &cluster, &error) != OTTLA_OK)
        return fprintf(stderr, "%s\n", ottla_error_text(error)), 1;
    ottla_cluster_bootstrap_servers(cluster, servers, sizeof servers, &length);
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(2, 1); /* Standard output is for what arrived. */
        execl(argv[1], argv[1], servers, "letters", (char *)NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    if (ottla_cluster_command(cluster, "records letters 0", -1, answer, sizeof answer, &length,
                              &error) != OTTLA_OK)
        return fprintf(stderr, "%s\n", ottla_error_text(error)), 1;
    puts(answer);
    ottla_cluster_free(cluster);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
