"""What the tests share: a cluster, embedded or Kafka's, and a reader that we did not write."""

import itertools
import os
import pathlib
import signal
import time
from collections.abc import Iterator

import confluent_kafka
import confluent_kafka.admin
import pytest

import ottla

# A shell starts its background jobs with SIGINT ignored, and all that they start ignores it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)


KAFKA = os.environ.get("OTTLA_TEST_BOOTSTRAP")
BEHAVIOURS = pathlib.Path(__file__).resolve().parents[3] / "tests" / "behaviours.tsv"
_numbers = itertools.count(int(time.time() * 1000) % 10**9)


def pytest_collection_modifyitems(config, items):
    """On Kafka only what can be tried there: what tests/behaviours.tsv says, and the like."""
    rows = [line.split("\t") for line in BEHAVIOURS.read_text(encoding="utf-8").splitlines()]
    both = {f"test_{row[0]}" for row in rows if row[1:2] == ["both"] and "python" in row[2]}
    if KAFKA:
        chosen = [item for item in items
                  if "brokers" in item.fixturenames or item.originalname in both]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


class Brokers:
    """Where a behaviour is tried: topics are made here and read back from here."""

    def __init__(self, servers: str, cluster: ottla.Cluster | None):
        self.servers = servers
        self.cluster = cluster

    def topic(self, partitions: int = 3) -> str:
        """Makes a topic of its own for the test."""
        name = f"python-{next(_numbers)}"
        if self.cluster is not None:
            self.cluster.create_topic(name, partitions)
            return name
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.servers})
        topic = confluent_kafka.admin.NewTopic(name, partitions, -1)
        admin.create_topics([topic], operation_timeout=30)[name].result(30)
        return name

    def pause(self) -> None:
        """The cluster stands still; connections stay."""
        for broker in (1, 2, 3):
            self.cluster.pause(broker)

    def resume(self) -> None:
        for broker in (1, 2, 3):
            self.cluster.resume(broker)

    def producer(self, **config) -> ottla.Producer:
        return ottla.Producer({"bootstrap.servers": self.servers}, **config)

    def read(self, topic: str, count: int, seconds: float = 30) -> list[confluent_kafka.Message]:
        """All records of a topic, at least `count`, those of a partition in their order."""
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.servers, "group.id": "reader", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "enable.partition.eof": True,
            "fetch.message.max.bytes": 4_000_000,
        })
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in partitions])
            found, ends, deadline = [], set(), time.monotonic() + seconds
            while len(found) < count or len(ends) < len(partitions):
                for message in consumer.consume(1000, timeout=0.1):
                    error = message.error()
                    if error is None:
                        found.append(message)
                        ends.discard(message.partition())
                    elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                        ends.add(message.partition())
                assert time.monotonic() < deadline, f"{len(found)} of {count} records came"
            return found
        finally:
            consumer.close()

    def values(self, topic: str, count: int) -> list[bytes | None]:
        return [message.value() for message in self.read(topic, count)]


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[ottla.Cluster | None]:
    if KAFKA:
        yield None
    else:
        with ottla.Cluster(brokers=3) as cluster:
            yield cluster


@pytest.fixture
def brokers(shared_cluster) -> Brokers:
    """For behaviours that do no harm: the embedded cluster, or Kafka if there is one."""
    servers = KAFKA or shared_cluster.bootstrap_servers
    return Brokers(servers, shared_cluster)


@pytest.fixture
def own() -> Iterator[Brokers]:
    """An embedded cluster of three for one test, which may break it."""
    with ottla.Cluster(brokers=3) as cluster:
        yield Brokers(cluster.bootstrap_servers, cluster)
