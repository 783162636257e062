"""What a record costs: this package, confluent-kafka and aiokafka side by side, on a null broker.

    bench.py                 starts build/bench/sink by itself (make bench builds it)
    bench.py --runs 5 --only callbacks,many

Each case is run in a process of its own, and the packages take turns. Records have 100 bytes. The
cases are: `callbacks`, one send and one delivery callback a record; `many`, as many records through
send_many; `tasks`, 1,000 asyncio tasks of which each sends a record and awaits its delivery, again
and again. `texts`, `dicts` and `records` are `many` with texts, with dicts of a value and a key, and
with ottla.Records of a value, a key and two headers. All have batches of 16 KiB, Kafka's default,
and 64 MiB of memory; `confluent-1MB` has librdkafka's default for batches. The client runs on core
0, the broker on core 1.
"""

import argparse
import asyncio
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
VALUE = (b"2026-11-21 12:00:00,123 INFO order 4711 was packed in 35 ms by worker 12 " * 2)[:100]
TOPIC = "bench12"
TASKS = 1000
BATCH = 16384
BUFFER = 64 << 20
OTTLA = {"linger.ms": 5, "batch.size": BATCH, "buffer.memory": BUFFER}
CASES = ["callbacks/ottla", "callbacks/confluent", "callbacks/confluent-1MB", "many/ottla",
         "many/confluent", "texts/ottla", "dicts/ottla", "records/ottla", "tasks/ottla",
         "tasks/aiokafka"]
COUNT = {"callbacks/ottla": 2_000_000, "callbacks/confluent": 2_000_000,
         "callbacks/confluent-1MB": 2_000_000, "many/ottla": 4_000_000,
         "many/confluent": 2_000_000, "texts/ottla": 4_000_000, "dicts/ottla": 2_000_000,
         "records/ottla": 2_000_000, "tasks/ottla": 400_000, "tasks/aiokafka": 50_000}


def callbacks_ottla(servers, count):
    import ottla

    delivered = 0

    def on_delivery(delivery):
        nonlocal delivered
        if delivery.error is None:
            delivered += 1

    with ottla.Producer({**OTTLA, "bootstrap.servers": servers}) as producer:
        yield producer.send(TOPIC, value=VALUE).result(timeout=10)
        send = producer.send
        for _ in range(count):
            send(TOPIC, value=VALUE, on_delivery=on_delivery)
        producer.flush()
        yield delivered


def many_ottla(servers, count, record=lambda number: VALUE):
    import ottla

    batch = [record(number) for number in range(1000)]
    with ottla.Producer({**OTTLA, "bootstrap.servers": servers}) as producer:
        yield producer.send(TOPIC, value=VALUE).result(timeout=10)
        sent = [producer.send_many(TOPIC, batch) for _ in range(count // 1000)]
        producer.flush()
        yield sum(len(deliveries.result()) for deliveries in sent)


def a_record(number):
    import ottla

    headers = [("from", b"Franz"), ("trace", b"4711")]
    return ottla.Record(value=VALUE, key=str(number), headers=headers)


def callbacks_confluent(servers, count, batch_size=BATCH):
    import confluent_kafka

    delivered = 0

    def on_delivery(error, message):
        nonlocal delivered
        if error is None:
            delivered += 1

    config = {"bootstrap.servers": servers, "linger.ms": 5, "acks": "all",
              "enable.idempotence": True, "queue.buffering.max.messages": 0,
              "queue.buffering.max.kbytes": BUFFER // 1024}
    if batch_size:
        config |= {"batch.size": batch_size, "batch.num.messages": 1_000_000}
    producer = confluent_kafka.Producer(config)
    producer.produce(TOPIC, VALUE)
    yield producer.flush()
    for index in range(count):
        while True:
            try:
                producer.produce(TOPIC, VALUE, on_delivery=on_delivery)
                break
            except BufferError:
                producer.poll(0.01)
        if index % 64 == 0:
            producer.poll(0)
    producer.flush()
    yield delivered


def event_loop(main):
    """The steps of an async generator, one loop for all."""
    with asyncio.Runner() as runner:
        steps = main()
        while True:
            try:
                yield runner.run(anext(steps))
            except StopAsyncIteration:
                return


async def all_tasks(send, count):
    """The number of records delivered by 1,000 tasks, all of which are at it until the last one."""
    records = iter(range(count))

    async def task():
        for _ in records:
            await send(TOPIC, VALUE)

    await asyncio.gather(*(task() for _ in range(TASKS)))
    return count


def tasks_ottla(servers, count):
    import ottla.aio

    async def main():
        async with ottla.aio.Producer({**OTTLA, "bootstrap.servers": servers}) as producer:
            yield await producer.send(TOPIC, VALUE)
            yield await all_tasks(producer.send, count)

    return event_loop(main)


def tasks_aiokafka(servers, count):
    import aiokafka

    async def main():
        async with aiokafka.AIOKafkaProducer(
            bootstrap_servers=servers, linger_ms=5, acks="all", enable_idempotence=True,
            max_batch_size=BATCH
        ) as producer:
            yield await producer.send_and_wait(TOPIC, VALUE)
            yield await all_tasks(producer.send_and_wait, count)

    return event_loop(main)


FUNCTIONS = {"callbacks/ottla": callbacks_ottla, "callbacks/confluent": callbacks_confluent,
             "callbacks/confluent-1MB": lambda *args: callbacks_confluent(*args, None),
             "many/ottla": many_ottla, "many/confluent": callbacks_confluent,
             "texts/ottla": lambda *args: many_ottla(*args, lambda _: VALUE.decode()),
             "dicts/ottla": lambda *args: many_ottla(
                 *args, lambda number: {"value": VALUE, "key": str(number)}),
             "records/ottla": lambda *args: many_ottla(*args, a_record),
             "tasks/ottla": tasks_ottla, "tasks/aiokafka": tasks_aiokafka}


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(case, servers, count):
    """The first step makes the connection; the second one is measured."""
    steps = FUNCTIONS[case](servers, count)
    next(steps)
    started, before = time.perf_counter(), cpu()
    delivered = next(steps)
    wall, used = time.perf_counter() - started, cpu() - before
    if delivered != count:
        sys.exit(f"{case}: {delivered} of {count} delivered")
    print(json.dumps({"case": case, "rps": count / wall, "cpu_us": used / count * 1e6}))


def run(case, options):
    """One case in a process of its own, with a sink of its own."""
    address = f"127.0.0.1:{options.port}"
    sink = subprocess.Popen(
        ["taskset", "-c", "1", ROOT / "build/bench/sink", "-listen", address, "-max-s", "300"],
        stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.2)
        count = int(COUNT[case] * options.scale)
        line = ["taskset", "-c", "0", sys.executable, __file__, "--case", case, "--servers",
                address, "--count", str(count)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode != 0:
            sys.exit(f"{case} failed:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])
    finally:
        sink.terminate()
        sink.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1, help="of the number of records")
    parser.add_argument("--only", default="callbacks,many,tasks")
    parser.add_argument("--port", type=int, default=9531, help="of the sink")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--servers", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        return measure(options.case, options.servers, options.count)
    kinds = options.only.split(",")
    cases = [case for case in CASES if case.split("/")[0] in kinds]
    rows = {case: [] for case in cases}
    for _ in range(options.runs):
        for case in cases:
            row = run(case, options)
            rows[case].append(row)
            print(f"{case:22} {row['rps'] / 1e3:8.0f} k/s {row['cpu_us']:7.2f} us of CPU a record",
                  flush=True)
    rates = {case: statistics.median(row["rps"] for row in rows[case]) for case in cases}
    costs = {case: statistics.median(row["cpu_us"] for row in rows[case]) for case in cases}
    for kind in kinds:
        own, *others = (case for case in cases if case.startswith(kind + "/"))
        for other in others:
            print(f"{own}: {rates[own] / rates[other]:.1f} times the records a second of {other}, "
                  f"{costs[other] / costs[own]:.1f} times the records for the same CPU time")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    sys.exit(main())
