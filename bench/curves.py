#!/usr/bin/env python3
"""Makes a table (Markdown) and curves (SVG) of what growth costs Ottla, of what run.py measured.

  curves.py RUNS.jsonl OUT      writes OUT.md and OUT.svg

A curve is what one thing that grows does to the CPU time of a record, all else being as usual; both
axes are logarithmic. Points are medians.
"""
import math
import sys

from cases import CASE, median, read, write

USUAL = {"target": "sink", "size": 100, "codec": "none", "batch": 16384, "linger": 5, "rate": 0,
         "threads": 1, "keyed": 0, "key_size": 8, "headers": 0, "topics": 1, "partitions": 12,
         "brokers": 1, "pinned": True}
# What grows: its name, what else is unusual with it, and what may be anything.
GROWS = [("partitions", {"keyed": 1}, ()), ("topics", {}, ()), ("threads", {"pinned": False}, ()),
         ("size", {}, ("batch",)), ("brokers", {"partitions": 100}, ()),
         ("brokers", {"partitions": 100, "target": "cluster"}, ())]
WIDTH, HEIGHT, LEFT, TOP = 300, 200, 56, 34


def points(found, name, others, free):
    """What grew, and the medians there: (value, CPU-s per million, records/s)."""
    usual = {**USUAL, **others}
    fixed = [key for key in CASE if key != name and key not in free]
    values = []
    for case, peers in found.items():
        at = dict(zip(CASE, case))
        if "ottla" in peers and all(at[key] == usual[key] for key in fixed):
            runs = peers["ottla"]
            values.append((at[name], median(runs, "cpu_s_per_m"), median(runs, "rps")))
    return sorted(values)


def title(name, others):
    return f"{name}, {others['target']}" if "target" in others else name


def table(name, values):
    lines = [f"| {name} | CPU-s per million | records/s |", "|---|---|---|"]
    lines += [f"| {value:,} | {cost:.3g} | {rate:,.0f} |" for value, cost, rate in values]
    return "\n".join(lines) + "\n"


def short(value):
    """10,000 as 10k."""
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if value >= unit and value % unit == 0:
            return f"{value // unit}{letter}"
    return str(value)


def panel(x, y, name, values):
    """One curve, its corner at x and y."""
    def place(value, least, most, length):
        span = math.log(most / least) or 1
        return math.log(value / least) / span * length

    across, down = WIDTH - LEFT - 20, HEIGHT - TOP - 40
    xs, ys = [v[0] for v in values], [v[1] for v in values]
    low, high = min(ys) / 1.3, max(ys) * 1.3
    dots = [(x + LEFT + place(value, min(xs), max(xs), across),
             y + TOP + down - place(cost, low, high, down)) for value, cost, _ in values]
    line = " ".join(f"{a:.0f},{b:.0f}" for a, b in dots)
    parts = [f'<text x="{x + LEFT}" y="{y + 20}" font-weight="bold">{name}</text>',
             f'<polyline points="{line}" fill="none" stroke="#0b6e4f" stroke-width="2"/>']
    for (a, b), (value, cost, _) in zip(dots, values):
        parts.append(f'<circle cx="{a:.0f}" cy="{b:.0f}" r="3" fill="#0b6e4f"/>'
                     f'<text x="{a:.0f}" y="{b - 7:.0f}" text-anchor="middle">{cost:.3g}</text>'
                     f'<text x="{a:.0f}" y="{y + TOP + down + 18}" text-anchor="middle" '
                     f'fill="#666">{short(value)}</text>')
    return "".join(parts)


def picture(curves):
    columns = 2
    height = 30 + HEIGHT * math.ceil(len(curves) / columns)
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * columns}" height="{height}" '
            'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" '
            'fill="white"/><text x="8" y="16">CPU seconds per million records, medians</text>')
    panels = [panel(i % columns * WIDTH, 24 + i // columns * HEIGHT, name, values)
              for i, (name, values) in enumerate(curves)]
    return head + "\n".join(panels) + "</svg>\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    found = read(sys.argv[1])
    curves = [(title(name, others), points(found, name, others, free))
              for name, others, free in GROWS]
    curves = [(name, values) for name, values in curves if len(values) > 1]
    if not curves:
        sys.exit("curves.py: nothing in it grows")
    text = "\n".join(table(name, values) for name, values in curves)
    write(sys.argv[2], text, picture(curves))


main()
