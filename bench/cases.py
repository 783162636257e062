"""What run.py and report.py take for one case: its settings, its runs by producer, their medians."""
import statistics

CASE = ["target", "size", "codec", "batch", "linger", "rate", "threads", "keyed", "headers",
        "topics", "partitions", "brokers", "pinned"]


def cases(rows):
    """The runs that succeeded: by case, by producer."""
    found = {}
    for row in rows:
        if "failed" not in row:
            peers = found.setdefault(tuple(row[name] for name in CASE), {})
            peers.setdefault(row["peer"], []).append(row)
    return found


def median(runs, figure):
    """Of the runs that have the figure; None if none has."""
    values = [run[figure] for run in runs if figure in run]
    return statistics.median(values) if values else None
