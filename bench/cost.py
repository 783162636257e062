#!/usr/bin/env python3
"""Counts the instructions of fixed work (cost.c) under valgrind and compares them with cost.tsv.

  cost.py            fails if anything costs more than it did, within the tolerance
  cost.py --update   writes the table anew: do that with the change that explains it

Unlike seconds these numbers are the same on a busy machine. Time in the kernel is not in them, nor
what caches do: run.py measures that. They are of x86-64 and of the compiler that cost.tsv names.
"""
import json
import os
import platform
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = os.path.join(ROOT, "bench", "cost.tsv")
OUT = os.path.join(ROOT, "build", "cost")
COUNTS = os.path.join(OUT, "callgrind")
TOLERANCE = 0.03
ROUNDS, RECORDS, BATCHES = 20, 6000, 12
# Through the shortcut without headers: a plain record, one with a key, and one with a time.
APPENDS = 3 * ROUNDS * RECORDS

# What is counted: its name, the function (a regular expression), and how often the work is done;
# None is once for each 1,000 bytes of the batches, of which the program says how many there were.
COUNTED = [
    ("send", r"work_send ", ROUNDS * RECORDS),
    ("send with a key of 16 bytes", r"work_send_keyed ", ROUNDS * RECORDS),
    ("send with three headers", r"work_send_headers ", ROUNDS * RECORDS),
    ("send in the general way", r"work_send_timeout ", ROUNDS * RECORDS),
    ("seal a kilobyte", r"RecordAccumulator>::seal ", None),
    ("drain a batch", r"Sender>::send_produce ", 2 * ROUNDS * BATCHES),
    ("answer of a batch", r"Sender>::produce_answered ", 2 * ROUNDS * BATCHES),
    ("report", r"work_report ", ROUNDS * RECORDS),
]


def run():
    """Runs the program under valgrind; the counters that it prints."""
    program, lib = os.path.join(OUT, "cost"), os.path.join(ROOT, "build", "lib")
    os.makedirs(OUT, exist_ok=True)
    subprocess.run(["cc", "-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror",
                    "-I" + os.path.join(ROOT, "include"), os.path.join(ROOT, "bench", "cost.c"),
                    "-o", program, "-L" + lib, "-lottla", "-Wl,-rpath," + lib], check=True)
    # Addresses as they are, so that `appends` can read them.
    command = ["valgrind", "-q", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no",
               "--compress-strings=no", "--callgrind-out-file=" + COUNTS, program]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    return json.loads(done.stdout)


def counts():
    """Instructions of every function with what it calls, by the name callgrind gives it."""
    command = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", COUNTS]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = re.findall(r"^ *([\d,]+) \([ \d.]+%\)  (.*?)(?: \[.*)?$", text, re.M)
    return [(int(number.replace(",", "")), name + " ") for number, name in lines]


def appends():
    """Instructions of appends, with what they call. They are compiled into the shortcut and have no
    name of their own in callgrind's counts: the debug information says which addresses they are."""
    at, function = {}, ""
    with open(COUNTS, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("fn="):
                function = line
            elif line.startswith("0x") and "::send_plain_by_shortcut" in function:
                address, _, count = line.split()
                at[int(address, 16)] = at.get(int(address, 16), 0) + int(count)
    lib = os.path.join(ROOT, "build", "lib", "libottla.so")
    text = subprocess.run(["addr2line", "-a", "-f", "-i", "-e", lib, *map(hex, at)], check=True,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    # An address, and then two lines for each function that it is in: its name, and where that is.
    places = [place.split("\n") for place in re.split("^0x", text, flags=re.M)[1:]]
    return sum(at[int(lines[0], 16)] for lines in places if any("append_usual" in name for name in lines[1::2]))


def measured():
    kilobytes = run()["byte-total"] / 1000
    found, table = counts(), {}
    for name, function, times in COUNTED:
        # A function is listed once for every file that was inlined into it; the largest is all.
        of = [count for count, listed in found if re.search("[:> ]" + function, listed)]
        if not of:
            sys.exit(f"cost.py: no function {function}: was it renamed, or inlined?")
        table[name] = round(max(of) / (times or kilobytes))
    table["append"] = round(appends() / APPENDS)
    if not table["append"]:
        sys.exit("cost.py: no append_usual in the shortcut: was it renamed, or not inlined?")
    return table


def compiler():
    return subprocess.run(["rustc", "--version"], check=True, capture_output=True,
                          text=True).stdout.split("(")[0].strip()


def committed():
    with open(TABLE, encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]
    return {name: int(count) for name, count in rows}


def main():
    if platform.machine() != "x86_64":
        print("cost.py: the numbers are of x86-64, nothing to compare with")
        return
    now = measured()
    if "--update" in sys.argv:
        with open(TABLE, "w", encoding="utf-8") as table:
            table.write(f"# Instructions, by bench/cost.py, with {compiler()}.\n")
            table.writelines(f"{name}\t{count}\n" for name, count in now.items())
    before = committed()
    dearer = []
    for name, count in now.items():
        was = before.get(name, 0)
        print(f"{name:30} {count:7} instructions, {was:7} before")
        if count > was * (1 + TOLERANCE) + 2:
            dearer.append(name)
        elif count < was * (1 - TOLERANCE) - 2:
            print(f"  {name} became cheaper: bench/cost.py --update keeps it so")
    passed = len(now) - len(dearer)
    print(f"test result: {'FAILED' if dearer else 'ok'}. {passed} passed; {len(dearer)} failed")
    if dearer:
        sys.exit(f"cost.py: dearer than before: {', '.join(dearer)}. If that is worth it, say why "
                 "and run bench/cost.py --update")


main()
