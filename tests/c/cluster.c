/* A cluster and a producer in one process: records arrive, also when their leader died. */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static ottla_cluster_t *cluster;
static int persisted, failed;

static void on_reports(const ottla_report_t *reports, size_t count, void *user) {
    (void)user;
    for (size_t i = 0; i < count; i++) {
        persisted += reports[i].status == OTTLA_OK;
        failed += reports[i].status != OTTLA_OK;
    }
}

static ottla_producer_t *new_client(void) {
    char servers[200];
    int64_t length = 0;
    EXPECT_OK(ottla_cluster_bootstrap_servers(cluster, servers, sizeof servers, &length));
    EXPECT(length > 0 && length == (int64_t)strlen(servers));
    ottla_config_t *config = NULL;
    ottla_producer_t *producer = NULL;
    EXPECT_OK(ottla_config_new(&config));
    EXPECT_OK(ottla_config_set(config, "bootstrap.servers", servers, &error));
    EXPECT_OK(ottla_config_set(config, "retry.backoff.ms", "20", &error));
    EXPECT_OK(ottla_config_set(config, "log.level", "error", &error));
    EXPECT_OK(ottla_config_set_report_callback(config, on_reports, sizeof(ottla_report_t), NULL));
    EXPECT_OK(ottla_producer_new(config, &producer, &error));
    EXPECT_OK(ottla_config_free(config));
    return producer;
}

static void send_records(ottla_producer_t *producer, int count) {
    ottla_record_t record = new_record();
    int refused = 0;
    record.topic = "letters";
    record.partition = 0;
    persisted = failed = 0;
    for (int i = 0; i < count; i++) refused += ottla_producer_send(producer, &record, NULL) != 0;
    EXPECT(refused == 0);
    EXPECT_OK(ottla_producer_flush(producer, 60000, &error));
}

static void records_arrive_whoever_leads(ottla_producer_t *producer) {
    int32_t leader = 0, next = 0;
    send_records(producer, 100);
    EXPECT(persisted == 100 && failed == 0);

    EXPECT_OK(ottla_cluster_leader(cluster, "letters", -1, 0, &leader, &error));
    EXPECT(leader >= 1 && leader <= 3);
    EXPECT_OK(ottla_cluster_kill(cluster, leader, &error));
    send_records(producer, 100);
    EXPECT(persisted == 100 && failed == 0);
    EXPECT_OK(ottla_cluster_leader(cluster, "letters", -1, 0, &next, &error));
    EXPECT(next != leader && next != -1);

    EXPECT_OK(ottla_cluster_start(cluster, leader, &error));
    EXPECT_STATUS(ottla_cluster_start(cluster, leader, &error), OTTLA_INVALID_ARGUMENT, NULL);
    EXPECT_OK(ottla_cluster_pause(cluster, leader, &error));
    EXPECT_OK(ottla_cluster_resume(cluster, leader, &error));
    EXPECT_OK(ottla_cluster_move_leader(cluster, "letters", -1, 0, next, &error));
    EXPECT_STATUS(ottla_cluster_move_leader(cluster, "other", -1, 0, 1, &error),
                  OTTLA_UNKNOWN_TOPIC_OR_PARTITION, "");
}

static void faults_fail_records_until_they_are_healed(ottla_producer_t *producer) {
    const char *text = "error TOPIC_AUTHORIZATION_FAILED topic=letters";
    uint64_t id = 0;
    EXPECT_OK(ottla_cluster_inject(cluster, text, -1, &id, &error));
    EXPECT(id != 0);
    send_records(producer, 1);
    EXPECT(persisted == 0 && failed == 1);
    EXPECT_OK(ottla_cluster_heal(cluster, id));
    EXPECT_OK(ottla_cluster_inject(cluster, "delay 50 api=Produce times=1", -1, NULL, &error));
    int64_t started = now_ms();
    send_records(producer, 1);
    EXPECT(persisted == 1 && now_ms() - started >= 49);
    EXPECT_OK(ottla_cluster_heal(cluster, 0));
    EXPECT_STATUS(ottla_cluster_inject(cluster, "drop api=Product", -1, &id, &error),
                  OTTLA_INVALID_ARGUMENT, "`Product`");
}

static void commands_are_lines(void) {
    char answer[64], few[4] = "abc";
    int64_t length = 0;
    const char *topics = "{\"partitions\":2,\"topic\":\"letters\"}";
    EXPECT_OK(ottla_cluster_command(cluster, "topics", -1, answer, sizeof answer, &length, &error));
    EXPECT(strcmp(answer, topics) == 0 && length == (int64_t)strlen(topics));
    EXPECT_OK(ottla_cluster_command(cluster, "topics", 6, few, sizeof few, &length, &error));
    EXPECT(strcmp(few, "{\"p") == 0 && length == (int64_t)strlen(topics));
    EXPECT_OK(ottla_cluster_command(cluster, "isr letters 0 1,2", -1, NULL, 0, NULL, &error));
    EXPECT_OK(ottla_cluster_command(cluster, "replicate letters 0 3 yes", -1, answer, 1, &length,
                                    &error));
    EXPECT(length == 0 && *answer == 0);
    EXPECT_STATUS(ottla_cluster_command(cluster, "dance", -1, NULL, 0, NULL, &error),
                  OTTLA_INVALID_ARGUMENT, "`dance`");
}

/* What arrived, as JSON lines, is as long as it says. */
static void what_arrived_can_be_asked_for(void) {
    const char *const questions[] = {"requests", "produced", "records letters 0", "health",
                                     "brokers", "partition letters 0", "replica 1 letters 0"};
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        int64_t length = 0, again = 0;
        EXPECT_OK(ottla_cluster_command(cluster, questions[i], -1, NULL, 0, &length, &error));
        char *answer = malloc((size_t)length + 1000);
        EXPECT_OK(ottla_cluster_command(cluster, questions[i], -1, answer, (size_t)length + 1000,
                                        &again, &error));
        EXPECT(length > 2 && (int64_t)strlen(answer) == again && *answer == '{');
        EXPECT(answer[again - 1] == '}');
        if (i == 0) EXPECT(strstr(answer, "\"api\":\"Produce\"") != NULL);
        if (i == 1) EXPECT(strstr(answer, "\"value\":\"value\"") && strstr(answer, "}\n{"));
        free(answer);
    }
}

static void brokers_die_and_come_back_under_a_producer(ottla_producer_t *producer) {
    for (int round = 0; round < 9; round++) {
        int32_t broker = 1 + round % 3;
        EXPECT_OK(ottla_cluster_kill(cluster, broker, &error));
        EXPECT_STATUS(ottla_cluster_kill(cluster, broker, &error), OTTLA_INVALID_ARGUMENT,
                      "does not run");
        send_records(producer, 20);
        EXPECT(persisted == 20 && failed == 0);
        EXPECT_OK(ottla_cluster_start(cluster, broker, &error));
        EXPECT_STATUS(ottla_cluster_start(cluster, broker, &error), OTTLA_INVALID_ARGUMENT, "runs");
        send_records(producer, 20);
        EXPECT(persisted == 20 && failed == 0);
    }
}

/* Every function with a handle that is none. */
static void every_function_refuses(ottla_cluster_t *bad, int32_t status) {
    char text[4] = "abc";
    int64_t length = 7;
    int32_t broker = 7;
    uint64_t id = 7;
    EXPECT_STATUS(ottla_cluster_bootstrap_servers(bad, text, sizeof text, &length), status, NULL);
    EXPECT_STATUS(ottla_cluster_create_topic(bad, "t", -1, 1, -1, &error), status, "cluster");
    EXPECT_STATUS(ottla_cluster_kill(bad, 1, &error), status, "cluster");
    EXPECT_STATUS(ottla_cluster_start(bad, 1, &error), status, "cluster");
    EXPECT_STATUS(ottla_cluster_pause(bad, 1, &error), status, "cluster");
    EXPECT_STATUS(ottla_cluster_resume(bad, 1, &error), status, "cluster");
    EXPECT_STATUS(ottla_cluster_move_leader(bad, "t", -1, 0, 1, &error), status, "cluster");
    EXPECT_STATUS(ottla_cluster_leader(bad, "t", -1, 0, &broker, &error), status, "cluster");
    EXPECT_STATUS(ottla_cluster_inject(bad, "drop", -1, &id, &error), status, "cluster");
    EXPECT_STATUS(ottla_cluster_heal(bad, 0), status, NULL);
    EXPECT_STATUS(ottla_cluster_command(bad, "topics", -1, text, sizeof text, &length, &error),
                  status, "cluster");
    EXPECT(length == 7 && broker == 7 && id == 7 && strcmp(text, "abc") == 0);
}

static void hostile_arguments(void) {
    int32_t bad = OTTLA_INVALID_ARGUMENT, broker = 7;
    int64_t length = 7;
    char text[8];
    ottla_cluster_t *none = NULL;
    EXPECT_STATUS(ottla_cluster_new("", -2, &none, &error), bad, "the length of config is -2");
    EXPECT_STATUS(ottla_cluster_new("x", INT64_MAX, &none, &error), bad, "the length of config");
    EXPECT_STATUS(ottla_cluster_new("\xff", -1, &none, &error), OTTLA_INVALID_UTF8, "config");
    EXPECT_STATUS(ottla_cluster_new("brokers=65535", -1, &none, &error), OTTLA_CONFIGURATION,
                  "1 to 1000");
    EXPECT_STATUS(ottla_cluster_new("num.io.threads=18446744073709551615", -1, &none, &error),
                  OTTLA_CONFIGURATION, "num.io.threads");
    EXPECT_STATUS(ottla_cluster_new("topic=t:2147483647", -1, &none, &error), OTTLA_CONFIGURATION,
                  "partitions");
    EXPECT_STATUS(ottla_cluster_new("brokers=1\nbrokers", -1, &none, NULL), OTTLA_CONFIGURATION,
                  NULL);
    EXPECT_STATUS(ottla_cluster_bootstrap_servers(cluster, text, 8, NULL), bad, NULL);
    EXPECT_STATUS(ottla_cluster_bootstrap_servers(cluster, NULL, 8, &length), bad, NULL);
    EXPECT_STATUS(ottla_cluster_create_topic(cluster, NULL, -1, 1, 1, &error), bad, "name is NULL");
    EXPECT_STATUS(ottla_cluster_create_topic(cluster, "a b", -1, 1, 1, &error),
                  OTTLA_INVALID_TOPIC_EXCEPTION, "a b");
    EXPECT_STATUS(ottla_cluster_create_topic(cluster, "t", -1, INT32_MIN, 1, &error),
                  OTTLA_INVALID_PARTITIONS, NULL);
    EXPECT_STATUS(ottla_cluster_create_topic(cluster, "t", -1, INT32_MAX, 1, &error),
                  OTTLA_INVALID_PARTITIONS, NULL);
    EXPECT_STATUS(ottla_cluster_kill(cluster, INT32_MIN, &error), bad, "-2147483648");
    EXPECT_STATUS(ottla_cluster_resume(cluster, 1, &error), bad, "not paused");
    EXPECT_STATUS(ottla_cluster_leader(cluster, "letters", -1, -1, &broker, &error),
                  OTTLA_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    EXPECT_STATUS(ottla_cluster_leader(cluster, "letters", -1, 0, NULL, &error), bad, "broker");
    EXPECT_STATUS(ottla_cluster_move_leader(cluster, "\xff", -1, 0, 1, &error), OTTLA_INVALID_UTF8,
                  "topic");
    EXPECT_STATUS(ottla_cluster_inject(cluster, NULL, -1, NULL, &error), bad, "fault is NULL");
    EXPECT_STATUS(ottla_cluster_inject(cluster, "", 0, NULL, &error), bad, "a fault is missing");
    EXPECT_STATUS(ottla_cluster_command(cluster, NULL, 3, text, 8, NULL, &error), bad, "line");
    /* Nothing is done where the answer has no place. */
    EXPECT_STATUS(ottla_cluster_command(cluster, "kill 1", -1, NULL, 8, NULL, &error), bad,
                  "buffer");
    EXPECT_STATUS(ottla_cluster_start(cluster, 1, &error), bad, "broker 1 runs");
    EXPECT_OK(ottla_cluster_heal(cluster, UINT64_MAX));
    EXPECT(none == NULL && broker == 7 && length == 7);
}

static void handles_that_are_none(ottla_producer_t *producer) {
    char on_the_stack[64];
    every_function_refuses(NULL, OTTLA_INVALID_HANDLE);
    every_function_refuses((ottla_cluster_t *)producer, OTTLA_INVALID_HANDLE);
    every_function_refuses((ottla_cluster_t *)on_the_stack, OTTLA_INVALID_HANDLE);
    for (uintptr_t garbage = 1; garbage; garbage <<= 5)
        EXPECT_STATUS(ottla_cluster_free((ottla_cluster_t *)(garbage | 9)), OTTLA_INVALID_HANDLE,
                      NULL);
    EXPECT_STATUS(ottla_producer_interrupt((ottla_producer_t *)cluster), OTTLA_INVALID_HANDLE,
                  NULL);
}

static void in_a_child_the_cluster_is_elsewhere(void) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        every_function_refuses(cluster, OTTLA_FORKED);
        EXPECT_OK(ottla_cluster_free(cluster));
        EXPECT_STATUS(ottla_cluster_free(cluster), OTTLA_INVALID_HANDLE, NULL);
        EXPECT_OK(ottla_cluster_new(NULL, 0, &cluster, &error));
        EXPECT_OK(ottla_cluster_create_topic(cluster, "own", -1, 1, -1, &error));
        EXPECT_OK(ottla_cluster_free(cluster));
        fflush(stdout);
        /* Not _exit: what the parent's threads own is lost here, and valgrind would count it. */
        execlp(failures ? "false" : "true", "child", NULL);
        _exit(2);
    }
    int status = -1;
    waitpid(child, &status, 0);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ends well", "it does not");
}

static void mistakes_have_names(void) {
    ottla_cluster_t *none = NULL;
    EXPECT_STATUS(ottla_cluster_new("brokers=0", -1, &none, &error), OTTLA_CONFIGURATION,
                  "brokers");
    EXPECT_STATUS(ottla_cluster_new("broker=1", -1, &none, &error), OTTLA_CONFIGURATION, "broker");
    EXPECT_STATUS(ottla_cluster_new(NULL, -1, NULL, &error), OTTLA_INVALID_ARGUMENT, "cluster");
    EXPECT(none == NULL);
    EXPECT_STATUS(ottla_cluster_create_topic(cluster, "letters", -1, 1, -1, &error),
                  OTTLA_TOPIC_ALREADY_EXISTS, "");
    EXPECT_STATUS(ottla_cluster_create_topic(cluster, "more", -1, 1, 4, &error),
                  OTTLA_INVALID_REPLICATION_FACTOR, "");
    EXPECT_STATUS(ottla_cluster_kill(cluster, 9, &error), OTTLA_INVALID_ARGUMENT, "9");
    EXPECT_STATUS(ottla_cluster_kill(NULL, 1, &error), OTTLA_INVALID_HANDLE, "cluster is NULL");
}

int main(void) {
    EXPECT_OK(ottla_cluster_new("brokers=3\nauto.create.topics.enable=false", -1, &cluster,
                                &error));
    EXPECT_OK(ottla_cluster_create_topic(cluster, "letters", -1, 2, 3, &error));
    mistakes_have_names();
    ottla_producer_t *producer = new_client();
    records_arrive_whoever_leads(producer);
    faults_fail_records_until_they_are_healed(producer);
    commands_are_lines();
    what_arrived_can_be_asked_for();
    brokers_die_and_come_back_under_a_producer(producer);
    hostile_arguments();
    handles_that_are_none(producer);
    in_a_child_the_cluster_is_elsewhere();
    EXPECT_OK(ottla_producer_close(producer, 30000, &error));
    EXPECT_OK(ottla_producer_free(producer));
    EXPECT_OK(ottla_cluster_free(cluster));
    EXPECT_STATUS(ottla_cluster_free(cluster), OTTLA_INVALID_HANDLE, NULL);
    every_function_refuses(cluster, OTTLA_INVALID_HANDLE);
    EXPECT_OK(ottla_cluster_free(NULL));
    return finish();
}
