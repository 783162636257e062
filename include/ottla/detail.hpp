/* Between C++ functions and C's callbacks; nothing here is for applications. See ottla.hpp. */
#ifndef OTTLA_DETAIL_HPP
#define OTTLA_DETAIL_HPP

#include <chrono>
#include <exception>
#include <optional>

#include "values.hpp"

namespace ottla {

using Milliseconds = std::chrono::milliseconds;

namespace detail {

/** How many calls of this thread are ready to throw what a callback threw, and what that was. */
struct Thrown {
    int catchers = 0;
    std::exception_ptr exception;
};
inline Thrown &thrown() noexcept {
    thread_local Thrown thrown;
    return thrown;
}

/** Runs a callback; the first exception waits for the call that is behind it. */
template <typename Function> void guarded(Function &&function) noexcept {
    try {
        function();
    } catch (...) {
        if (thrown().catchers == 0) std::terminate();
        if (!thrown().exception) thrown().exception = std::current_exception();
    }
}

/** Runs a call of C that runs callbacks, and throws what they threw. */
template <typename Call> Status serving(Call &&call) {
    Thrown &mine = thrown();
    std::exception_ptr outer = std::exchange(mine.exception, nullptr);
    mine.catchers++;
    Status status = call();
    mine.catchers--;
    std::exception_ptr exception = std::exchange(mine.exception, std::move(outer));
    if (exception) std::rethrow_exception(exception);
    return status;
}

/** A function with the opaque of its record, which has its address instead. */
struct Delivery {
    OnReport function;
    uint64_t opaque;
};
inline constexpr uint64_t is_delivery = uint64_t{1} << 63;

/** The functions that the C library points to; a Config and its producers share them. */
struct Callbacks {
    OnReport on_report;
    OnLog on_log;
    Partitioner partitioner;
    struct Interceptor {
        OnSend on_send;
        OnReport on_acknowledgement;
    };
    std::vector<std::unique_ptr<Interceptor>> interceptors;
};

inline void give(const OnReport &function, const ottla_report_t &report, uint64_t opaque) noexcept {
    if (function) guarded([&] { function(Report(report, opaque)); });
}

inline uint64_t opaque_of(const ottla_report_t &report) noexcept {
    if (!(report.opaque & is_delivery)) return report.opaque;
    return reinterpret_cast<Delivery *>(report.opaque & ~is_delivery)->opaque;
}

extern "C" {
inline void ottla_hpp_reports(const ottla_report_t *reports, std::size_t count, void *user) {
    for (const ottla_report_t *report = reports; report != reports + count; report++) {
        const uint64_t opaque = opaque_of(*report);
        if (report->opaque & is_delivery) {
            std::unique_ptr<Delivery> delivery(
                reinterpret_cast<Delivery *>(report->opaque & ~is_delivery));
            give(delivery->function, *report, opaque);
        }
        give(static_cast<Callbacks *>(user)->on_report, *report, opaque);
    }
}
inline void ottla_hpp_log(int32_t level, const char *text, int64_t length, void *user) {
    const OnLog &function = static_cast<Callbacks *>(user)->on_log;
    guarded([&] { function(level, std::string_view(text, static_cast<std::size_t>(length))); });
}
inline int32_t ottla_hpp_partition(const char *topic, int64_t topic_length, const void *key,
                                   int64_t key_length, const void *value, int64_t value_length,
                                   int32_t count, void *user) {
    try {
        auto bytes = [](const void *data, int64_t length) {
            return length < 0 ? Bytes() : Bytes(data, static_cast<std::size_t>(length));
        };
        return static_cast<Callbacks *>(user)->partitioner(
            bytes(topic, topic_length).text(), bytes(key, key_length), bytes(value, value_length),
            count);
    } catch (...) {
        return INT32_MIN;
    }
}
inline int32_t ottla_hpp_on_send(ottla_record_t *record, void *user) {
    try {
        static_cast<Callbacks::Interceptor *>(user)->on_send(*record);
        return 0;
    } catch (...) {
        return OTTLA_INTERNAL;
    }
}
inline int32_t ottla_hpp_acknowledged(const ottla_report_t *report, void *user) {
    try {
        static_cast<Callbacks::Interceptor *>(user)->on_acknowledgement(
            Report(*report, opaque_of(*report)));
        return 0;
    } catch (...) {
        return OTTLA_INTERNAL;
    }
}
} // extern "C"

/** Of more milliseconds than C can say the most; the library refuses what is below -2. */
inline int32_t timeout(Milliseconds given) noexcept {
    return static_cast<int32_t>(given.count() > INT32_MAX   ? INT32_MAX
                                : given.count() < INT32_MIN ? INT32_MIN
                                                            : given.count());
}

/** Runs a call whose last argument is for its error. */
template <typename Call> Status checked(Call &&call) noexcept {
    ottla_error_t *error = nullptr;
    const int32_t code = call(&error);
    return Status(code, error);
}

/** A text that C copies into a buffer, and whose length it tells. */
template <typename Copy> std::optional<std::string> text(Copy &&copy) {
    std::string text;
    for (int64_t length = 255;;) {
        text.resize(static_cast<std::size_t>(length) + 1);
        const std::size_t capacity = text.size();
        copy(text.data(), capacity, &length).or_throw();
        if (length < 0) return std::nullopt;
        const bool whole = static_cast<std::size_t>(length) < capacity;
        if (whole) return text.resize(static_cast<std::size_t>(length)), text;
    }
}

} // namespace detail

} // namespace ottla

#endif
