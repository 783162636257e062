/* After a fork, a producer that was used before answers in the child at once instead of waiting
 * for threads that are in the parent; one that was not used works on both sides. */
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void in_the_child(ottla_producer_t *used, ottla_producer_t *watched,
                         ottla_producer_t *unused) {
    ottla_record_t record = new_record();
    size_t count;
    EXPECT_STATUS(ottla_producer_send(used, &record, &error), OTTLA_FORKED, "child");
    EXPECT_STATUS(ottla_producer_poll(used, -1, &count, &error), OTTLA_FORKED, NULL);
    EXPECT_STATUS(ottla_producer_flush(used, -1, &error), OTTLA_FORKED, NULL);
    EXPECT_STATUS(ottla_producer_close(used, -1, &error), OTTLA_FORKED, NULL);
    EXPECT_STATUS(ottla_producer_interrupt(used), OTTLA_FORKED, NULL);
    EXPECT_OK(ottla_producer_free(used));
    EXPECT_STATUS(ottla_producer_free(used), OTTLA_INVALID_HANDLE, NULL);

    /* Its event fd would be one with the parent's. */
    int32_t fd;
    EXPECT_STATUS(ottla_producer_event_fd(watched, &fd, &error), OTTLA_FORKED, NULL);
    EXPECT_STATUS(ottla_producer_event_clear(watched), OTTLA_FORKED, NULL);
    EXPECT_STATUS(ottla_producer_purge(watched, OTTLA_PURGE_QUEUED, &error), OTTLA_FORKED, NULL);
    EXPECT_OK(ottla_producer_free(watched));

    for (int i = 0; i < 2; i++)
        EXPECT_STATUS(ottla_producer_send(unused, &record, &error), OTTLA_TIMED_OUT, "topic topic");
    EXPECT_OK(ottla_producer_flush(unused, 1000, &error));
    EXPECT_OK(ottla_producer_close(unused, 1000, &error));
    EXPECT_OK(ottla_producer_free(unused));
    ottla_producer_t *own = new_producer();
    EXPECT_STATUS(ottla_producer_send(own, &record, &error), OTTLA_TIMED_OUT, "topic topic");
    EXPECT_OK(ottla_producer_free(own));
}

int main(void) {
    ottla_producer_t *used = new_producer(), *unused = new_producer(), *watched = new_producer();
    ottla_record_t record = new_record();
    EXPECT_STATUS(ottla_producer_send(used, &record, &error), OTTLA_TIMED_OUT, NULL);
    struct pollfd fd = {.events = POLLIN};
    EXPECT_OK(ottla_producer_event_fd(watched, &fd.fd, &error));
    for (int i = 0; i < 2; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            in_the_child(used, watched, unused);
            fflush(stdout);
            /* Not _exit: what the parent's threads own is lost here, and valgrind would count it. */
            execlp(failures ? "false" : "true", "child", NULL);
            _exit(2);
        }
        int status = -1;
        waitpid(child, &status, 0);
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ends well", "it does not");
    }
    EXPECT(poll(&fd, 1, 0) == 1); /* What was news in the parent still is. */
    EXPECT_OK(ottla_producer_event_clear(watched));
    EXPECT(poll(&fd, 1, 0) == 0);
    EXPECT_STATUS(ottla_producer_send(used, &record, &error), OTTLA_TIMED_OUT, NULL);
    EXPECT_STATUS(ottla_producer_send(unused, &record, &error), OTTLA_TIMED_OUT, NULL);
    EXPECT_OK(ottla_producer_close(used, 1000, &error));
    EXPECT_OK(ottla_producer_free(used));
    EXPECT_OK(ottla_producer_free(unused));
    EXPECT_OK(ottla_producer_free(watched));
    return finish();
}
