"""ottla.aio: tasks wait, the event loop does not."""

import asyncio
import gc
import time

import pytest

import ottla
import ottla.aio

BIG = b"x" * 10_000


def producer_of(brokers, **config) -> ottla.aio.Producer:
    return ottla.aio.Producer({"bootstrap.servers": brokers.servers}, **config)


def test_a_task_gets_the_report_of_its_record(brokers):
    topic = brokers.topic(1)

    async def main():
        async with producer_of(brokers) as producer:
            delivery = await producer.send(topic, "välue", key=b"k", headers=[("h", None)])
            assert delivery.ok and delivery.offset == 0 and delivery.topic == topic
            assert producer.pending == 0 and "0 pending" in repr(producer)
            assert producer.metrics()["record-ack-total"] == 1
        with pytest.raises(ottla.ClosedError):
            await producer.send(topic, b"v")
        await producer.close()

    asyncio.run(main())
    [message] = brokers.read(topic, 1)
    assert (message.value(), message.key()) == ("välue".encode(), b"k")


def test_a_thousand_tasks_send_and_wait_at_once(brokers):
    topic = brokers.topic(3)

    async def main():
        async with producer_of(brokers) as producer:
            done = await asyncio.gather(*(producer.send(topic, str(n)) for n in range(1000)))
            assert len({(delivery.partition, delivery.offset) for delivery in done}) == 1000

    asyncio.run(main())
    assert sorted(map(int, brokers.values(topic, 1000))) == list(range(1000))


def test_records_can_be_sent_without_waiting_for_each_report(brokers):
    topic = brokers.topic(1)

    async def main():
        async with producer_of(brokers, linger_ms=5000) as producer:
            futures = [await producer.enqueue(topic, str(n)) for n in range(100)]
            await producer.flush()
            assert [future.result().offset for future in futures] == list(range(100))
            many = await producer.send_many(topic, [b"v"] * 1000)
            assert len(many) == 1000 and many.failed == []
            assert len(await producer.partitions_for(topic)) == 1

    asyncio.run(main())


def test_what_is_refused_raises_at_once(brokers):
    topic = brokers.topic(1)

    async def main():
        async with producer_of(brokers, max_request_size=1000) as producer:
            with pytest.raises(ottla.RecordTooLargeError):
                await producer.send(topic, b"x" * 1001)
            with pytest.raises(ottla.RecordTooLargeError) as raised:
                await producer.send_many(topic, [b"1", b"x" * 1001])
            assert len(raised.value.deliveries) == 1
            with pytest.raises(TypeError):
                await producer.send(topic, 5)

    asyncio.run(main())


def test_what_fails_later_raises_where_it_is_awaited(own):
    topic = own.topic(1)

    async def main():
        config = {"delivery_timeout_ms": 400, "request_timeout_ms": 200}
        async with producer_of(own, **config) as producer:
            own.cluster.inject("error NOT_ENOUGH_REPLICAS api=Produce")
            with pytest.raises(ottla.DeliveryTimeoutError, match="NOT_ENOUGH_REPLICAS"):
                await producer.send(topic, b"v")
            future = await producer.enqueue(topic, b"v")
            assert isinstance((await future).error, ottla.DeliveryTimeoutError)
            with pytest.raises(ottla.DeliveryTimeoutError):
                await producer.send_many(topic, [b"v"])

    asyncio.run(main())


def test_unreachable_brokers_do_not_stop_the_loop():
    async def main():
        config = {"bootstrap.servers": "127.0.0.1:1", "max.block.ms": 300}
        async with ottla.aio.Producer(config) as producer:
            ticks = asyncio.create_task(tick())
            with pytest.raises(ottla.TimeoutError, match=r"127\.0\.0\.1:1"):
                await producer.send("letters", b"v")
            with pytest.raises(ottla.TimeoutError):
                await producer.partitions_for("letters")
            ticks.cancel()
            assert ticked[0] > 20

    ticked = [0]

    async def tick():
        while True:
            await asyncio.sleep(0.005)
            ticked[0] += 1

    asyncio.run(main())


async def fill(own, producer, topic):
    """Tasks of which some wait for memory, as the cluster stands still."""
    await producer.send(topic, b"v")
    own.pause()
    tasks = [asyncio.create_task(producer.send(topic, BIG)) for _ in range(20)]
    while producer.metrics()["waiting-threads"] == 0:
        await asyncio.sleep(0.001)
    return tasks


def test_a_full_buffer_makes_tasks_wait_and_nobody_else(own):
    topic = own.topic(1)

    async def main():
        async with producer_of(own, buffer_memory=40_000, batch_size=10_000) as producer:
            tasks = await fill(own, producer, topic)
            many = asyncio.create_task(producer.send_many(topic, [BIG] * 20))
            started = time.monotonic()
            await asyncio.sleep(0.01)  # That nothing ends and the loop goes on is seen over time.
            assert time.monotonic() - started < 1 and not any(task.done() for task in tasks)
            own.resume()
            assert all(delivery.ok for delivery in await asyncio.gather(*tasks))
            assert len(await many) == 20

    asyncio.run(main())
    assert len(own.values(topic, 41)) == 41


def test_a_task_that_is_cancelled_while_it_waits_sends_nothing(own):
    topic = own.topic(1)

    async def main():
        async with producer_of(own, buffer_memory=40_000, batch_size=10_000) as producer:
            tasks = await fill(own, producer, topic)
            many = asyncio.create_task(producer.send_many(topic, [BIG] * 20))
            await asyncio.sleep(0)  # It begins.
            accepted = producer.pending
            for task in [*tasks, many]:
                task.cancel()
            await asyncio.gather(*tasks, many, return_exceptions=True)
            assert producer.metrics()["waiting-threads"] == 0
            assert not producer._tickets
            own.resume()
            return accepted

    accepted = asyncio.run(main())
    assert 0 < accepted < 20
    assert len(own.values(topic, accepted + 1)) == accepted + 1


def test_a_task_that_is_cancelled_later_changes_nothing(brokers):
    topic = brokers.topic(1)

    async def main():
        async with producer_of(brokers, linger_ms=100) as producer:
            await producer.partitions_for(topic)
            task = asyncio.create_task(producer.send(topic, b"v"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await producer.send(topic, b"v")

    asyncio.run(main())
    assert len(brokers.values(topic, 2)) == 2


def test_too_many_unread_reports_make_tasks_wait(brokers):
    topic = brokers.topic(1)

    async def main():
        async with producer_of(brokers, delivery_report_queue_max=10) as producer:
            await asyncio.gather(*(producer.send(topic, b"v") for _ in range(500)))
            assert len(await producer.send_many(topic, [b"v"] * 500)) == 500

    asyncio.run(main())


def test_serializers_and_interceptors_are_used_once_a_record(brokers):
    topic = brokers.topic(1)
    seen, acknowledged = [], []

    class Spy:
        on_send = staticmethod(seen.append)
        on_acknowledgement = staticmethod(acknowledged.append)

    async def main():
        async with producer_of(brokers, value_serializer=str, interceptors=[Spy()]) as producer:
            await producer.send(topic, 1)
            await producer.enqueue(topic, 2)
            await producer.send_many(topic, [3, {"value": 4}, ottla.Record(value=5)])

    asyncio.run(main())
    assert [record.value for record in seen] == [1, 2, 3, 4, 5]
    assert len(acknowledged) == 5
    assert brokers.values(topic, 5) == [b"1", b"2", b"3", b"4", b"5"]


def test_close_in_time_fails_what_is_left(own):
    topic = own.topic(1)

    async def main():
        producer = producer_of(own, buffer_memory=40_000, batch_size=10_000)
        tasks = await fill(own, producer, topic)
        with pytest.raises(ottla.ClosedError):
            await producer.close(timeout=0.1)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(error, ottla.ClosedError) for error in done)
        assert producer.closed

    asyncio.run(main())


def test_a_producer_belongs_to_one_loop(brokers):
    topic = brokers.topic(1)
    producer = producer_of(brokers)
    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(producer.send(topic, b"v"))
        with pytest.raises(RuntimeError, match="another event loop|different loop"):
            second.run(producer.send(topic, b"v"))
        first.run(producer.close())


def test_send_is_a_coroutine_like_any_other(brokers):
    topic = brokers.topic(1)

    async def main():
        async with producer_of(brokers) as producer:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(producer.send(topic, b"1"))
            assert task.result().ok
            assert (await asyncio.create_task(producer.send(topic, b"2"))).ok
            assert (await asyncio.wait_for(producer.send(topic, b"3"), 30)).ok
            assert (await asyncio.ensure_future(producer.send(topic, b"4"))).ok
            future = asyncio.run_coroutine_threadsafe(
                producer.send(topic, b"5"), asyncio.get_running_loop())
            assert (await asyncio.wrap_future(future)).ok
            used = producer.send(topic, b"6")
            await used
            with pytest.raises(RuntimeError, match="already awaited"):
                await used
            with pytest.warns(RuntimeWarning, match="never awaited"):
                producer.send(topic, b"7")
            producer.send(topic, b"8").close()
            with pytest.raises(asyncio.CancelledError, match="why"):
                task = asyncio.create_task(producer.send(topic, b"9"))
                await asyncio.sleep(0)
                task.cancel("why")
                await task

    asyncio.run(main())
    assert brokers.values(topic, 7) == [b"1", b"2", b"3", b"4", b"5", b"6", b"9"]


def test_context_and_current_task_are_those_of_the_task(brokers):
    import contextvars

    topic = brokers.topic(1)
    variable = contextvars.ContextVar("variable")

    async def task(producer, number):
        variable.set(number)
        me = asyncio.current_task()
        await producer.send(topic, b"v")
        assert variable.get() == number and asyncio.current_task() is me

    async def main():
        async with producer_of(brokers) as producer:
            await asyncio.gather(*(task(producer, n) for n in range(100)))

    asyncio.run(main())


def test_what_nobody_closed_is_delivered_and_warned_of(brokers):
    topic = brokers.topic(1)

    async def main():
        producer = producer_of(brokers, linger_ms=1000)
        await producer.partitions_for(topic)
        await producer.enqueue(topic, b"v")

    with pytest.warns(ResourceWarning, match="unclosed"):
        asyncio.run(main())
        gc.collect()
    assert brokers.values(topic, 1) == [b"v"]
