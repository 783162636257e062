"""The producer for threads."""

import asyncio
import atexit
import json
import logging
import os
import warnings
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ottla import _config, _native, _record
from ottla.errors import ForkedError, KafkaError, make_error

_LEVELS = {3: logging.ERROR, 4: logging.WARNING, 6: logging.INFO, 7: logging.DEBUG}

#: How long, in seconds, a producer that nobody closed is given when it is dropped or Python ends.
ABANDONED_S = 5.0


def open_native(
    producer: _native.Base,
    config: Mapping[str, Any] | None,
    sugar: Mapping[str, Any],
    key_serializer: _record.Serializer | None,
    value_serializer: _record.Serializer | None,
    partitioner: _record.Partitioner | None,
    interceptors: _record.Interceptors,
    logger: logging.Logger | None,
) -> _record.Prepare | None:
    """Makes the library's producer inside a native one; what it does to records first is given."""
    interceptors = list(interceptors)
    if isinstance(partitioner, str):
        # Kafka's key of that name, for one of the built-in partitioners.
        sugar, partitioner = {**sugar, "partitioner": partitioner}, None
    if partitioner is not None and not callable(partitioner):
        raise TypeError(f"partitioner must be a callable or None, not {partitioner!r}")
    prepare = _record.preparation(interceptors, key_serializer, value_serializer)
    acknowledge = _record.acknowledgement(interceptors)
    log = logger or logging.getLogger("ottla")

    def on_log(lines: list[tuple[int, str]]) -> None:
        for level, text in lines:
            log.log(_LEVELS.get(level, logging.WARNING), "%s", text)

    producer._open(_config.settings(config, sugar), partitioner, prepare, acknowledge, on_log)
    open_producers.add(producer)
    return prepare


class Producer(_native.Producer):
    """Sends records to Kafka. Any number of threads may share one.

    `config` has Kafka's keys; arguments with underscores for dots (`bootstrap_servers=…`) are the
    same. Serializers turn keys and values into bytes; `partitioner(topic, key, value, count)` gives
    a number or None; interceptors see records and reports. Reports are read, and callbacks run,
    inside your calls: send, poll, flush, close, and waits for deliveries.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        *,
        key_serializer: _record.Serializer | None = None,
        value_serializer: _record.Serializer | None = None,
        partitioner: _record.Partitioner | None = None,
        interceptors: _record.Interceptors = (),
        logger: logging.Logger | None = None,
        **sugar: Any,
    ) -> None:
        self._pid = os.getpid()
        open_native(self, config, sugar, key_serializer, value_serializer, partitioner,
                    interceptors, logger)

    def metrics(self) -> dict[str, Any]:
        """A snapshot of the counters, under Kafka's names."""
        snapshot: dict[str, Any] = json.loads(self._metrics())
        return snapshot

    def purge(self, *, queued: bool = True, in_flight: bool = True) -> None:
        """Gives up records that were accepted: those that wait, and those in requests."""
        self._purge(queued * 1 + in_flight * 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except KeyboardInterrupt:
            # The second Ctrl-C: what is not delivered by now is given up.
            self._close_at_once()
            raise

    def _close_at_once(self) -> None:
        try:
            self.close(timeout=0)
        except KafkaError:
            pass

    def __del__(self) -> None:
        if not self.closed:
            drop(self, self._pid, "`with`")

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self.pending} pending"
        return f"<{type(self).__module__}.{type(self).__qualname__}, {state}>"


#: All of this module and of ottla.aio; those that are closed do no harm.
open_producers: "weakref.WeakSet[_native.Base]" = weakref.WeakSet()


def drop(producer: _native.Base, pid: int, use: str) -> None:
    """A producer that nobody closed goes away; `pid` is the process that made it."""
    # In a child of fork it has what was sent there, or nothing at all: that is no mistake.
    careless = pid == os.getpid()
    text = f"unclosed {producer!r}: use {use}, or close()"
    _abandon(producer)
    if careless:
        warnings.warn(text, ResourceWarning, source=producer)


def _abandon(producer: _native.Base) -> None:
    try:
        producer._close(timeout=ABANDONED_S)
    except ForkedError:
        pass  # It was used in the process from which this one was forked, and is left to that.
    except KafkaError as error:
        logging.getLogger("ottla").error("%s", error)


@atexit.register
def _close_all() -> None:
    """What was accepted is delivered, as far as that is possible in a moment."""
    for producer in list(open_producers):
        # One that was made before a fork and used only here has its records here.
        if not producer.closed:
            _abandon(producer)


_native.bind(make_error, _record.Record, _record.State, asyncio.CancelledError,
             asyncio.get_running_loop)
