#!/usr/bin/env python3
"""Makes a table (Markdown) and a picture (SVG) of what run.py measured.

  report.py RUNS.jsonl OUT      writes OUT.md and OUT.svg

A line of the table is one producer in one case: medians of its runs, and its CPU time per record
and its records per second as ratios to the best other producer of the same case, which is what to
look at: seconds move with the machine, ratios much less. The limit is no producer: see limit.c.
Requests and MB are what came to the sink, warm-up included, for a million records.
"""
import sys
from html import escape

from cases import CASE, median, read, write

NOT_OTHERS = ("ottla", "ottla-go", "limit")
NAMES = {"ottla": "Ottla", "rdk": "librdkafka", "java": "Java", "franz": "franz-go"}
COLOURS = {"ottla": "#0b6e4f", "rdk": "#8d99ae", "java": "#c08552", "franz": "#5390d9"}


def label(case):
    at = dict(zip(CASE, case))
    words = [f"{at['size']} B"]
    words += [at["codec"]] if at["codec"] != "none" else []
    words.append(f"batch {at['batch'] // 1024} KiB")
    words += [f"{at['rate']}/s, linger {at['linger']}"] if at["rate"] else []
    for name, usual in (("threads", 1), ("topics", 1), ("partitions", 12), ("brokers", 1)):
        words += [f"{at[name]} {name}"] if at[name] != usual else []
    words += [f"keys of {at['key_size']} B"] if at["keyed"] else []
    words += [f"{at['headers']} headers"] if at["headers"] else []
    words += [] if at["pinned"] else ["both cores"]
    return f"{at['target']}: " + ", ".join(words)


def ratio(peers, peer, figure, best):
    """A figure of a producer as a ratio to the best that is not ours."""
    others = [median(runs, figure) for name, runs in peers.items() if name not in NOT_OTHERS]
    return median(peers[peer], figure) / best(others) if others else None


def number(value, digits=3):
    return "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.{digits}g}"


def table(found):
    columns = ["case", "producer", "CPU-s per million", "ratio", "records/s", "ratio", "MB/s",
               "p50 ms", "p99 ms", "p99.9 ms", "peak MB", "requests a million",
               "MB sent a million", "broker CPU-s per million", "runs"]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for case, peers in found.items():
        for peer in sorted(peers, key=lambda peer: median(peers[peer], "cpu_s_per_m")):
            runs = peers[peer]
            cells = [label(case), NAMES.get(peer, peer), number(median(runs, "cpu_s_per_m")),
                     number(ratio(peers, peer, "cpu_s_per_m", min)), number(median(runs, "rps")),
                     number(ratio(peers, peer, "rps", max)), number(median(runs, "mb_s"), 4)]
            cells += [number(median(runs, p)) for p in ("p50_ms", "p99_ms", "p999_ms", "rss_mb")]
            cells += [number(median(runs, "requests_per_m")),
                      number(median(runs, "mb_sent_per_m"), 4),
                      number(median(runs, "broker_s_per_m")), str(len(runs))]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def picture(found):
    """Bars of CPU seconds per million records, the cases below each other."""
    bar, gap, left, width, rows, y = 14, 26, 150, 900, [], 30
    for case, peers in found.items():
        rows.append(f'<text x="8" y="{y}" font-weight="bold">{escape(label(case))}</text>')
        y += 8
        dearest = max(median(runs, "cpu_s_per_m") for runs in peers.values())
        for peer, runs in sorted(peers.items(), key=lambda item: median(item[1], "cpu_s_per_m")):
            cost = median(runs, "cpu_s_per_m")
            long = max(1, (width - left - 120) * cost / dearest)
            rows.append(
                f'<text x="{left - 8}" y="{y + 11}" text-anchor="end">{NAMES.get(peer, peer)}</text>'
                f'<rect x="{left}" y="{y}" width="{long:.0f}" height="{bar}" '
                f'fill="{COLOURS.get(peer, "#999")}"/>'
                f'<text x="{left + long + 6:.0f}" y="{y + 11}">{number(cost)}</text>')
            y += bar + 4
        y += gap
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
            'font-family="sans-serif" font-size="12">'
            '<rect width="100%" height="100%" fill="white"/>'
            '<text x="8" y="14">CPU seconds of the client per million records, medians</text>')
    return head + "\n".join(rows) + "</svg>\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    found = read(sys.argv[1])
    if not found:
        sys.exit("report.py: no run in it succeeded")
    write(sys.argv[2], table(found), picture(found))


main()
