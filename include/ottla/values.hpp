/* What goes in and comes out of a producer: payloads, records, reports, errors. See ottla.hpp. */
#ifndef OTTLA_VALUES_HPP
#define OTTLA_VALUES_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../ottla.h"

namespace ottla {

/** What a call that does not throw says: true if it succeeded, else a code and why. */
class [[nodiscard]] Status {
public:
    Status() noexcept = default;
    explicit Status(int32_t code, ottla_error_t *error = nullptr) noexcept
        : code_(code), error_(error) {}

    explicit operator bool() const noexcept { return code_ == OTTLA_OK; }
    /** OTTLA_OK, or the number of an error. */
    int32_t code() const noexcept { return code_; }
    /** The name of the code: "TIMED_OUT". */
    const char *name() const noexcept { return ottla_status_name(code_); }
    /** What happened, to what, and why; lives as long as the Status. */
    const char *reason() const noexcept {
        return error_ ? ottla_error_text(error_.get()) : ottla_status_text(code_);
    }
    /** Whether trying the same again may help. */
    bool retriable() const noexcept { return error_ && ottla_error_is_retriable(error_.get()); }
    /** Whether the producer accepts nothing any more. */
    bool fatal() const noexcept { return error_ && ottla_error_is_fatal(error_.get()); }
    /** Throws an Error unless all is well. */
    inline void or_throw() const;

private:
    struct Free {
        void operator()(ottla_error_t *error) const noexcept { ottla_error_free(error); }
    };
    int32_t code_ = OTTLA_OK;
    std::unique_ptr<ottla_error_t, Free> error_;
};

/** Why a call, or a record, failed. what() is "NAME: reason". */
class Error : public std::runtime_error {
public:
    Error(int32_t code, const char *reason, bool retriable, bool fatal)
        : std::runtime_error(std::string(ottla_status_name(code)) + ": " + reason), code_(code),
          retriable_(retriable), fatal_(fatal) {}

    int32_t code() const noexcept { return code_; }
    const char *name() const noexcept { return ottla_status_name(code_); }
    /** What happened, to what, and why, without the name of the code. */
    const char *reason() const noexcept {
        return what() + std::char_traits<char>::length(name()) + 2;
    }
    bool retriable() const noexcept { return retriable_; }
    bool fatal() const noexcept { return fatal_; }

private:
    int32_t code_;
    bool retriable_, fatal_;
};

inline void Status::or_throw() const {
    if (!*this) throw Error(code_, reason(), retriable(), fatal());
}

/** A view of bytes, or null, which Kafka tells apart from empty. A NULL `const char *` is null. */
class Bytes {
public:
    constexpr Bytes() noexcept = default;
    constexpr Bytes(std::nullptr_t) noexcept {}
    constexpr Bytes(std::string_view text) noexcept
        : data_(text.data()), length_(static_cast<int64_t>(text.size())) {}
    Bytes(const std::string &text) noexcept : Bytes(std::string_view(text)) {}
    constexpr Bytes(const char *text) noexcept {
        if (text) *this = Bytes(std::string_view(text));
    }
    constexpr Bytes(const void *data, std::size_t size) noexcept
        : data_(data), length_(static_cast<int64_t>(size)) {}
    /** Anything with data() and size() in bytes: std::vector<std::byte>, std::span<uint8_t>, … */
    template <typename Range, typename Item = std::remove_pointer_t<
                                  decltype(std::declval<const Range &>().data())>,
              typename = std::enable_if_t<sizeof(Item) == 1 && std::is_trivial_v<Item> &&
                                          !std::is_convertible_v<Range, std::string_view>>>
    constexpr Bytes(const Range &range) noexcept : Bytes(range.data(), range.size()) {}

    constexpr bool is_null() const noexcept { return length_ < 0; }
    constexpr const void *data() const noexcept { return data_; }
    /** In bytes; -1 if null. */
    constexpr int64_t length() const noexcept { return length_; }
    /** The bytes as text; empty if null. */
    std::string_view text() const noexcept {
        return is_null() ? std::string_view()
                         : std::string_view(static_cast<const char *>(data_),
                                            static_cast<std::size_t>(length_));
    }

private:
    const void *data_ = nullptr;
    int64_t length_ = -1;
};

/** A header of a record; views, like all of a record. */
struct Header : ottla_header_t {
    Header(std::string_view its_name, Bytes its_value) noexcept
        : ottla_header_t{its_name.data(), static_cast<int64_t>(its_name.size()), its_value.data(),
                         its_value.length()} {}
};
static_assert(sizeof(Header) == sizeof(ottla_header_t), "an array of them is an array of C's");

/** A record to send: {topic, key, value} and what else there is. */
struct Record {
    std::string_view topic;
    Bytes key = {};
    Bytes value = {};
    std::vector<Header> headers = {};
    /** -1 to have one chosen. */
    int32_t partition = -1;
    /** Milliseconds since 1970; -1 is now. */
    int64_t timestamp_ms = -1;
    /** Comes back in the report; below 2^63, as that bit is used here. */
    uint64_t opaque = 0;
    /** No report is wanted, even for a failure. */
    bool no_report = false;
};

/** What is known of a record's whereabouts. */
enum class State : int32_t {
    not_persisted = OTTLA_STATE_NOT_PERSISTED,
    possibly_persisted = OTTLA_STATE_POSSIBLY_PERSISTED,
    persisted = OTTLA_STATE_PERSISTED,
};

/** What became of one record; a view that ends with the function that is given it. */
class Report {
public:
    explicit Report(const ottla_report_t &report, uint64_t opaque) noexcept
        : report_(report), opaque_(opaque) {}

    /** Whether it succeeded. */
    explicit operator bool() const noexcept { return report_.status == OTTLA_OK; }
    std::string_view topic() const noexcept { return report_.topic; }
    int32_t partition() const noexcept { return report_.partition; }
    /** -1 where it failed or is not known (acks=0). */
    int64_t offset() const noexcept { return report_.offset; }
    int64_t timestamp_ms() const noexcept { return report_.timestamp_ms; }
    uint64_t opaque() const noexcept { return opaque_; }
    State state() const noexcept { return static_cast<State>(report_.state); }
    int32_t code() const noexcept { return report_.status; }
    const char *name() const noexcept { return ottla_status_name(report_.status); }
    /** Why it failed; empty if it did not. */
    std::string_view reason() const noexcept {
        return report_.reason ? std::string_view(report_.reason) : std::string_view();
    }
    bool retriable() const noexcept { return report_.flags & OTTLA_REPORT_RETRIABLE; }
    bool fatal() const noexcept { return report_.flags & OTTLA_REPORT_FATAL; }
    /** The failure as something to throw or to keep; only for a report of one. */
    Error error() const {
        return Error(code(), report_.reason ? report_.reason : ottla_status_text(code()),
                     retriable(), fatal());
    }

private:
    const ottla_report_t &report_;
    uint64_t opaque_;
};

using OnReport = std::function<void(const Report &)>;
/** A level (OTTLA_LOG_…) and a line. */
using OnLog = std::function<void(int32_t, std::string_view)>;
/** Topic, key, value, number of partitions: a partition, or -1 for the built-in rules. */
using Partitioner = std::function<int32_t(std::string_view, Bytes, Bytes, int32_t)>;
/** May point key, value and headers to memory that lives until send returns. */
using OnSend = std::function<void(ottla_record_t &)>;

} // namespace ottla

#endif
