"""The producer for asyncio.

    async with ottla.aio.Producer({"bootstrap.servers": "localhost:9092"}) as producer:
        delivery = await producer.send("letters", value="a letter")

The event loop watches one file descriptor of the producer. No thread is used, nothing is polled,
and no call blocks the loop: what has to wait for memory or metadata waits as a task does.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from ottla import _native, _record
from ottla._native import Deliveries, Delivery
from ottla.errors import KafkaError, make_error
from ottla.producer import open_native

__all__ = ["Producer"]


class Producer:
    """Sends records to Kafka from the tasks of one event loop.

    Takes the same arguments as `ottla.Producer`. It belongs to the loop in which it is used first.
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
        interceptors = list(interceptors)
        if isinstance(partitioner, str):
            sugar, partitioner = {**sugar, "partitioner": partitioner}, None
        self._prepare = _record.preparation(interceptors, key_serializer, value_serializer)
        acknowledge = _record.acknowledgement(interceptors)
        self._native = _native.Producer()
        # send prepares its records itself, once, before the first try.
        open_native(self._native, config, sugar, partitioner, None, acknowledge, logger)
        self._try_send = self._native._try_send
        self._loop: asyncio.AbstractEventLoop | None = None
        self._create_future: Callable[[], asyncio.Future[Any]]
        self._fd = -1
        self._tickets: dict[int, asyncio.Future[None]] = {}
        self._news: list[asyncio.Future[None]] = []

    def _attach(self) -> asyncio.AbstractEventLoop:
        """Watches the event fd, from the first use on."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._fd = self._native._event_fd()
            self._loop = loop
            self._create_future = loop.create_future
            loop.add_reader(self._fd, self._on_event)
        elif self._loop is not loop:
            raise RuntimeError("this producer belongs to another event loop: make one for each")
        return loop

    def _on_event(self) -> None:
        try:
            tickets = self._native._drain()
        except KafkaError as error:
            # A child of fork, or a defect: whoever waits is to hear of it.
            self._detach()
            for future in [*self._tickets.values(), *self._news]:
                if not future.done():
                    future.set_exception(error)
            return
        for ticket in tickets:
            waiter = self._tickets.pop(ticket, None)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        news, self._news = self._news, []
        for waiter in news:
            if not waiter.done():
                waiter.set_result(None)

    def _detach(self) -> None:
        if self._fd >= 0 and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        self._fd = -1

    async def _wait_for_news(self) -> None:
        """Until something was read."""
        future = self._create_future()
        self._news.append(future)
        await future

    async def _wait_for_ticket(self, ticket: int) -> None:
        """Until what the ticket stands for may be there; 0 is any report."""
        if ticket == 0:
            await self._wait_for_news()
            return
        future = self._tickets[ticket] = self._create_future()
        try:
            await future
        except BaseException:
            self._tickets.pop(ticket, None)
            with contextlib.suppress(KafkaError):
                self._native._cancel_ticket(ticket)
            raise

    async def send(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        headers: _record.Headers = None,
        *,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> Delivery:
        """Sends a record and returns its report; raises if it was refused or not delivered.

        A task that is cancelled while its record waits for memory sends nothing. Cancelled later,
        the record is delivered all the same.
        """
        if self._loop is None or asyncio._get_running_loop() is not self._loop:
            self._attach()
        future = self._create_future()
        if self._prepare is not None:
            topic, value, key, headers, partition, timestamp_ms = self._prepare(
                topic, value, key, headers, partition, timestamp_ms
            )
        sent = self._try_send(topic, value, key, headers, partition, timestamp_ms, future, 0)
        while type(sent) is int:
            await self._wait_for_ticket(sent)
            sent = self._try_send(
                topic, value, key, headers, partition, timestamp_ms, future, sent
            )
        delivery: Delivery = await future
        return delivery if delivery.ok else delivery.result()

    async def enqueue(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        headers: _record.Headers = None,
        *,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> "asyncio.Future[Delivery]":
        """Sends a record and returns a future of its report as soon as it is accepted.

        Waits only if there is no memory. The future gives the Delivery, whose `error` says whether
        it failed: one that nobody looks at does not complain.
        """
        self._attach()
        future: asyncio.Future[Delivery] = self._create_future()
        if self._prepare is not None:
            topic, value, key, headers, partition, timestamp_ms = self._prepare(
                topic, value, key, headers, partition, timestamp_ms
            )
        sent = self._try_send(topic, value, key, headers, partition, timestamp_ms, future, 0)
        while type(sent) is int:
            await self._wait_for_ticket(sent)
            sent = self._try_send(
                topic, value, key, headers, partition, timestamp_ms, future, sent
            )
        return future

    async def send_many(self, topic: str, records: Iterable[Any]) -> Deliveries:
        """Sends records in their order and returns when all have their report.

        Of a record that is refused the error is raised, with those that were accepted before it
        as its attribute `deliveries`; of records that failed the first one's error.
        """
        self._attach()
        if self._prepare is not None:
            records = [self._prepared(topic, record) for record in records]
        future = self._create_future()
        deliveries = self._native._begin_many(topic, records, future)
        try:
            while (ticket := self._native._resume_many(deliveries)) is not None:
                await self._wait_for_ticket(ticket)
        except asyncio.CancelledError:
            self._native._end_many(deliveries)
            raise
        await future
        return deliveries.result()

    def _prepared(self, topic: str, record: Any) -> dict[str, Any]:
        assert self._prepare is not None
        if isinstance(record, _record.Record):
            record = {name: getattr(record, name) for name in record.__slots__ if name != "topic"}
        elif not isinstance(record, dict):
            record = {"value": record}
        names = ("value", "key", "headers", "partition", "timestamp_ms")
        parts = self._prepare(topic, *(record.get(name) for name in names))
        return dict(zip(names, parts[1:], strict=True))

    async def flush(self) -> None:
        """Sends what was accepted without lingering, and waits until all of it is reported.

        For a limit in time there is `asyncio.timeout`.
        """
        self._attach()
        mark = self._native._begin_flush()
        while not self._native._is_flushed(mark):
            await self._wait_for_news()

    async def partitions_for(self, topic: str) -> list[tuple[int, int]]:
        """The partitions of a topic as pairs of number and leader (-1 for none)."""
        self._attach()
        found = self._native._try_partitions(topic, 0)
        while isinstance(found, int):
            await self._wait_for_ticket(found)
            found = self._native._try_partitions(topic, found)
        return found

    def purge(self, *, queued: bool = True, in_flight: bool = True) -> None:
        """Gives up records that were accepted: those that wait, and those in requests."""
        self._native._purge(queued * 1 + in_flight * 2)

    def metrics(self) -> dict[str, Any]:
        """A snapshot of the counters, under Kafka's names."""
        snapshot: dict[str, Any] = json.loads(self._native._metrics())
        return snapshot

    @property
    def pending(self) -> int:
        """How many records have no report yet."""
        return self._native.pending

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._native.closed

    async def close(self, timeout: float | None = None) -> None:
        """Waits until all accepted records are reported, at most `timeout` seconds, and ends.

        What has no report by then fails, and ClosedError is raised.
        """
        if self._native.closed:
            return
        try:
            if self._native.pending > 0 and timeout != 0:
                async with asyncio.timeout(timeout):
                    await self.flush()
        except TimeoutError:
            pass
        finally:
            self._detach()
            try:
                self._native.close(timeout=0)
            finally:
                self._end_waits()

    def _end_waits(self) -> None:
        waiting = [*self._tickets.values(), *self._news]
        self._tickets.clear()
        self._news.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(
                    make_error(-205, "CLOSED", "the producer was closed meanwhile", False, False)
                )

    async def __aenter__(self) -> Self:
        self._attach()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self.pending} pending"
        return f"<ottla.aio.Producer, {state}>"
