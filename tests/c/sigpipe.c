/* A peer that closes while the library writes to it raises no SIGPIPE, which would end a program
 * that has not blocked it. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

static int listener, accepted;

/* Resets each connection, some before and some after the first bytes came. */
static void *reset_all(void *unused) {
    struct linger at_once = {1, 0};
    for (int peer; (peer = accept(listener, NULL, NULL)) >= 0; close(peer)) {
        char bytes[4];
        if (accepted % 3 == 1) (void)!read(peer, bytes, sizeof bytes);
        if (accepted % 3 == 2) shutdown(peer, SHUT_WR);
        setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        __atomic_add_fetch(&accepted, 1, __ATOMIC_SEQ_CST);
    }
    return unused;
}

int main(void) {
    signal(SIGPIPE, SIG_DFL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 16) == 0);
    getsockname(listener, (struct sockaddr *)&address, &length);
    pthread_t thread;
    pthread_create(&thread, NULL, reset_all, NULL);

    char bootstrap[32];
    snprintf(bootstrap, sizeof bootstrap, "127.0.0.1:%d", ntohs(address.sin_port));
    ottla_config_t *config = new_config();
    EXPECT_OK(ottla_config_set(config, "bootstrap.servers", bootstrap, &error));
    EXPECT_OK(ottla_config_set(config, "reconnect.backoff.ms", "0", &error));
    EXPECT_OK(ottla_config_set(config, "retry.backoff.ms", "0", &error));
    ottla_producer_t *producer = NULL;
    EXPECT_OK(ottla_producer_new(config, &producer, &error));
    EXPECT_OK(ottla_config_free(config));
    ottla_record_t record = new_record();
    for (int i = 0; i < 15; i++)
        EXPECT_STATUS(ottla_producer_send(producer, &record, &error), OTTLA_TIMED_OUT, NULL);
    EXPECT(__atomic_load_n(&accepted, __ATOMIC_SEQ_CST) >= 60);
    EXPECT_OK(ottla_producer_free(producer));
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    return finish();
}
