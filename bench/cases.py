"""What a case is, for run.py and what makes reports of it: its settings, its runs by producer,
their medians; and how runs are read and reports written."""
import json
import statistics

CASE = ["target", "size", "codec", "batch", "linger", "rate", "threads", "keyed", "key_size",
        "headers", "topics", "partitions", "brokers", "pinned"]


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


def read(path):
    """The cases of what run.py wrote."""
    with open(path, encoding="ascii") as lines:
        return cases(json.loads(line) for line in lines)


def write(path, text, picture):
    """Writes a report as Markdown and its picture as SVG, and says so."""
    for ending, made in ((".md", text), (".svg", picture)):
        with open(path + ending, "w", encoding="utf-8") as out:
            out.write(made)
    print(text)
    print(f"{path}.md and {path}.svg")
