"""Records as interceptors and send_many know them, and what is done to one before it is sent."""

import enum
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeAlias, cast

from ottla._native import Delivery

Buffer: TypeAlias = bytes | bytearray | memoryview
Payload: TypeAlias = str | Buffer | None
Headers: TypeAlias = Sequence[tuple[str, Payload]] | dict[str, Payload] | None
Serializer: TypeAlias = Callable[[Any], Payload]
Partitioner: TypeAlias = Callable[[str, bytes | None, bytes | None, int], int | None]

_log = logging.getLogger("ottla")


class State(enum.IntEnum):
    """What is known of a record whose report is there."""

    PENDING = 0
    """There is no report yet."""
    NOT_PERSISTED = 1
    """Provably not in the log."""
    POSSIBLY_PERSISTED = 2
    """Perhaps in the log; with acks=0 all that can be said."""
    PERSISTED = 3
    """Acknowledged as `acks` asks."""


class Record:
    """A record: what interceptors may change, and send_many takes."""

    __slots__ = ("headers", "key", "partition", "timestamp_ms", "topic", "value")

    def __init__(
        self,
        topic: str = "",
        value: Any = None,
        key: Any = None,
        headers: Headers = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        self.topic = topic
        self.value = value
        self.key = key
        self.headers = headers
        self.partition = partition
        self.timestamp_ms = timestamp_ms

    def __repr__(self) -> str:
        return f"Record(topic={self.topic!r}, value={self.value!r}, key={self.key!r})"


class Interceptor(Protocol):
    """Sees records before they are serialized, and their reports before callbacks do.

    Either method may be missing. What one raises is logged, and the record goes on as it was; so it
    does when something else than a Record or None is given back.
    """

    def on_send(self, record: Record) -> Record | None:
        """May change the record, or give another one instead."""

    def on_acknowledgement(self, delivery: Delivery) -> None:
        """Gets the report of a record that was accepted."""


OnSend: TypeAlias = Callable[[Record], Record | None]
Interceptors: TypeAlias = Iterable[Interceptor | OnSend | object]
Parts: TypeAlias = tuple[str, Any, Any, Any, Any, Any]
Prepare: TypeAlias = Callable[[str, Any, Any, Any, Any, Any], Parts]


def preparation(
    interceptors: Interceptors,
    key_serializer: Serializer | None,
    value_serializer: Serializer | None,
) -> Prepare | None:
    """What is done to each record before the library gets it; None if that is nothing."""
    hooks: list[OnSend] = []
    for interceptor in interceptors:
        hook = getattr(interceptor, "on_send", interceptor if callable(interceptor) else None)
        if hook is not None:
            hooks.append(cast(OnSend, hook))
        elif not hasattr(interceptor, "on_acknowledgement"):
            raise TypeError(
                "an interceptor must have on_send or on_acknowledgement, or be a callable, "
                f"not {interceptor!r}"
            )
    for name, serializer in ("key", key_serializer), ("value", value_serializer):
        if serializer is not None and not callable(serializer):
            raise TypeError(f"{name}_serializer must be a callable or None, not {serializer!r}")
    if not hooks and key_serializer is None and value_serializer is None:
        return None

    def prepare(
        topic: str, value: Any, key: Any, headers: Any, partition: Any, timestamp_ms: Any
    ) -> Parts:
        if hooks:
            record = Record(topic, value, key, headers, partition, timestamp_ms)
            for hook in hooks:
                record = _intercept(hook, record)
            topic, value, key = record.topic, record.value, record.key
            headers, partition = record.headers, record.partition
            timestamp_ms = record.timestamp_ms
        if value_serializer is not None and value is not None:
            value = value_serializer(value)
        if key_serializer is not None and key is not None:
            key = key_serializer(key)
        return topic, value, key, headers, partition, timestamp_ms

    return prepare


def _intercept(hook: OnSend, record: Record) -> Record:
    before = (record.topic, record.value, record.key, record.headers, record.partition,
              record.timestamp_ms)
    try:
        changed = hook(record)
        if changed is None or isinstance(changed, Record):
            return changed or record
        raise TypeError(f"on_send must give a Record or None, not {changed!r}")
    except Exception:
        _log.exception("an interceptor's on_send failed; the record goes on as it was")
        return Record(*before)


def acknowledgement(interceptors: Interceptors) -> Callable[[Delivery], None] | None:
    """What is shown each report; None if nobody wants to see them."""
    hooks: list[Callable[[Delivery], None]] = []
    for interceptor in interceptors:
        hook = getattr(interceptor, "on_acknowledgement", None)
        if hook is not None:
            hooks.append(hook)
    if not hooks:
        return None

    def acknowledge(delivery: Delivery) -> None:
        for hook in hooks:
            try:
                hook(delivery)
            except Exception:
                _log.exception("an interceptor's on_acknowledgement failed")

    return acknowledge
