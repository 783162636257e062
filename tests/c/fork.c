/* After a fork, a producer that was used before answers in the child at once instead of waiting
 * for threads that are in the parent; one that was not used works on both sides. */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void in_the_child(ottla_producer_t *used, ottla_producer_t *unused) {
    ottla_record_t record = new_record();
    size_t count;
    EXPECT_STATUS(ottla_producer_send(used, &record, &error), OTTLA_FORKED, "child");
    EXPECT_STATUS(ottla_producer_poll(used, -1, &count, &error), OTTLA_FORKED, NULL);
    EXPECT_STATUS(ottla_producer_flush(used, -1, &error), OTTLA_FORKED, NULL);
    EXPECT_STATUS(ottla_producer_close(used, -1, &error), OTTLA_FORKED, NULL);
    EXPECT_STATUS(ottla_producer_interrupt(used), OTTLA_FORKED, NULL);
    EXPECT_OK(ottla_producer_free(used));
    EXPECT_STATUS(ottla_producer_free(used), OTTLA_INVALID_HANDLE, NULL);

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
    ottla_producer_t *used = new_producer(), *unused = new_producer();
    ottla_record_t record = new_record();
    EXPECT_STATUS(ottla_producer_send(used, &record, &error), OTTLA_TIMED_OUT, NULL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        in_the_child(used, unused);
        fflush(stdout);
        /* Not _exit: what the parent's threads own is lost here, and valgrind would count it. */
        execlp(failures ? "false" : "true", "child", NULL);
        _exit(2);
    }
    int status = -1;
    waitpid(child, &status, 0);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ends well", "it does not");
    EXPECT_STATUS(ottla_producer_send(used, &record, &error), OTTLA_TIMED_OUT, NULL);
    EXPECT_STATUS(ottla_producer_send(unused, &record, &error), OTTLA_TIMED_OUT, NULL);
    EXPECT_OK(ottla_producer_close(used, 1000, &error));
    EXPECT_OK(ottla_producer_free(used));
    EXPECT_OK(ottla_producer_free(unused));
    return finish();
}
