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
import os
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from ottla import _native, _record
from ottla._native import Deliveries, Delivery
from ottla.errors import KafkaError, make_error
from ottla.producer import drop, open_native, open_producers

__all__ = ["Producer"]


class Producer(_native.TaskProducer):
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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        self._prepare = open_native(self, config, sugar, key_serializer, value_serializer,
                                    partitioner, interceptors, logger)
        self._loop_pid = 0
        self._create_future: Callable[[], asyncio.Future[Any]]
        self._fd = -1
        self._tickets: dict[int, asyncio.Future[None]] = {}
        self._news: list[asyncio.Future[None]] = []

    def _use(self) -> None:
        """Watches the event fd, from the first use on."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._fd = self._event_fd()
            self._attach(loop)
            self._loop, self._loop_pid = loop, os.getpid()
            self._create_future = loop.create_future
            loop.add_reader(self._fd, self._on_event)
        elif self._loop is not loop:
            self._event_fd()  # In a child of fork that is what is wrong.
            raise RuntimeError("this producer belongs to another event loop: make one for each")

    def _on_event(self) -> None:
        try:
            tickets = self._drain()
        except KafkaError as error:
            # A child of fork, or a defect: whoever waits is to hear of it.
            self._detach()
            self._end_waits(error)
            self._break_promises(error.code, error.args[0])
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
            # A child of fork shares the kernel's list of what the loop of its parent watches.
            if self._loop_pid == os.getpid():
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
                self._cancel_ticket(ticket)
            raise

    async def _send_slowly(
        self, ticket: int, topic: str, value: Any, key: Any, headers: Any, partition: Any,
        timestamp_ms: Any,
    ) -> Delivery:
        """The way of `send` where more than the report has to be waited for."""
        future = await self._accept(
            topic, value, key, headers, partition, timestamp_ms, ticket, self._loop is not None
        )
        delivery = await future
        return delivery if delivery.ok else delivery.result()

    async def _accept(
        self, topic: str, value: Any, key: Any, headers: Any, partition: Any, timestamp_ms: Any,
        ticket: int = 0, waits: bool = False,
    ) -> "asyncio.Future[Delivery]":
        """Waits until a record is accepted."""
        self._use()
        future: asyncio.Future[Delivery] = self._create_future()
        if self._prepare is not None:
            topic, value, key, headers, partition, timestamp_ms = self._prepare(
                topic, value, key, headers, partition, timestamp_ms
            )
        elif waits:
            await self._wait_for_ticket(ticket)
        args = (topic, value, key, headers, partition, timestamp_ms, future)
        while isinstance(sent := self._try_send(*args, ticket), int):
            ticket = sent
            await self._wait_for_ticket(ticket)
        return future

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
        return await self._accept(topic, value, key, headers, partition, timestamp_ms)

    async def send_many(self, topic: str, records: Iterable[Any]) -> Deliveries:
        """Sends records in their order and returns when all have their report.

        Of a record that is refused the error is raised, with those that were accepted before it
        as its attribute `deliveries`, whose reports are there after a flush; of records that failed
        the first one's error.
        """
        self._use()
        future = self._create_future()
        deliveries = self._begin_many(topic, records, future)
        try:
            while (ticket := self._resume_many(deliveries)) is not None:
                await self._wait_for_ticket(ticket)
        except BaseException as error:
            self._end_many(deliveries)
            if isinstance(error, KafkaError):
                setattr(error, "deliveries", deliveries)
            raise
        await future
        return deliveries.result()

    async def flush(self) -> None:
        """Sends what was accepted without lingering, and waits until all of it is reported.

        For a limit in time there is `asyncio.timeout`.
        """
        if self.closed:
            return
        self._use()
        mark = self._try_flush(0)
        while mark is not None:
            await self._wait_for_news()
            mark = self._try_flush(mark)

    async def partitions_for(self, topic: str) -> list[tuple[int, int]]:
        """The partitions of a topic as pairs of number and leader (-1 for none)."""
        self._use()
        found = self._try_partitions(topic, 0)
        while isinstance(found, int):
            await self._wait_for_ticket(found)
            found = self._try_partitions(topic, found)
        return found

    def purge(self, *, queued: bool = True, in_flight: bool = True) -> None:
        """Gives up records that were accepted: those that wait, and those in requests."""
        self._purge(queued * 1 + in_flight * 2)

    def metrics(self) -> dict[str, Any]:
        """A snapshot of the counters, under Kafka's names."""
        snapshot: dict[str, Any] = json.loads(self._metrics())
        return snapshot

    async def close(self, timeout: float | None = None) -> None:
        """Waits until all accepted records are reported, at most `timeout` seconds, and ends.

        What has no report by then fails, and ClosedError is raised. So it fails at once when the
        task is cancelled, which then ends as a task that is cancelled does.
        """
        if self.closed:
            return
        # What is accepted after the flush has begun would not be waited for.
        self._stop()
        try:
            if self.pending > 0 and timeout != 0:
                async with asyncio.timeout(timeout):
                    await self.flush()
        except TimeoutError:
            pass
        except BaseException:
            # What is given up is told to those who wait for it.
            with contextlib.suppress(KafkaError):
                self._end()
            raise
        self._end()

    def _end(self) -> None:
        self._detach()
        try:
            self._close(timeout=0)
        finally:
            self._end_waits(
                make_error(-205, "CLOSED", "the producer was closed meanwhile", False, False)
            )
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon(self._drain)

    def _end_waits(self, error: KafkaError) -> None:
        waiting = [*self._tickets.values(), *self._news]
        self._tickets.clear()
        self._news.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(error)

    async def __aenter__(self) -> Self:
        self._use()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if not self.closed:
            drop(self, self._pid, "`async with`")

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self.pending} pending"
        return f"<ottla.aio.Producer, {state}>"


def _after_fork() -> None:
    """What tasks wait for is the parent's; if the child runs its copies of them they hear so."""
    for producer in list(open_producers):
        if isinstance(producer, Producer) and producer._loop is not None:
            with contextlib.suppress(RuntimeError):
                producer._loop.call_soon(producer._on_event)


os.register_at_fork(after_in_child=_after_fork)
