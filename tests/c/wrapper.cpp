// The C++ header: handles that are owned, payloads of every kind, errors, and exceptions of
// callbacks that never pass through the library.
#include <array>
#include <atomic>
#include <map>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "ottla.hpp"

#include "check.h"
#if __cplusplus >= 202002L
#include <span>
#endif

using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<ottla::Producer>, "a producer is not copied");
static_assert(std::is_nothrow_move_constructible_v<ottla::Producer>, "it can be moved");
static_assert(std::is_nothrow_move_assignable_v<ottla::Producer>, "it can be moved");
static_assert(!std::is_copy_constructible_v<ottla::Cluster>, "a cluster is not copied");
static_assert(!std::is_copy_constructible_v<ottla::Config>, "a configuration is not copied");
static_assert(!std::is_constructible_v<ottla::Bytes, std::vector<int>>, "integers are no bytes");
static_assert(noexcept(std::declval<ottla::Producer>().send({}, std::nothrow)), "as it says");

// The call throws an Error with this code whose reason has this text.
template <typename Call>
static void expect_error(Call &&call, int32_t code, const char *text, const char *what) {
    try {
        call();
        expect(0, what, "nothing is thrown");
    } catch (const ottla::Error &thrown) {
        const bool named = std::string(thrown.what()) ==
                           std::string(ottla_status_name(code)) + ": " + thrown.reason();
        expect(thrown.code() == code && strstr(thrown.reason(), text) && named, what,
               thrown.what());
    }
}
#define EXPECT_ERROR(call, code, text) expect_error([&] { call; }, code, text, #call)

static ottla::Config config_for(const ottla::Cluster &cluster) {
    return ottla::Config{{"bootstrap.servers", cluster.bootstrap_servers()},
                         {"retry.backoff.ms", "20"},
                         {"log.level", "error"}};
}

static void errors_say_why() {
    ottla::Config config;
    EXPECT_ERROR(config.set("linger.mss", "5"), OTTLA_CONFIGURATION, "linger.ms");
    EXPECT_ERROR(ottla::Producer producer(config), OTTLA_CONFIGURATION, "bootstrap.servers");
    EXPECT(config.value("linger.ms") == "5" && !config.value("bootstrap.servers")->size());
    EXPECT_ERROR(ottla::Cluster("brokers=0"), OTTLA_CONFIGURATION, "brokers");

    config.set("bootstrap.servers", "127.0.0.1:1").set("log.level", "error");
    ottla::Producer producer(config);
    EXPECT_ERROR(config.on_report(nullptr), OTTLA_CONFIGURATION, "before");
    const ottla::Status status = producer.send({"letters"}, std::nothrow, 50ms);
    EXPECT(!status && status.code() == OTTLA_TIMED_OUT && status.retriable() && !status.fatal());
    EXPECT(strstr(status.reason(), "127.0.0.1:1") && !strcmp(status.name(), "TIMED_OUT"));
    EXPECT_ERROR(producer.send({"letters"}, 50ms), OTTLA_TIMED_OUT, "letters");
    EXPECT_ERROR(producer.send({"letters"}, -7ms), OTTLA_INVALID_ARGUMENT, "-7");
    EXPECT_ERROR(producer.send({"a b"}, [](const ottla::Report &) {}),
                 OTTLA_INVALID_TOPIC_EXCEPTION, "a b");
    ottla::Record record{"letters"};
    record.opaque = uint64_t{1} << 63;
    EXPECT(producer.send(record, std::nothrow).code() == OTTLA_INVALID_ARGUMENT);
    EXPECT(bool(producer.fatal_error()));
    uint64_t ticket = 0;
    EXPECT(producer.try_send({"letters"}, ticket).code() == OTTLA_WOULD_BLOCK && ticket);
    EXPECT(producer.cancel_ticket(ticket).code() == OTTLA_TIMED_OUT);
    EXPECT(producer.ready_tickets().empty() && producer.event_fd() > 2);
    producer.event_clear();
    producer.close();
    EXPECT_ERROR(producer.send({"letters"}), OTTLA_CLOSED, "");
}

static void a_nul_in_the_configuration_is_refused() {
    ottla::Config config;
    const std::string cut("a\0b", 3), key("client.id\0s", 11);
    EXPECT_ERROR(config.set("client.id", cut), OTTLA_CONFIGURATION, "client.id: there is a NUL");
    EXPECT_ERROR(config.set(key, "a"), OTTLA_CONFIGURATION, "client.id: there is a NUL");
    EXPECT_ERROR(config.value(key), OTTLA_CONFIGURATION, "client.id: there is a NUL");
    EXPECT_ERROR((ottla::Config{{"client.id", cut}}), OTTLA_CONFIGURATION, "client.id");
    EXPECT(config.value("client.id") == "");
}

static void a_config_that_was_moved_elsewhere_is_refused() {
    ottla::Config here, there(std::move(here));
    EXPECT_ERROR(here.on_report(nullptr), OTTLA_INVALID_HANDLE, "moved elsewhere");
    EXPECT_ERROR(here.on_log(nullptr), OTTLA_INVALID_HANDLE, "moved elsewhere");
    EXPECT_ERROR(here.partitioner(nullptr), OTTLA_INVALID_HANDLE, "moved elsewhere");
    EXPECT_ERROR(here.add_interceptor(nullptr), OTTLA_INVALID_HANDLE, "moved elsewhere");
    EXPECT_ERROR(here.set("linger.ms", "5"), OTTLA_INVALID_HANDLE, "config");
    EXPECT_ERROR(here.value("linger.ms"), OTTLA_INVALID_HANDLE, "config");
    EXPECT_ERROR(ottla::Producer producer(here), OTTLA_INVALID_HANDLE, "config");
    there.set("linger.ms", "5").on_report(nullptr);
}

static void all_tickets_that_are_ready_are_told_at_once(ottla::Cluster &cluster) {
    cluster.create_topic("tickets", 1);
    ottla::Producer producer(config_for(cluster));
    std::vector<uint64_t> tickets(200, 0);
    for (int32_t broker = 1; broker <= 3; broker++) cluster.pause(broker);
    for (uint64_t &ticket : tickets)
        EXPECT(producer.try_send({"tickets"}, ticket).code() == OTTLA_WOULD_BLOCK);
    for (int32_t broker = 1; broker <= 3; broker++) cluster.resume(broker);
    producer.partitions_for("tickets"); // What they wait for, too.
    EXPECT(producer.ready_tickets().size() == tickets.size());
    for (uint64_t &ticket : tickets) EXPECT(bool(producer.try_send({"tickets"}, ticket)));
    producer.close();
}

static void payloads_of_every_kind_arrive(ottla::Cluster &cluster) {
    cluster.create_topic("payloads", 1);
    ottla::Producer producer(config_for(cluster));
    const std::vector<std::byte> bytes{std::byte{0x41}, std::byte{0x42}};
    const std::array<unsigned char, 1> array{'C'};
    const char *const null = nullptr;
    producer.send({"payloads", "key", std::string("string")});
    producer.send({"payloads", bytes, array, {{"name", bytes}, {"name", nullptr}}});
    producer.send({"payloads", null, std::string_view("x\0y", 3)});
    producer.send({"payloads", "", {}});
#if __cplusplus >= 202002L
    producer.send({.topic = "payloads", .value = std::span(bytes)});
#endif
    producer.flush();
    const std::string log = cluster.command("records payloads 0");
    EXPECT(log.find("\"key\":\"key\"") != log.npos && log.find("\"string\"") != log.npos);
    EXPECT(log.find("\"AB\"") != log.npos && log.find("\"C\"") != log.npos);
    EXPECT(log.find("x\\u0000y") != log.npos && log.find("\"key\":null") != log.npos);
    EXPECT(log.find("\"key\":\"\"") != log.npos && log.find("\"value\":null") != log.npos);
    printf("%s\n", log.c_str());
    EXPECT(producer.partitions_for("payloads").size() == 1);
    EXPECT(producer.metrics().find("record-send-total") != std::string::npos);
}

static void reports_find_their_functions(ottla::Cluster &cluster) {
    std::map<uint64_t, int> all;
    int own = 0;
    {
        ottla::Config config = config_for(cluster);
        config.on_report([&](const ottla::Report &report) { all[report.opaque()]++; });
        ottla::Producer first(config), second = std::move(first);
        for (uint64_t i = 0; i < 100; i++) {
            ottla::Record record{"letters", nullptr, "value"};
            record.opaque = i;
            if (i % 2) second.send(record);
            else second.send(record, [&, i](const ottla::Report &report) {
                own += report && report.opaque() == i && report.topic() == "letters" &&
                       report.state() == ottla::State::persisted && report.offset() >= 0;
            });
        }
        EXPECT(first.get() == nullptr && second.get() != nullptr);
        second = ottla::Producer(config_for(cluster)); // The other one is closed.
        EXPECT(own == 50 && all.size() == 100);
        for (const auto &[opaque, times] : all) EXPECT(opaque < 100 && times == 1);
        second.send({"letters"}, [&](const ottla::Report &) { own++; });
    }
    EXPECT(own == 51); // A producer that goes out of scope has reported everything.
}

static void failures_are_reported(ottla::Cluster &cluster) {
    ottla::Producer producer(config_for(cluster));
    const uint64_t fault = cluster.inject("error TOPIC_AUTHORIZATION_FAILED topic=letters");
    std::string what;
    producer.send({"letters"}, [&](const ottla::Report &report) {
        what = report.error().what();
        EXPECT(!report && report.code() == OTTLA_TOPIC_AUTHORIZATION_FAILED && !report.fatal());
        EXPECT(report.state() == ottla::State::not_persisted && !report.retriable());
    });
    producer.flush();
    EXPECT(what.rfind("TOPIC_AUTHORIZATION_FAILED: ", 0) == 0 && what.size() > 40);
    cluster.heal(fault);
}

static void exceptions_come_out_of_the_call_that_ran_the_callback(ottla::Cluster &cluster) {
    ottla::Config config = config_for(cluster);
    int reports = 0;
    config.on_report([&](const ottla::Report &) {
        if (reports++ == 0) throw std::runtime_error("the disk is full");
    });
    ottla::Producer producer(config);
    for (int i = 0; i < 10; i++) producer.send({"letters", nullptr, "value"});
    try {
        producer.flush();
        expect(0, "flush throws", "it does not");
    } catch (const std::runtime_error &thrown) {
        expect(!strcmp(thrown.what(), "the disk is full"), "the same exception", thrown.what());
    }
    EXPECT(reports == 10); // The others were given out.
    producer.flush();
    producer.send({"letters"}, [](const ottla::Report &) { throw 7; });
    int thrown = 0;
    while (!thrown) try {
        producer.poll(100ms);
    } catch (int number) {
        thrown = number;
    }
    EXPECT(thrown == 7);
}

// In a child with a cluster of its own, whose terminate handler gives the status 7.
template <typename Call> static void expect_the_end(Call &&call, const char *what) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        std::set_terminate([] { execlp("sh", "sh", "-c", "exit 7", nullptr); });
        ottla::Cluster own("topic=letters:1");
        call(own);
        execlp("true", "true", nullptr);
    }
    int status = -1;
    waitpid(child, &status, 0);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, what, "the program goes on");
}

static void exceptions_that_nobody_could_catch_end_the_program() {
    const auto throws = [](const ottla::Report &) { throw 7; };
    expect_the_end([&](ottla::Cluster &own) {
        ottla::Producer producer(config_for(own));
        producer.send({"letters"}, throws);
        (void)producer.flush(std::nothrow);
    }, "in a flush that does not throw");
    expect_the_end([&](ottla::Cluster &own) {
        ottla::Producer(config_for(own)).send({"letters"}, throws);
    }, "in a destructor");
    expect_the_end([&](ottla::Cluster &own) {
        ottla::Config config = config_for(own);
        config.set("delivery.report.mode", "dispatch");
        ottla::Producer producer(config);
        producer.send({"letters"}, throws);
        producer.close();
    }, "on the library's thread");
}

static void exceptions_of_partitioners_and_interceptors(ottla::Cluster &cluster) {
    ottla::Config config = config_for(cluster);
    int acknowledged = 0, lines = 0;
    config.partitioner([](std::string_view topic, ottla::Bytes key, ottla::Bytes value, int32_t n) {
        if (key.is_null()) throw std::runtime_error("no key");
        EXPECT(topic == "letters" && value.text() == "intercepted" && n == 3);
        return key.text() == "2" ? 2 : -1;
    });
    config.add_interceptor([](ottla_record_t &record) {
        record.value = "intercepted", record.value_length = 11;
    }, [&](const ottla::Report &report) { acknowledged += report.opaque() == 5; });
    config.add_interceptor([](ottla_record_t &record) {
        record.value_length = 1; // Undone.
        throw 1;
    });
    config.on_log([&](int32_t level, std::string_view text) {
        lines += level <= OTTLA_LOG_WARN && !text.empty();
    });
    config.set("log.level", "warn");
    ottla::Producer producer(config);
    EXPECT_ERROR(producer.send({"letters"}), OTTLA_PARTITIONER_FAILED, "");
    int32_t partition = -1;
    ottla::Record record{"letters", "2", "value"};
    record.opaque = 5;
    producer.send(record, [&](const ottla::Report &report) { partition = report.partition(); });
    producer.flush();
    EXPECT(partition == 2 && acknowledged == 1 && lines > 0);
}

static void threads_and_interrupts(ottla::Cluster &cluster) {
    ottla::Config config = config_for(cluster);
    config.set("delivery.report.mode", "dispatch");
    std::atomic<int> reports{0};
    config.on_report([&](const ottla::Report &report) { reports += bool(report); });
    ottla::Producer producer(config);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([&] { for (int j = 0; j < 250; j++) producer.send({"letters"}); });
    for (std::thread &thread : threads) thread.join();
    producer.close(30s);
    EXPECT(reports == 1000);
}

static void a_cluster_obeys(ottla::Cluster &cluster) {
    const int32_t leader = cluster.leader("letters", 0);
    EXPECT(leader >= 1 && leader <= 3);
    cluster.kill(leader);
    EXPECT_ERROR(cluster.kill(leader), OTTLA_INVALID_ARGUMENT, "does not run");
    ottla::Producer producer(config_for(cluster));
    ottla::Record record{"letters"};
    record.partition = 0;
    producer.send(record);
    producer.flush();
    EXPECT(cluster.leader("letters", 0) != leader);
    cluster.start(leader);
    cluster.pause(leader);
    cluster.resume(leader);
    EXPECT_ERROR(cluster.command("dance"), OTTLA_INVALID_ARGUMENT, "dance");
    EXPECT(cluster.command("produced").size() > 100000); // More than one answer holds.
    EXPECT_ERROR(cluster.move_leader("none", 0, 1), OTTLA_UNKNOWN_TOPIC_OR_PARTITION, "");
}

int main() {
    errors_say_why();
    a_nul_in_the_configuration_is_refused();
    a_config_that_was_moved_elsewhere_is_refused();
    ottla::Cluster cluster("brokers=3\ntopic=letters:3");
    all_tickets_that_are_ready_are_told_at_once(cluster);
    payloads_of_every_kind_arrive(cluster);
    reports_find_their_functions(cluster);
    failures_are_reported(cluster);
    exceptions_come_out_of_the_call_that_ran_the_callback(cluster);
    exceptions_that_nobody_could_catch_end_the_program();
    exceptions_of_partitioners_and_interceptors(cluster);
    threads_and_interrupts(cluster);
    a_cluster_obeys(cluster);
    return finish();
}
