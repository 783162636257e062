/* A cluster and a producer in one process: records arrive, also when their leader died. */
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
    char answer[64];
    int64_t length = 0;
    EXPECT_OK(ottla_cluster_command(cluster, "topics", -1, answer, sizeof answer, &length, &error));
    EXPECT(strcmp(answer, "[\"letters\"]") == 0 && length == 11);
    EXPECT_OK(ottla_cluster_command(cluster, "isr letters 0 1,2", -1, NULL, 0, NULL, &error));
    EXPECT_STATUS(ottla_cluster_command(cluster, "dance", -1, NULL, 0, NULL, &error),
                  OTTLA_INVALID_ARGUMENT, "`dance`");
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
    EXPECT_OK(ottla_producer_close(producer, 30000, &error));
    EXPECT_OK(ottla_producer_free(producer));
    EXPECT_OK(ottla_cluster_free(cluster));
    EXPECT_STATUS(ottla_cluster_free(cluster), OTTLA_INVALID_HANDLE, NULL);
    EXPECT_OK(ottla_cluster_free(NULL));
    return finish();
}
