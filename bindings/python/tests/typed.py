"""A program that mypy --strict must find nothing wrong with: see test_typing.py."""

import asyncio
import logging
from typing import assert_type

import ottla
import ottla.aio


def on_delivery(delivery: ottla.Delivery) -> None:
    assert_type(delivery.offset, int | None)
    assert_type(delivery.error, ottla.KafkaError | None)
    assert_type(delivery.state, ottla.State)


def choose(topic: str, key: bytes | None, value: bytes | None, count: int) -> int | None:
    return len(topic) % count if key is None or value is None else None


class Count:
    def on_send(self, record: ottla.Record) -> ottla.Record | None:
        record.headers = [("a", b"b")]
        return None

    def on_acknowledgement(self, delivery: ottla.Delivery) -> None:
        assert_type(delivery.ok, bool)


def threads() -> None:
    with ottla.Producer(
        {"bootstrap.servers": "localhost:9092"}, linger_ms=5, key_serializer=str,
        partitioner=choose, interceptors=[Count()], logger=logging.getLogger("kafka"),
    ) as producer:
        assert_type(producer, ottla.Producer)
        assert_type(producer.send("t", b"v", on_delivery=on_delivery), ottla.Delivery)
        assert_type(producer.send("t", b"v", headers=[("a", None)], report=False), None)
        assert_type(producer.send("t", b"v").result(timeout=1.5), ottla.Delivery)
        many = producer.send_many("t", [b"v", {"value": b"v"}, ottla.Record(value=b"v")])
        assert_type(many, ottla.Deliveries)
        assert_type([delivery.topic for delivery in many.result()], list[str])
        assert_type(producer.partitions_for("t"), list[tuple[int, int]])
        producer.flush(timeout=1)


async def tasks() -> None:
    async with ottla.aio.Producer(bootstrap_servers="localhost:9092") as producer:
        assert_type(await producer.send("t", "v"), ottla.Delivery)
        assert_type(await (await producer.enqueue("t", "v")), ottla.Delivery)
        assert_type(await producer.send_many("t", ["v"]), ottla.Deliveries)
        await producer.flush()


def fails() -> None:
    try:
        threads()
    except ottla.TimeoutError as error:
        assert_type(error.code, int)
        assert_type(error.retriable, bool)
    asyncio.run(tasks())


def cluster() -> None:
    with ottla.Cluster(brokers=3, topics={"letters": 3}) as it:
        assert_type(it.bootstrap_servers, str)
        assert_type(it.inject("drop"), int)
