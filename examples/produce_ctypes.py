"""Sends four records and shows what became of each: produce_ctypes.py HOST:PORT TOPIC

The plain C API by ctypes; for a program there is the package ottla (produce.py)."""
import ctypes
import struct
import sys
from ctypes import byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p


class Report(ctypes.Structure):
    """ottla_report_t"""
    _fields_ = [("opaque", c_uint64), ("offset", c_int64), ("timestamp_ms", c_int64),
                ("topic", c_char_p), ("reason", c_char_p), ("partition", c_int32),
                ("status", c_int32), ("state", c_int32), ("flags", c_uint32)]


lib = ctypes.CDLL("libottla.so")
lib.ottla_error_text.restype = c_char_p


def check(function, *args):
    """Calls a function whose last parameter is the error, and raises that."""
    error = c_void_p()
    if function(*args, byref(error)) != 0:
        raise RuntimeError(lib.ottla_error_text(error).decode())


def length(data):
    return c_int64(-1 if data is None else len(data))


def main(servers, topic):
    config, producer, topic = c_void_p(), c_void_p(), topic.encode()
    lib.ottla_config_new(byref(config))
    check(lib.ottla_config_set, config, b"bootstrap.servers", servers.encode())
    check(lib.ottla_producer_new, config, byref(producer))
    records = [(b"ottla", b"a letter", [b"from", b"Franz", b"note", None], 1709251200000),
               (None, b"a postcard without a key", [], -1),
               (b"ottla", None, [b"empty", b""], 1709251200001), (b"", b"", [], -1)]
    for number, (key, value, headers, timestamp_ms) in enumerate(records):
        packed = b"".join(struct.pack("=i", length(part).value) + (part or b"") for part in headers)
        check(lib.ottla_producer_send_flat, producer, topic, length(topic), -1,
              c_int64(timestamp_ms), key, length(key), value, length(value), packed,
              length(packed), c_uint64(number), 0, -2, None)
    reports, count, lease, seen, failed = (Report * 16)(), c_size_t(), c_void_p(), 0, 0
    while seen < len(records):
        check(lib.ottla_producer_poll_reports, producer, reports, c_size_t(ctypes.sizeof(Report)),
              c_size_t(len(reports)), -1, byref(count), byref(lease))
        for report in reports[:count.value]:
            where = f"{report.topic.decode()}-{report.partition}@{report.offset}"
            print(f"record {report.opaque}", report.reason.decode() if report.status else where)
            failed += report.status != 0
        lib.ottla_reports_free(lease)
        seen += count.value
    check(lib.ottla_producer_close, producer, 30000)
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
