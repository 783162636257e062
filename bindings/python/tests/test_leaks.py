"""No reference is lost and none is kept, whatever becomes of a record."""

import asyncio
import gc
import resource
import sys

import pytest

import ottla
import ottla.aio
from ottla import _native


class Thing:
    """Something to count references of."""


def counts(things) -> list[int]:
    gc.collect()
    return [sys.getrefcount(thing) for thing in things]


def test_every_reference_comes_back(own):
    topic = "".join(["let", "ters"])
    own.cluster.create_topic(topic, 1)
    value, key, header = bytes(bytearray(b"value")), bytes(bytearray(b"key")), bytearray(b"header")
    name, opaque, headers = "".join(["na", "me"]), Thing(), [("a", b"b")]

    def on_delivery(_delivery):
        pass

    things = [topic, value, key, header, name, opaque, headers, on_delivery, None]

    def good(producer):
        args = {"value": value, "key": key, "headers": [(name, header)]}
        producer.send(topic, **args, opaque=opaque, on_delivery=on_delivery)
        producer.send(topic, **args, report=False)
        producer.send(topic, headers=headers, value=memoryview(header)).result(30)
        producer.send_many(topic, [value, args], opaque=opaque, on_delivery=on_delivery).result(30)
        repr(producer.send_many(topic, [value] * 3, opaque=opaque).result(30)[1])
        producer.flush()
        producer.metrics()
        producer.partitions_for(topic)

    def refused(producer):
        bad = [
            {"value": b"x" * 2_000_000, "key": key, "opaque": opaque, "on_delivery": on_delivery},
            {"value": 5, "key": key, "opaque": opaque}, {"value": value, "headers": [(name, 5)]},
            {"value": value, "partition": -7}, {"value": value, "headers": [(name,)]},
            {"value": value, "nothing": opaque}, {"value": value, "timeout": opaque},
        ]
        for args in bad:
            with pytest.raises((ottla.KafkaError, TypeError)):
                producer.send(topic, **args)
        with pytest.raises(ottla.RecordTooLargeError):
            producer.send_many(topic, [value, b"x" * 2_000_000], opaque=opaque)
        producer.flush()

    def failing(producer):
        own.cluster.inject("error INVALID_RECORD api=Produce")
        delivery = producer.send(topic, value=value, opaque=opaque, on_delivery=on_delivery)
        assert delivery.exception(30) is not None and delivery.error is not None
        assert len(producer.send_many(topic, [value] * 3, opaque=opaque).failed) >= 0
        producer.flush()
        own.cluster.heal()

    async def tasks():
        async with ottla.aio.Producer(bootstrap_servers=own.servers) as producer:
            await asyncio.gather(*(producer.send(topic, value, key, headers) for _ in range(10)))
            await producer.send_many(topic, [value] * 10)
            with pytest.raises(ottla.RecordTooLargeError):
                await producer.send(topic, b"x" * 2_000_000)

    def all_of_it():
        hooks = {"interceptors": [on_delivery], "value_serializer": lambda value: value,
                 "partitioner": lambda *_: None}
        for config in [{}, hooks]:
            with own.producer(**config) as producer:
                for _ in range(20):
                    good(producer)
                    refused(producer)
                failing(producer)
                producer.self = producer.send(topic, value=value, opaque=producer)
        asyncio.run(tasks())

    all_of_it()
    before, live = counts(things), _native.live()
    for _ in range(3):
        all_of_it()
    after = counts(things)
    assert _native.live() == live == 0
    # None has users elsewhere, some of them for a while only.
    assert after[:-1] == before[:-1] and abs(after[-1] - before[-1]) < 100


def test_an_opaque_that_leads_back_to_its_delivery_is_collected(own):
    topic = own.topic(1)
    with own.producer() as producer:
        things = []
        for _ in range(10):
            things.append(Thing())
            things[-1].delivery = producer.send(topic, value=b"v", opaque=things[-1])
            things.append(Thing())
            things[-1].deliveries = producer.send_many(topic, [b"v"], opaque=things[-1])
            things[-1].one = things[-1].deliveries[0]
        producer.flush()
        assert _native.live() == 30
        things.clear()
        gc.collect()
        assert _native.live() == 0


def test_a_million_records_leave_no_memory_behind(own):
    topic = own.topic(1)
    own.cluster.command("topic small 1 1 retention.bytes=0")

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    with own.producer(buffer_memory=4_000_000) as producer:
        producer.send(topic, value=b"v").result(30)
        rounds = []
        for _ in range(4):
            for _ in range(100_000):
                producer.send("small", value=b"v", on_delivery=id)
            producer.flush()
            for _ in range(10):
                producer.send_many("small", [b"v"] * 15_000)
            producer.flush()
            assert _native.live() == 0
            rounds.append(peak())
    assert rounds[-1] - rounds[1] < 30, f"MiB after each round: {rounds}"
