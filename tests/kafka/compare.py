#!/usr/bin/env python3
"""compare.py EXPECTED READ: is what was read from a topic what should have been written?

EXPECTED has a record a line, keys, values and header values as text or null, and a timestamp or
null for "now". READ is what ReadBack.java prints. Every record must be there exactly once, and
records of one key in one partition in the order of EXPECTED.
"""
import json
import sys
import time


def text(hexadecimal):
    return None if hexadecimal is None else bytes.fromhex(hexadecimal).decode()


def read_back(line):
    record = json.loads(line)
    place = (record["partition"], record["offset"])
    if record["timestamp_type"] != "CreateTime":
        raise SystemExit(f"record at {place}: timestamp type {record['timestamp_type']}")
    return place, {
        "key": text(record["key"]),
        "value": text(record["value"]),
        "headers": [[name, text(value)] for name, value in record["headers"]],
        "timestamp": record["timestamp"],
    }


def matches(expected, record):
    timestamp = expected["timestamp"]
    if timestamp is None:
        recent = abs(record["timestamp"] / 1000 - time.time()) < 600
        return recent and {**record, "timestamp": None} == expected
    return record == expected


def main(expected_file, read_file):
    expected = [json.loads(line) for line in open(expected_file, encoding="utf-8")]
    left = [read_back(line) for line in open(read_file, encoding="utf-8")]
    last = {}
    faults = []
    for want in expected:
        found = next((r for r in left if matches(want, r[1])), None)
        if found is None:
            faults.append(f"missing: {want}")
            continue
        left.remove(found)
        (partition, offset), key = found[0], want["key"]
        if key is not None and key in last:
            before = last[key]
            if before[0] != partition or before[1] >= offset:
                faults.append(f"key {key!r}: {found[0]} should come after {before}")
        last[key] = found[0]
    faults += [f"not expected, at {place}: {record}" for place, record in left]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
