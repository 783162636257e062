"""Sends four records and shows what became of each: produce_ctypes.py HOST:PORT TOPIC

Everything goes through ctypes and the standard library: libottla.so and no more.
"""

import ctypes
import struct
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_void_p
from ctypes import c_uint32, c_uint64


class Report(ctypes.Structure):
    """ottla_report_t"""
    _fields_ = [("opaque", c_uint64), ("offset", c_int64), ("timestamp_ms", c_int64),
                ("topic", c_char_p), ("reason", c_char_p), ("partition", c_int32),
                ("status", c_int32), ("state", c_int32), ("flags", c_uint32)]


lib = ctypes.CDLL("libottla.so")
lib.ottla_error_text.restype = lib.ottla_error_name.restype = c_char_p
lib.ottla_error_text.argtypes = lib.ottla_error_name.argtypes = [c_void_p]
lib.ottla_error_free.argtypes = [c_void_p]
lib.ottla_config_new.argtypes = [POINTER(c_void_p)]
lib.ottla_config_set.argtypes = [c_void_p, c_char_p, c_char_p, POINTER(c_void_p)]
lib.ottla_config_free.argtypes = [c_void_p]
lib.ottla_producer_new.argtypes = [c_void_p, POINTER(c_void_p), POINTER(c_void_p)]
lib.ottla_producer_send_flat.argtypes = [
    c_void_p, c_char_p, c_int64, c_int32, c_int64, c_char_p, c_int64, c_char_p, c_int64,
    c_char_p, c_int64, c_uint64, c_uint32, c_int32, POINTER(c_uint64), POINTER(c_void_p)]
lib.ottla_producer_poll_reports.argtypes = [
    c_void_p, POINTER(Report), c_size_t, c_size_t, c_int32, POINTER(c_size_t), POINTER(c_void_p),
    POINTER(c_void_p)]
lib.ottla_reports_free.argtypes = [c_void_p]
lib.ottla_producer_close.argtypes = [c_void_p, c_int32, POINTER(c_void_p)]
lib.ottla_producer_free.argtypes = [c_void_p]


def check(function, *args):
    """Calls a function whose last parameter is the error, and raises that."""
    error = c_void_p()
    if function(*args, byref(error)) != 0:
        text = f"{lib.ottla_error_name(error).decode()}: {lib.ottla_error_text(error).decode()}"
        lib.ottla_error_free(error)
        raise RuntimeError(text)


def length(data):
    return -1 if data is None else len(data)


def send(producer, topic, opaque, key, value, headers=(), timestamp_ms=-1):
    packed = b"".join(struct.pack("=i", length(part)) + (part or b"")
                      for header in headers for part in header)
    check(lib.ottla_producer_send_flat, producer, topic, len(topic), -1, timestamp_ms, key,
          length(key), value, length(value), packed, len(packed), opaque, 0, -2, None)


def main(servers, topic):
    config, producer = c_void_p(), c_void_p()
    lib.ottla_config_new(byref(config))
    check(lib.ottla_config_set, config, b"bootstrap.servers", servers.encode())
    check(lib.ottla_producer_new, config, byref(producer))
    lib.ottla_config_free(config)

    topic = topic.encode()
    send(producer, topic, 0, b"ottla", b"a letter", [(b"from", b"Franz"), (b"note", None)],
         timestamp_ms=1709251200000)
    send(producer, topic, 1, None, b"a postcard without a key")
    send(producer, topic, 2, b"ottla", None, [(b"empty", b"")], timestamp_ms=1709251200001)
    send(producer, topic, 3, b"", b"")

    reports, count, lease = (Report * 16)(), c_size_t(), c_void_p()
    seen = failed = 0
    while seen < 4:
        check(lib.ottla_producer_poll_reports, producer, reports, ctypes.sizeof(Report),
              len(reports), -1, byref(count), byref(lease))
        for report in reports[:count.value]:
            where = f"{report.topic.decode()}-{report.partition}@{report.offset}"
            print(f"record {report.opaque}", report.reason.decode() if report.status else where)
            failed += report.status != 0
        lib.ottla_reports_free(lease)
        seen += count.value
    check(lib.ottla_producer_close, producer, 30000)
    lib.ottla_producer_free(producer)
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: produce_ctypes.py HOST:PORT TOPIC")
    sys.exit(main(*sys.argv[1:]))
