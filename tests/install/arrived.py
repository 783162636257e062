"""Compares what the cluster says of a topic (JSON lines) with what the examples send."""

import json
import sys

EXPECTED = [
    ("ottla", "a letter", [["from", "Franz"], ["note", None]]),
    (None, "a postcard without a key", []),
    ("ottla", None, [["empty", ""]]),
    ("", "", []),
]
records = [json.loads(line) for line in sys.stdin if line.strip()]
seen = [(r["key"], r["value"], r["headers"]) for r in records]
times = [records[i]["timestamp_ms"] for i in (0, 2)] if len(records) == 4 else []
if seen != EXPECTED or times != [1709251200000, 1709251200001]:
    sys.exit(f"arrived: {records}")
print("as the examples say")
