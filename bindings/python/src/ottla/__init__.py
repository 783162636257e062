"""A Kafka producer.

    with ottla.Producer({"bootstrap.servers": "localhost:9092"}) as producer:
        producer.send("letters", value="a letter").result(timeout=10)

`Producer` is for threads, `ottla.aio.Producer` for asyncio, `Cluster` for tests without a broker.
"""

from ottla import _native, aio
from ottla._native import Deliveries, Delivery
from ottla._record import Interceptor, Record, State
from ottla.cluster import Cluster
from ottla.errors import (
    BufferExhaustedError,
    ClosedError,
    ConfigurationError,
    DeliveryTimeoutError,
    FatalError,
    ForkedError,
    InCallbackError,
    InterruptedError,
    InvalidArgumentError,
    KafkaError,
    NetworkError,
    NotImplementedError,
    PartitionerError,
    PurgedError,
    RecordTooLargeError,
    ReportsFullError,
    TimeoutError,
    UnknownTopicOrPartitionError,
    WouldBlockError,
)
from ottla.producer import Producer

__version__: str = _native.version

__all__ = [
    "BufferExhaustedError",
    "ClosedError",
    "Cluster",
    "ConfigurationError",
    "Deliveries",
    "Delivery",
    "DeliveryTimeoutError",
    "FatalError",
    "ForkedError",
    "InCallbackError",
    "Interceptor",
    "InterruptedError",
    "InvalidArgumentError",
    "KafkaError",
    "NetworkError",
    "NotImplementedError",
    "PartitionerError",
    "Producer",
    "PurgedError",
    "Record",
    "RecordTooLargeError",
    "ReportsFullError",
    "State",
    "TimeoutError",
    "UnknownTopicOrPartitionError",
    "WouldBlockError",
    "__version__",
    "aio",
]
