"""Everything at once on a cluster that breaks: nothing hangs, nothing is lost."""

import asyncio
import random
import threading
import time

import ottla
import ottla.aio
from ottla import _native

SECONDS = 3
THREADS = 8
CONFIG = {"buffer_memory": 100_000, "batch_size": 5_000, "linger_ms": 1, "retry_backoff_ms": 10,
          "reconnect_backoff_ms": 10, "delivery_report_queue_max": 2000, "log_level": "error"}


def break_things(cluster, end):
    chance = random.Random(1)
    while time.monotonic() < end:
        broker = chance.randint(1, 3)
        cluster.kill(broker)
        time.sleep(chance.random() / 20)
        cluster.start(broker)
        cluster.inject("error NOT_LEADER_OR_FOLLOWER api=Produce times=2")
        cluster.inject("delay 5 times=10")
        time.sleep(chance.random() / 10)
    cluster.heal()


def one_of_all_calls(producer, topic, chance, counted):
    match chance.randint(0, 9):
        case 0:
            counted["accepted"] += 1
            producer.send(topic, b"x" * chance.randint(0, 3000)).result(60)
        case 1 | 2:
            many = producer.send_many(topic, [b"x" * 100] * chance.randint(0, 50))
            counted["accepted"] += len(many)
            if chance.random() < 0.3:
                many.result(60)
        case 3:
            try:
                producer.flush(timeout=chance.random() / 50)
            except ottla.TimeoutError:
                pass
        case 4:
            producer.poll(chance.random() / 100)
        case 5:
            try:
                producer.send(topic, b"x" * 1000, timeout=0, report=False)
                counted["accepted"] += 1
            except ottla.WouldBlockError:
                pass
        case 6:
            producer.partitions_for(topic)
        case _:
            counted["accepted"] += 1
            counted["callbacks"] += 1
            producer.send(topic, b"x" * 500, on_delivery=counted["seen"].append)


def test_threads_on_a_cluster_that_breaks(own):
    topic = own.topic(5)
    end = time.monotonic() + SECONDS
    all_counted = [{"accepted": 0, "callbacks": 0, "seen": []} for _ in range(THREADS)]
    raised = []

    def work(number):
        chance = random.Random(number)
        try:
            while time.monotonic() < end:
                one_of_all_calls(producer, topic, chance, all_counted[number])
        except BaseException as error:
            raised.append(error)

    with own.producer(**CONFIG) as producer:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
        threads.append(threading.Thread(target=break_things, args=(own.cluster, end)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        assert raised == []
        producer.flush(60)
    for counted in all_counted:
        assert len(counted["seen"]) == counted["callbacks"]
        assert all(delivery.ok for delivery in counted["seen"])
        counted["seen"].clear()
    records = sum(len(own.cluster.records(topic, partition)) for partition in range(5))
    assert records == sum(counted["accepted"] for counted in all_counted) > 1000
    assert _native.live() == 0


def test_tasks_on_a_cluster_that_breaks(own):
    topic = own.topic(5)
    end = time.monotonic() + SECONDS
    accepted = 0

    async def work(producer, number):
        nonlocal accepted
        chance = random.Random(number)
        # On a machine that is busy with other things it takes longer, on a cluster that is whole.
        while time.monotonic() < end or accepted <= 1000:
            match chance.randint(0, 5):
                case 0:
                    many = await producer.send_many(topic, [b"x" * 100] * 20)
                    accepted += len(many)
                case 1:
                    await (await producer.enqueue(topic, b"x" * 1000))
                    accepted += 1
                case 2:
                    await producer.flush()
                case _:
                    await producer.send(topic, b"x" * chance.randint(0, 3000))
                    accepted += 1

    async def main():
        async with ottla.aio.Producer(bootstrap_servers=own.servers, **CONFIG) as producer:
            await asyncio.gather(*(work(producer, n) for n in range(100)))

    breaker = threading.Thread(target=break_things, args=(own.cluster, end))
    breaker.start()
    asyncio.run(main())
    breaker.join()
    records = sum(len(own.cluster.records(topic, partition)) for partition in range(5))
    assert records == accepted > 1000
    assert _native.live() == 0
