#!/usr/bin/env python3
"""Runs producers through a matrix of cases, prints a line a run and the medians at the end.

  run.py                                    the short matrix, against the sink
  run.py --sizes 100,1000 --codecs none,lz4 --batches 16384,1048576 --runs 5 --out FILE
  run.py --target cluster --brokers 3       against the embedded cluster
  run.py --target 127.0.0.1:19092 --broker-pid PID --topic bench12 --rates 1000,20000
  run.py --table FILE                       medians of what --out wrote

A fresh sink (or embedded cluster) is started for every run, on core 1 with the client on core 0
unless --no-pin. The producers of one case take turns, so that a drift of the machine hits all of
them.
"""
import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import time

from cases import CASE, cases, median, read

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "bench")
PAYLOAD = os.path.join(BUILD, "payload.bin")
KAFKA = os.environ.get("KAFKA_VERSION", "4.3.1")
LIBS = os.environ.get("KAFKA_LIBS", os.path.join(ROOT, "build", "kafka", "libs-" + KAFKA))
PEERS = ["ottla", "rdk", "franz", "java", "ottla-go", "confluent-go", "limit"]
FIGURES = ["rps", "mb_s", "cpu_s_per_m", "wall_s", "p50_ms", "p99_ms", "p999_ms", "rss_mb"]


def command(peer):
    if peer == "java":
        return ["java", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-cp", f"{LIBS}/*:{BUILD}", "JavaPeer"]
    return [os.path.join(BUILD, peer)]


def built(peer):
    return peer == "java" or os.path.exists(os.path.join(BUILD, peer))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pin(core, on):
    return ["taskset", "-c", str(core)] if on else []


def warmup(options, peer, size, rate):
    """Records sent before the clock starts: Java needs many until its compiler is done."""
    if options.warmup >= 0:
        return options.warmup
    if rate:
        return 300_000 if peer == "java" else 20_000
    if peer == "java":
        return 1_500_000 if size <= 200 else 800_000
    return min(100_000, 1_000_000_000 // size)


def start_sink(options, partitions, brokers):
    address = f"127.0.0.1:{options.port}"
    args = ["-listen", address, "-max-s", "300", "-brokers", str(brokers),
            "-partitions", str(partitions)]
    args += ["-latency", options.latency] if options.latency else []
    args += ["-check"] if options.check else []
    sink = subprocess.Popen(pin(1, options.pin) + [os.path.join(BUILD, "sink")] + args,
                            stdout=subprocess.PIPE, text=True)
    time.sleep(0.15)
    if sink.poll() is not None:
        sys.exit(f"run.py: the sink does not start on {address}: choose another --port")
    return sink, address


def start_cluster(options, partitions, brokers):
    """The embedded cluster, which checks each batch and keeps none, as `ottla cluster`."""
    args = ["cluster", "--brokers", str(brokers), "--replication-factor", "1",
            "--topic", f"{options.topic}:{partitions}", "--config", f"num.partitions={partitions}",
            "--config", "retention.bytes=0"]
    cluster = subprocess.Popen(pin(1, options.pin) + [os.path.join(BUILD, "ottla-cli")] + args,
                               stdout=subprocess.PIPE, text=True)
    line = cluster.stdout.readline().strip()
    if not line:
        sys.exit("run.py: the embedded cluster does not start")
    return cluster, line.removeprefix("bootstrap.servers=").split(",")[0]


def measure(options, brokers, case):
    """Runs one producer once; its line of JSON, or what went wrong."""
    peer, rate = case["peer"], case["rate"]
    args = {"brokers": brokers, "topic": options.topic, "messages": case["messages"],
            "warmup": warmup(options, peer, case["size"], rate), "size": case["size"],
            "payload": PAYLOAD, "compression": case["codec"], "batch-size": case["batch"],
            "linger-ms": case["linger"], "rate": rate, "threads": case["threads"],
            "keyed": case["keyed"], "key-size": case["key_size"], "sample": 1 if rate else 100,
            "buffer-mb": options.buffer_mb}
    args.update({name: case[name] for name, usual in (("topics", 1), ("headers", 0))
                 if case[name] != usual})
    line = pin(0, options.pin) + command(peer)
    for name, value in args.items():
        line += ["--" + name, str(value)]
    try:
        run = subprocess.run(line, capture_output=True, text=True, timeout=options.timeout)
    except subprocess.TimeoutExpired:
        return {"failed": "timeout"}
    found = [x for x in run.stdout.splitlines() if x.startswith("{")]
    if not found:
        return {"failed": (run.stderr or run.stdout)[-300:] or f"status {run.returncode}"}
    row = json.loads(found[-1])
    row["cpu_s_per_m"] = row["cpu_s"] / max(1, row["delivered"]) * 1e6
    if row["delivered"] != case["messages"] or row["errors"]:
        row["failed"] = (f"{row['delivered']} delivered, {row['errors']} errors: "
                         f"{row['first_error']}")
    return row


def limit(case, address, topic):
    """What no producer of this kind can beat: records encoded, compressed and summed on one core
    and nothing more, and then as many bytes sent in batches made beforehand, twelve in a request.
    At a rate it is the threads that wake up: to send, for the network, and for the reports."""
    size, batch = str(case["size"]), str(case["batch"])
    lz4 = case["codec"] == "lz4"

    def run(*args):
        line = pin(0, case["pinned"]) + [os.path.join(BUILD, "limit"), *args]
        found = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True,
                               env={**os.environ, "PAYLOAD": PAYLOAD})
        return json.loads(found.stdout)

    port = address.rsplit(":", 1)[1]
    if case["rate"]:
        rate, seconds = str(case["rate"]), str(case["messages"] / case["rate"])
        woken = run("wakeups", port, topic, "12", size, rate, str(case["linger"]), seconds)
        figures = {"cpu_s_per_m": woken["cpu_s_per_m"], "rps": case["rate"],
                   "mb_s": case["rate"] * case["size"] / 1e6, "blasted": woken["settled"]}
        return figures | ({"failed": f"{woken['lost']} lost"} if woken["lost"] else {})
    made = run("build", size, batch, str(case["messages"]))
    sent = run("blast", port, topic, "12", size, batch, "2", "5", "12")
    share = 1 / made["lz4_ratio"] if lz4 else 1
    made_s_per_m = made["encode_lz4_crc_ns" if lz4 else "encode_crc_ns"] / 1000
    sent_s_per_m = sent["cpu_s_per_m"] * share
    # On two cores the one can be done while the other is.
    rps = 1e6 / (max if not case["pinned"] else sum)([made_s_per_m, 1e6 / sent["rps"] * share])
    return {"cpu_s_per_m": made_s_per_m + sent_s_per_m, "rps": rps,
            "mb_s": rps * case["size"] / 1e6, "made_s_per_m": made_s_per_m,
            "sent_s_per_m": sent_s_per_m, "blasted": sent["rps"] * sent["wall_s"]}


def sent_per_m(row):
    """Of all that came to the sink: how much there is of the warm-up is not the same for all. At a
    rate nothing can be said, as the warm-up is not at that rate."""
    millions = max(1, row["sink_records"]) / 1e6
    return {"requests_per_m": row["sink_requests"] / millions,
            "mb_sent_per_m": row["sink_bytes"] / millions / 1e6}


def records_of_a_run(options, size, rate):
    if rate:
        return rate * options.seconds
    return 2_000_000 if size <= 200 else min(600_000, 2_000_000_000 // size)


STARTED = {"sink": start_sink, "cluster": start_cluster}


def end(started):
    """Ends a process that serves; what it said."""
    started.send_signal(signal.SIGTERM)
    return started.communicate(timeout=10)[0]


def seen_at_broker(options, case, address, broker_pid):
    """Runs the producer; what it says, and what the broker's process spent, if that is known."""
    before = cpu_seconds(broker_pid) if broker_pid else 0
    row = (limit(case, address, options.topic) if case["peer"] == "limit" else
           measure(options, address, case))
    warmed = warmup(options, case["peer"], case["size"], case["rate"])
    sent = row.get("blasted", case["messages"] + warmed)
    if broker_pid and sent:
        row["broker_s_per_m"] = (cpu_seconds(broker_pid) - before) / sent * 1e6
    return row


def seen_by_sink(case, said):
    """What the sink says in the end, and what of it can be compared. Of its CPU time it knows more
    than /proc, which counts hundredths of a second."""
    row = json.loads(said)
    if row["sink_malformed"] or row["sink_crc_bad"] or row["sink_seq_bad"]:
        row["failed"] = "the sink found bad batches"
    row["broker_s_per_m"] = row["sink_cpu_s"] / max(1, row["sink_records"]) * 1e6
    if case["peer"] != "limit" and not case["rate"]:
        row.update(sent_per_m(row))
    return row


def one(options, peer, varied):
    """Runs one producer once in a case; `varied` is what the matrix says of it."""
    target = options.target if options.target in STARTED else "kafka"
    case = {"target": target, "peer": peer, **varied, "pinned": options.pin}
    case["messages"] = options.messages or records_of_a_run(options, case["size"], case["rate"])
    if target == "kafka":
        row = seen_at_broker(options, case, options.target, options.broker_pid) | case
    else:
        started, address = STARTED[target](options, case["partitions"], case["brokers"])
        try:
            row = seen_at_broker(options, case, address, started.pid) | case
        finally:
            said = end(started)
        if target == "sink":
            row.update(seen_by_sink(case, said))
    row = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
    if options.out:
        with open(options.out, "a", encoding="ascii") as f:
            f.write(json.dumps(row) + "\n")
    report(row, varied)
    return row


def report(row, varied):
    print(f"{row['target']:5} {row['peer']:5} " +
          " ".join(f"{name} {value}" for name, value in varied.items()) + " | " +
          row.get("failed", "") + ("" if "failed" in row else
          f"{row['rps']:8.0f} rec/s {row['mb_s']:6.1f} MB/s {row['cpu_s_per_m']:6.3f} cpu-s/M" +
          (f" p50 {row['p50_ms']:.3f} p99 {row['p99_ms']:.3f} ms" if "p50_ms" in row else "")),
          flush=True)


def table(found):
    columns = CASE + ["peer", "runs"] + FIGURES
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    lines = [([*map(str, case), peer], runs)
             for case, peers in found.items() for peer, runs in peers.items()]
    for line, runs in sorted(lines, key=lambda x: x[0]):
        known = [median(runs, figure) for figure in FIGURES]
        medians = ["" if figure is None else f"{figure:.4g}" for figure in known]
        medians[0] = f"{median(runs, 'rps'):.0f}"
        print("| " + " | ".join([*line, str(len(runs)), *medians]) + " |")


def options_of_command_line():
    def integers(text):
        return [int(x) for x in text.split(",")]

    def words(text):
        return text.split(",")

    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--target", default="sink",
                   help="sink, cluster (the embedded one), or a broker's loopback address")
    p.add_argument("--peers", type=words,
                   help="of " + ",".join(PEERS) + " (those that are built; not those in -go)")
    p.add_argument("--sizes", type=integers, default=[100])
    p.add_argument("--codecs", type=words, default=["none"])
    p.add_argument("--batches", type=integers, default=[16384])
    p.add_argument("--lingers", type=integers, default=[5])
    p.add_argument("--rates", type=integers, default=[0], help="records a second; 0: no limit")
    p.add_argument("--threads", type=integers, default=[1])
    p.add_argument("--keyed", type=integers, default=[0])
    p.add_argument("--key-size", type=integers, default=[8], help="8 to 64, with --keyed 1")
    p.add_argument("--headers", type=integers, default=[0], help="small ones, 0 to 3; ottla only")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--seconds", type=int, default=10, help="of a run at a rate")
    p.add_argument("--messages", type=int, default=0)
    p.add_argument("--warmup", type=int, default=-1)
    p.add_argument("--buffer-mb", type=int, default=64)
    p.add_argument("--topic", default="bench12")
    p.add_argument("--port", type=int, default=9500, help="of the sink")
    p.add_argument("--brokers", type=integers, default=[1], help="of the sink or cluster")
    p.add_argument("--partitions", type=integers, default=[12], help="of each topic there")
    p.add_argument("--topics", type=integers, default=[1], help="in turn; ottla only")
    p.add_argument("--latency", help="of the sink, e.g. 2ms")
    p.add_argument("--check", action="store_true", help="the sink verifies CRC and sequences")
    p.add_argument("--broker-pid", type=int, default=0, help="measure this process too")
    p.add_argument("--no-pin", dest="pin", action="store_false")
    p.add_argument("--timeout", type=int, default=120)
    p.add_argument("--out", help="append a line of JSON a run")
    p.add_argument("--table", metavar="FILE", help="only print the medians of FILE")
    return p.parse_args()


def main():
    options = options_of_command_line()
    if options.table:
        return table(read(options.table))
    host = options.target.split(":")[0]
    if options.target not in STARTED and host != "localhost" and not host.startswith("127."):
        sys.exit("run.py: loopback only")
    if min(options.key_size) < 8 or max(options.key_size) > 64:
        sys.exit("run.py: --key-size is 8 to 64")
    peers = options.peers or [p for p in PEERS if built(p) and not p.endswith("-go")]
    # The limit has one connection, and no keys.
    if (any(options.keyed) or max(options.brokers) > 1 or
            not {"none", "lz4"}.issuperset(options.codecs)):
        peers = [peer for peer in peers if peer != "limit"]
    rows = []
    axes = {"size": options.sizes, "codec": options.codecs, "batch": options.batches,
            "linger": options.lingers, "rate": options.rates, "threads": options.threads,
            "keyed": options.keyed, "key_size": options.key_size, "headers": options.headers,
            "topics": options.topics, "partitions": options.partitions, "brokers": options.brokers}
    for values in itertools.product(*axes.values()):
        for i in range(options.runs):
            first = i % len(peers)  # whoever goes first meets a broker that is still warming up
            for peer in peers[first:] + peers[:first]:
                rows.append(one(options, peer, dict(zip(axes, values))))
    table(cases(rows))
    return 1 if any("failed" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
