"""Sends of ottla.aio that are not awaited, come from another loop, or meet a close."""

import asyncio
import gc
import subprocess
import sys

import ottla
import pytest
from ottla import _native

NEVER_AWAITED = """
import asyncio, warnings, ottla
warnings.simplefilter("error")

async def main(servers):
    async with ottla.aio.Producer(bootstrap_servers=servers) as producer:
        producer.send("letters", "nobody waits")
        print((await producer.send("letters", "awaited")).offset)

with ottla.Cluster(topics={"letters": 1}) as cluster:
    asyncio.run(main(cluster.bootstrap_servers))
"""


def test_a_send_that_is_never_awaited_where_warnings_are_errors():
    done = subprocess.run([sys.executable, "-c", NEVER_AWAITED], capture_output=True, text=True,
                          timeout=60)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert done.stderr.count("was never awaited") == 1


def test_a_task_that_sends_says_so_in_its_repr(own):
    async def main():
        async with ottla.aio.Producer(bootstrap_servers=own.servers) as producer:
            task = asyncio.create_task(producer.send(own.topic(1), "v"))
            text = repr(task)
            await task
            return text

    assert "Producer.send()" in asyncio.run(main())


def test_a_send_in_another_loop_is_refused_and_sends_nothing(own):
    topic = own.topic(1)

    async def send(value):
        return (await producer.send(topic, value)).offset

    producer = ottla.aio.Producer(bootstrap_servers=own.servers, linger_ms=0)
    with asyncio.Runner() as first:
        assert first.run(send("here")) == 0
        with pytest.raises(RuntimeError, match="belongs to another event loop"), \
                asyncio.Runner() as second:
            second.run(send("elsewhere"))
        assert first.run(send("here again")) == 1
        first.run(producer.close())


def test_a_send_while_close_waits_is_refused_and_not_given_up(own):
    topic = own.topic(1)

    async def main():
        producer = ottla.aio.Producer(bootstrap_servers=own.servers, linger_ms=0)
        await producer.send(topic, "warm")
        own.cluster.inject("delay 300 api=Produce times=1")
        before = asyncio.create_task(producer.send(topic, "before"))
        await asyncio.sleep(0)
        closing = asyncio.create_task(producer.close())
        await asyncio.sleep(0)
        with pytest.raises(ottla.ClosedError, match="the producer is closed$"):
            await producer.send(topic, "meanwhile")
        await closing
        unused = ottla.aio.Producer(bootstrap_servers=own.servers)
        await unused.close()
        for closed in [producer, unused]:
            await closed.flush()  # There is nothing to wait for.
        return (await before).offset

    assert asyncio.run(main()) == 1


@pytest.mark.parametrize("prepared", [True, False])
def test_send_many_takes_and_refuses_what_that_for_threads_does(own, prepared):
    letters, notes = own.topic(1), own.topic(1)

    class Sort:
        def on_send(self, record):
            record.topic = notes if record.value == "a note" else letters

    config = {"interceptors": [Sort()], "value_serializer": str.encode} if prepared else {}
    good = ["a letter", {"value": "a note", "key": "k"}, ottla.Record(value="one more")]

    async def main():
        async with ottla.aio.Producer(bootstrap_servers=own.servers, **config) as producer:
            await producer.send_many(letters, good)
            with pytest.raises(TypeError, match="dict of value, key, headers") as raised:
                await producer.send_many(letters, ["before", {"valeu": "v"}])
            assert len(raised.value.deliveries) == 1
            with pytest.raises(TypeError, match="an iterable of records"):
                await producer.send_many(letters, {"value": "v"})

    asyncio.run(main())
    with own.producer(**config) as producer:
        producer.send_many(letters, good)
    values = {topic: [record["value"] for record in own.cluster.records(topic, 0)]
              for topic in (letters, notes)}
    once = ["a letter", "one more"] if prepared else ["a letter", "a note", "one more"]
    assert values[letters] == [*once, "before", *once]
    assert values[notes] == (["a note"] * 2 if prepared else [])


def test_a_send_many_that_a_close_ends_tells_what_was_accepted_and_leaves_nothing(own):
    topic = own.topic(1)

    async def main():
        producer = ottla.aio.Producer(bootstrap_servers=own.servers, linger_ms=0, batch_size=1000,
                                      buffer_memory=65536, max_request_size=30000)
        await producer.send(topic, "warm")
        own.pause()
        sending = asyncio.create_task(producer.send_many(topic, [b"x" * 10_000] * 20))
        while producer.pending == 0:
            await asyncio.sleep(0)
        with pytest.raises(ottla.ClosedError):
            await producer.close(timeout=0.1)
        with pytest.raises(ottla.ClosedError) as raised:
            await sending
        assert 0 < len(raised.value.deliveries) < 20

    gc.collect()
    before = _native.live()
    asyncio.run(main())
    gc.collect()
    assert _native.live() == before


def test_a_close_that_is_cancelled_ends_the_producer_and_is_a_cancellation(own):
    topic = own.topic(1)

    async def use():
        async with ottla.aio.Producer(bootstrap_servers=own.servers) as producer:
            seen.append(producer)
            await producer.send(topic, "warm")
            own.cluster.inject("delay 30000 api=Produce")
            seen.append(await producer.enqueue(topic, "late"))
            await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(use())
        while len(seen) < 2:
            await asyncio.sleep(0.001)
        task.cancel()
        while not seen[0]._news:  # The close waits.
            await asyncio.sleep(0.001)
        task.cancel("the second time")
        with pytest.raises(asyncio.CancelledError, match="the second time"):
            await task
        assert seen[0].closed
        assert isinstance((await seen[1]).error, ottla.ClosedError)

    async def in_time():
        producer = ottla.aio.Producer(bootstrap_servers=own.servers)
        future = await producer.enqueue(topic, "late")
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(0.1):
                await producer.close()
        assert not isinstance(raised.value, ottla.KafkaError) and producer.closed
        assert isinstance((await future).error, ottla.ClosedError)

    seen = []
    asyncio.run(main())
    asyncio.run(in_time())


def test_a_thread_that_waits_for_what_the_loop_reads_is_refused(own):
    topic = own.topic(1)

    async def main():
        producer = ottla.aio.Producer(bootstrap_servers=own.servers, max_request_size=1000)
        await producer.send(topic, "warm")
        waiting = asyncio.create_task(producer.send(topic, "of a task"))
        with pytest.raises(ottla.RecordTooLargeError) as raised:
            await producer.send_many(topic, ["accepted", "x" * 1001])
        deliveries = raised.value.deliveries
        for wait in [deliveries.result, deliveries.exception, deliveries[0].result]:
            with pytest.raises(ottla.WouldBlockError, match="await producer.flush()"):
                await asyncio.to_thread(wait, 10)
            with pytest.raises(ottla.WouldBlockError, match="would stop the event loop"):
                wait(10)
        assert not deliveries.done() and not deliveries[0].done()
        await producer.flush()
        assert deliveries.done() and deliveries.result(0)[0].ok
        assert (await waiting).ok
        await producer.close()

    own.cluster.inject("delay 100 api=Produce skip=1")
    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_producer_for_threads_may_be_waited_for_in_an_event_loop(own):
    topic = own.topic(1)

    async def main():
        with own.producer() as producer:
            told = []
            delivery = producer.send(topic, "v", on_delivery=told.append)
            assert delivery.result(20) is delivery and told == [delivery]

    asyncio.run(main())


@pytest.mark.parametrize("awaits", [True, False])
@pytest.mark.parametrize("slowly", [True, False])
def test_a_send_that_two_tasks_await_is_refused_to_the_second(own, slowly, awaits):
    topic = own.topic(1)
    # A serializer makes it the long way, on which more than the report is waited for.
    config = {"value_serializer": str} if slowly else {}

    async def await_(sending):
        return await sending

    async def main():
        async with ottla.aio.Producer(bootstrap_servers=own.servers, **config) as producer:
            await producer.send(topic, "warm")
            sending = producer.send(topic, "once")
            first, second = [asyncio.create_task(await_(sending) if awaits else sending)
                             for _ in range(2)]
            with pytest.raises(RuntimeError, match="being awaited already"):
                await second
            assert (await first).offset == 1

    asyncio.run(asyncio.wait_for(main(), 20))
