/*
 * Ottla for C++17 and later: the C API of ottla.h as classes, in this header alone.
 *
 *   ottla::Producer producer(ottla::Config{{"bootstrap.servers", "127.0.0.1:9092"}});
 *   producer.send({"letters", "key", "value"}, [](const ottla::Report &r) { … });
 *   producer.flush();
 *
 * HANDLES are owned: Config, Producer and Cluster can be moved and not copied, and free themselves.
 * A Producer that is destroyed sends and reports what it accepted, which takes
 * `delivery.timeout.ms` at most; close(timeout) before that takes less.
 *
 * ERRORS are thrown as ottla::Error. Overloads with std::nothrow do not throw: they return a
 * Status, true if all is well.
 *
 * PAYLOADS are views (Bytes, std::string_view), copied before send returns.
 *
 * DELIVERY REPORTS come to Config::on_report and to the function given to send, inside poll, flush
 * and close, or on a thread of the library with delivery.report.mode=dispatch.
 *
 * EXCEPTIONS NEVER CROSS the C library. One that a function for reports or log lines throws is kept
 * while the other reports are given out, and then thrown by the poll, flush or close that ran it.
 * Where nobody could catch it, the program ends (std::terminate): with std::nothrow, in a
 * destructor, and on the library's own thread (dispatch). One from a partitioner makes that send
 * fail with OTTLA_PARTITIONER_FAILED; one from an interceptor is logged, and the record goes on as
 * it was.
 *
 * THREADS may share a Producer or a Cluster; who moves or destroys one must be alone with it.
 * Calls, their errors and their times are those of ottla.h, which says more.
 */
#ifndef OTTLA_HPP
#define OTTLA_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ottla/detail.hpp"
#include "ottla/values.hpp"

namespace ottla {

/** No limit. */
inline constexpr Milliseconds forever{-1};
/** `max.block.ms` of the configuration. */
inline constexpr Milliseconds max_block{OTTLA_MAX_BLOCK};

/** Keys and values as CONFIGURATION.md lists them, and functions to call. */
class Config {
public:
    Config() : callbacks_(std::make_shared<detail::Callbacks>()) {
        ottla_config_t *config = nullptr;
        Status(ottla_config_new(&config)).or_throw();
        config_.reset(config);
        Status(ottla_config_set_report_callback(config, detail::ottla_hpp_reports,
                                                sizeof(ottla_report_t), callbacks_.get()))
            .or_throw();
    }
    Config(std::initializer_list<std::pair<std::string_view, std::string_view>> keys) : Config() {
        for (const auto &[key, value] : keys) set(std::string(key), std::string(value));
    }

    /** Neither has a NUL in it. */
    Config &set(const std::string &key, const std::string &value) {
        without_nul(key, key);
        without_nul(key, value);
        detail::checked([&](ottla_error_t **error) {
            return ottla_config_set(get(), key.c_str(), value.c_str(), error);
        }).or_throw();
        return *this;
    }
    /** What was set, else the default, if there is one. */
    std::optional<std::string> value(const std::string &key) const {
        without_nul(key, key);
        return detail::text([&](char *buffer, std::size_t capacity, int64_t *length) {
            return detail::checked([&](ottla_error_t **error) {
                return ottla_config_get(get(), key.c_str(), buffer, capacity, length, error);
            });
        });
    }
    /** Given every report, after the function that send was given with its record. */
    Config &on_report(OnReport function) {
        alone().on_report = std::move(function);
        return *this;
    }
    /** Given log lines, which go to stderr otherwise. */
    Config &on_log(OnLog function) {
        const bool given = static_cast<bool>(function);
        alone().on_log = std::move(function);
        Status(ottla_config_set_log_callback(get(), given ? detail::ottla_hpp_log : nullptr,
                                             callbacks_.get()))
            .or_throw();
        return *this;
    }
    /** Asked for the partition of a record that names none. */
    Config &partitioner(Partitioner function) {
        const bool given = static_cast<bool>(function);
        alone().partitioner = std::move(function);
        Status(ottla_config_set_partitioner(get(), given ? detail::ottla_hpp_partition : nullptr,
                                            callbacks_.get()))
            .or_throw();
        return *this;
    }
    /** Either may be nullptr. */
    Config &add_interceptor(OnSend on_send, OnReport on_acknowledgement = nullptr) {
        auto &list = alone().interceptors;
        list.push_back(std::make_unique<detail::Callbacks::Interceptor>());
        auto &added = *list.back();
        added = {std::move(on_send), std::move(on_acknowledgement)};
        Status(ottla_config_add_interceptor(
                   get(), added.on_send ? detail::ottla_hpp_on_send : nullptr,
                   added.on_acknowledgement ? detail::ottla_hpp_acknowledged : nullptr, &added))
            .or_throw();
        return *this;
    }

    /** C's handle; it stays this object's. */
    ottla_config_t *get() const noexcept { return config_.get(); }

private:
    friend class Producer;
    struct Free {
        void operator()(ottla_config_t *config) const noexcept { ottla_config_free(config); }
    };

    /** C would take what is before it for the whole text. */
    static void without_nul(const std::string &key, const std::string &text) {
        if (text.find('\0') != std::string::npos)
            throw Error(OTTLA_CONFIGURATION,
                        (std::string(key.c_str()) + ": there is a NUL in this key or its value")
                            .c_str(),
                        false, false);
    }

    /** The functions, unless a producer calls them already. */
    detail::Callbacks &alone() {
        if (!callbacks_)
            throw Error(OTTLA_INVALID_HANDLE, "this Config was moved elsewhere", false, false);
        if (callbacks_.use_count() > 1)
            throw Error(OTTLA_CONFIGURATION,
                        "a producer was made of this Config: set its functions before that",
                        false, false);
        return *callbacks_;
    }

    std::unique_ptr<ottla_config_t, Free> config_;
    std::shared_ptr<detail::Callbacks> callbacks_;
};

/** A partition of a topic, and the broker that leads it or -1. */
using Partition = ottla_partition_t;

/** A producer. Any thread may use it at any time. */
class Producer {
public:
    explicit Producer(const Config &config) : callbacks_(config.callbacks_) {
        ottla_producer_t *producer = nullptr;
        detail::checked([&](ottla_error_t **error) {
            return ottla_producer_new(config.get(), &producer, error);
        }).or_throw();
        producer_.reset(producer);
    }
    Producer(Producer &&) noexcept = default;
    Producer &operator=(Producer &&other) noexcept {
        Producer(std::move(other)).swap(*this);
        return *this;
    }
    /** Sends and reports what was accepted, within `delivery.timeout.ms`. */
    ~Producer() {
        if (producer_) ottla_producer_close(get(), -1, nullptr);
    }
    void swap(Producer &other) noexcept {
        std::swap(callbacks_, other.callbacks_);
        std::swap(producer_, other.producer_);
    }

    /** Accepts a record, or throws and does not; it is on its way soon after. */
    void send(const Record &record, Milliseconds timeout = max_block) {
        send(record, std::nothrow, timeout).or_throw();
    }
    Status send(const Record &record, std::nothrow_t, Milliseconds timeout = max_block) noexcept {
        if (record.opaque & detail::is_delivery) return Status(OTTLA_INVALID_ARGUMENT);
        return send_raw(raw(record, record.opaque), timeout);
    }
    /** As above; the function is given the report of this record. */
    void send(const Record &record, OnReport function, Milliseconds timeout = max_block) {
        auto delivery = std::make_unique<detail::Delivery>(
            detail::Delivery{std::move(function), record.opaque});
        auto opaque = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(delivery.get()));
        ottla_record_t sent = raw(record, opaque | detail::is_delivery);
        sent.flags = 0;
        send_raw(sent, timeout).or_throw();
        static_cast<void>(delivery.release());
    }
    /** Never waits: where it would, a ticket comes and the code is OTTLA_WOULD_BLOCK. */
    Status try_send(const Record &record, uint64_t &ticket) noexcept {
        if (record.opaque & detail::is_delivery) return Status(OTTLA_INVALID_ARGUMENT);
        const ottla_record_t sent = raw(record, record.opaque);
        return detail::checked([&](ottla_error_t **error) {
            return ottla_producer_try_send(get(), &sent, &ticket, error);
        });
    }
    /** All tickets whose sends can be tried again; each is told once. */
    std::vector<uint64_t> ready_tickets() {
        std::vector<uint64_t> tickets;
        for (std::size_t told = 0;;) {
            tickets.resize(told + 64);
            std::size_t count = 0;
            Status(ottla_producer_ready_tickets(get(), tickets.data() + told, 64, &count))
                .or_throw();
            told += count;
            if (count < 64) return tickets.resize(told), tickets;
        }
    }
    /** Gives a ticket up, and says what it waited for: never success. */
    Status cancel_ticket(uint64_t ticket) noexcept {
        return detail::checked([&](ottla_error_t **error) {
            return ottla_producer_cancel_ticket(get(), ticket, error);
        });
    }

    /** Gives out reports and log lines; waits for the first report. The number of reports. */
    std::size_t poll(Milliseconds timeout = Milliseconds::zero()) {
        std::size_t count = 0;
        detail::serving([&] {
            return detail::checked([&](ottla_error_t **error) {
                return ottla_producer_poll(get(), detail::timeout(timeout), &count, error);
            });
        }).or_throw();
        return count;
    }
    /** Waits until everything that was accepted has been reported. */
    void flush(Milliseconds timeout = forever) {
        detail::serving([&] { return flush(std::nothrow, timeout); }).or_throw();
    }
    Status flush(std::nothrow_t, Milliseconds timeout = forever) noexcept {
        return detail::checked([&](ottla_error_t **error) {
            return ottla_producer_flush(get(), detail::timeout(timeout), error);
        });
    }
    /** Takes no more records and ends; what is not acknowledged in time is reported as failed. */
    void close(Milliseconds timeout = forever) {
        detail::serving([&] { return close(std::nothrow, timeout); }).or_throw();
    }
    Status close(std::nothrow_t, Milliseconds timeout = forever) noexcept {
        return detail::checked([&](ottla_error_t **error) {
            return ottla_producer_close(get(), detail::timeout(timeout), error);
        });
    }
    /** Gives up what waits or is in flight; each record has its report. */
    void purge(uint32_t flags = OTTLA_PURGE_QUEUED | OTTLA_PURGE_IN_FLIGHT) {
        detail::checked([&](ottla_error_t **error) {
            return ottla_producer_purge(get(), flags, error);
        }).or_throw();
    }
    /** Ends the waits of other threads that have begun, with OTTLA_INTERRUPTED. */
    void interrupt() noexcept { ottla_producer_interrupt(get()); }

    /** Readable when there may be reports, log lines or tickets: event_clear, then take all. */
    int event_fd() {
        int32_t fd = -1;
        detail::checked([&](ottla_error_t **error) {
            return ottla_producer_event_fd(get(), &fd, error);
        }).or_throw();
        return fd;
    }
    void event_clear() { Status(ottla_producer_event_clear(get())).or_throw(); }

    std::vector<Partition> partitions_for(std::string_view topic,
                                          Milliseconds timeout = max_block) {
        std::vector<Partition> partitions(16);
        for (;;) {
            std::size_t count = 0;
            detail::checked([&](ottla_error_t **error) {
                return ottla_producer_partitions_for(
                    get(), topic.data(), static_cast<int64_t>(topic.size()), partitions.data(),
                    sizeof(Partition), partitions.size(), &count, detail::timeout(timeout), error);
            }).or_throw();
            const bool whole = count <= partitions.size();
            partitions.resize(count);
            if (whole) return partitions;
        }
    }
    /** A JSON object, under Kafka's names. */
    std::string metrics() const {
        return *detail::text([&](char *buffer, std::size_t capacity, int64_t *length) {
            return Status(ottla_producer_metrics(get(), buffer, capacity, length));
        });
    }
    /** False, with its code and reason, after an error that ended the producer. */
    Status fatal_error() const noexcept {
        return detail::checked([&](ottla_error_t **error) {
            return ottla_producer_fatal_error(get(), error);
        });
    }

    /** C's handle, for what is not here; it stays this object's. */
    ottla_producer_t *get() const noexcept { return producer_.get(); }

private:
    struct Free {
        void operator()(ottla_producer_t *producer) const noexcept {
            ottla_producer_free(producer);
        }
    };

    static ottla_record_t raw(const Record &record, uint64_t opaque) noexcept {
        ottla_record_t raw = OTTLA_RECORD_INIT;
        raw.topic = record.topic.data();
        raw.topic_length = static_cast<int64_t>(record.topic.size());
        raw.key = record.key.data(), raw.key_length = record.key.length();
        raw.value = record.value.data(), raw.value_length = record.value.length();
        raw.headers = record.headers.data(), raw.header_count = record.headers.size();
        raw.timestamp_ms = record.timestamp_ms, raw.partition = record.partition;
        raw.opaque = opaque;
        raw.flags = record.no_report ? OTTLA_NO_REPORT : 0;
        return raw;
    }
    Status send_raw(const ottla_record_t &record, Milliseconds timeout) noexcept {
        return detail::checked([&](ottla_error_t **error) {
            return ottla_producer_send_timeout(get(), &record, detail::timeout(timeout), error);
        });
    }

    std::shared_ptr<detail::Callbacks> callbacks_; // The handle, freed first, points to them.
    std::unique_ptr<ottla_producer_t, Free> producer_;
};

/** Brokers in this process, for tests; they die, sleep and misbehave on command. */
class Cluster {
public:
    /** Lines key=value: "brokers=3\ntopic=letters:3". */
    explicit Cluster(std::string_view config = {}) {
        ottla_cluster_t *cluster = nullptr;
        checked([&](ottla_error_t **error) {
            return ottla_cluster_new(config.data(), length(config), &cluster, error);
        });
        cluster_.reset(cluster);
    }
    std::string bootstrap_servers() const {
        return *detail::text([&](char *buffer, std::size_t capacity, int64_t *length) {
            return Status(ottla_cluster_bootstrap_servers(get(), buffer, capacity, length));
        });
    }
    void create_topic(std::string_view name, int32_t partitions, int16_t replication_factor = -1) {
        checked([&](ottla_error_t **error) {
            return ottla_cluster_create_topic(get(), name.data(), length(name), partitions,
                                              replication_factor, error);
        });
    }
    void kill(int32_t broker) { on(ottla_cluster_kill, broker); }
    void start(int32_t broker) { on(ottla_cluster_start, broker); }
    void pause(int32_t broker) { on(ottla_cluster_pause, broker); }
    void resume(int32_t broker) { on(ottla_cluster_resume, broker); }
    void move_leader(std::string_view topic, int32_t partition, int32_t broker) {
        checked([&](ottla_error_t **error) {
            return ottla_cluster_move_leader(get(), topic.data(), length(topic), partition, broker,
                                             error);
        });
    }
    int32_t leader(std::string_view topic, int32_t partition) const {
        int32_t broker = -1;
        checked([&](ottla_error_t **error) {
            return ottla_cluster_leader(get(), topic.data(), length(topic), partition, &broker,
                                        error);
        });
        return broker;
    }
    /** "error NOT_LEADER_OR_FOLLOWER api=Produce times=3", as ottla_cluster_inject says. */
    uint64_t inject(std::string_view fault) {
        uint64_t id = 0;
        checked([&](ottla_error_t **error) {
            return ottla_cluster_inject(get(), fault.data(), length(fault), &id, error);
        });
        return id;
    }
    /** Ends a fault, or all of them. */
    void heal(uint64_t id = 0) { Status(ottla_cluster_heal(get(), id)).or_throw(); }
    /** A line of the control port, and its answer: "produced". One that is long is asked twice. */
    std::string command(std::string_view line) {
        std::string answer(1 << 16, '\0');
        for (;;) {
            int64_t told = 0;
            checked([&](ottla_error_t **error) {
                return ottla_cluster_command(get(), line.data(), length(line), answer.data(),
                                             answer.size(), &told, error);
            });
            const bool whole = static_cast<std::size_t>(told) < answer.size();
            answer.resize(static_cast<std::size_t>(told) + (whole ? 0 : 4096));
            if (whole) return answer;
        }
    }

    ottla_cluster_t *get() const noexcept { return cluster_.get(); }

private:
    struct Free {
        void operator()(ottla_cluster_t *cluster) const noexcept { ottla_cluster_free(cluster); }
    };
    static int64_t length(std::string_view text) noexcept {
        return static_cast<int64_t>(text.size());
    }
    template <typename Call> static void checked(Call &&call) { detail::checked(call).or_throw(); }
    template <typename Function> void on(Function function, int32_t broker) {
        checked([&](ottla_error_t **error) { return function(get(), broker, error); });
    }

    std::unique_ptr<ottla_cluster_t, Free> cluster_;
};

/** The version of the library that runs, "0.1.0". */
inline const char *version() noexcept { return ottla_version(); }

} // namespace ottla

#endif
