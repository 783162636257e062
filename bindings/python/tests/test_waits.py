"""What waits, for how long, and what ends it. See tests/behaviours.tsv."""

import asyncio
import sys
import threading
import time

import pytest
from waiting import once_it_waits, polls, until

import ottla

BIG = b"x" * 10_000


def test_flush_waits(brokers):
    topic = brokers.topic(3)
    with brokers.producer(linger_ms=20_000) as producer:
        deliveries = [producer.send(topic, value=b"v") for _ in range(100)]
        producer.flush()
        assert all(delivery.done() for delivery in deliveries)
        assert producer.pending == 0


def test_flush_in_time(own):
    topic = own.topic(1)
    with own.producer() as producer:
        producer.send(topic, value=b"v").result(30)
        leader = own.cluster.leader(topic, 0)
        own.cluster.pause(leader)
        producer.send(topic, value=b"v")
        started = time.monotonic()
        with pytest.raises(ottla.TimeoutError, match="flush: 1 records have no outcome"):
            producer.flush(timeout=0.2)
        assert 0.2 <= time.monotonic() - started < 5
        own.cluster.resume(leader)
        producer.flush(timeout=30)


def full(own, **config):
    """A producer whose buffer is full as the cluster stands still, and its topic."""
    topic = own.topic(1)
    producer = own.producer(buffer_memory=40_000, batch_size=10_000, **config)
    producer.send(topic, value=b"v").result(30)
    own.pause()
    with pytest.raises(ottla.WouldBlockError):
        for _ in range(10):
            producer.send(topic, value=BIG, timeout=0)
    return producer, topic


def test_wait_is_interrupted(own):
    producer, topic = full(own)
    pending, raised = producer.pending, []

    def send():
        try:
            producer.send(topic, value=BIG)
        except ottla.InterruptedError as error:
            raised.append(error)

    thread = threading.Thread(target=send)
    thread.start()

    def interrupt():
        producer.interrupt()
        return not thread.is_alive()

    until(interrupt, "the send ends")
    assert len(raised) == 1 and producer.pending == pending
    own.resume()
    producer.close()
    assert len(own.values(topic, pending + 1)) == pending + 1


def test_full_buffer_waits(own):
    producer, topic = full(own, max_block_ms=300)
    started = time.monotonic()
    with pytest.raises(ottla.BufferExhaustedError, match=r"buffer\.memory"):
        producer.send(topic, value=BIG)
    assert time.monotonic() - started >= 0.3
    started = time.monotonic()
    with pytest.raises(ottla.BufferExhaustedError):
        producer.send(topic, value=BIG, timeout=0.1)
    assert 0.1 <= time.monotonic() - started < 0.3
    own.resume()
    producer.close()


def test_a_full_buffer_that_empties_lets_sends_go_on(own):
    producer, topic = full(own)
    thread = once_it_waits(own.resume)
    before = producer.pending
    deliveries = [producer.send(topic, value=BIG) for _ in range(20)]
    many = producer.send_many(topic, [BIG] * 20)
    assert before > 0 and many.result(30) and all(d.result(30).ok for d in deliveries)
    thread.join()
    producer.close()


def test_full_buffer_would_block(own):
    producer, topic = full(own)
    with pytest.raises(ottla.WouldBlockError, match=r"buffer\.memory"):
        producer.send(topic, value=BIG, timeout=0)
    own.resume()

    def try_again():
        try:
            return producer.send(topic, value=BIG, timeout=0)
        except ottla.WouldBlockError:
            producer.poll(0.1)
            return None

    until(try_again, "a try succeeds")
    producer.close()


def test_a_ticket_that_another_thread_reads_first_is_not_lost(own):
    """Between the try that got the ticket and the wait for it other threads may run."""
    producer, topic = full(own)
    polled, gone, sent = [], threading.Event(), threading.Event()

    class SlowToGo(bytes):
        """The library has copied it. While it goes the other thread reads what comes."""

        def __del__(self):
            if not gone.is_set():
                gone.set()
                own.resume()
                until(lambda: producer.pending == 0, "the buffer empties")
                seen = len(polled)
                until(lambda: len(polled) > seen + 1, "tickets are read")

    class Letter(ottla.Record):
        value = property(lambda self: SlowToGo(BIG), lambda self, value: None)

    def poll():
        while not sent.is_set():
            producer.poll(0.01)
            polled.append(1)

    polling = threading.Thread(target=poll)
    polling.start()
    try:
        assert producer.send_many(topic, [Letter()] * 10, timeout=20).result(30)
    finally:
        sent.set()
        polling.join()
    producer.close()


def test_a_record_that_waits_is_serialized_once(own):
    topic, seen = own.topic(1), []

    def serialize(number):
        seen.append(number)
        return BIG

    async def of_tasks():
        config = {"buffer_memory": 40_000, "batch_size": 10_000}
        async with ottla.aio.Producer(bootstrap_servers=own.servers, value_serializer=serialize,
                                      **config) as producer:
            await producer.send_many(topic, range(30))

    with full(own, value_serializer=serialize)[0] as producer:
        seen.clear()
        thread = once_it_waits(own.resume)
        producer.send_many(topic, range(30))
        thread.join()
    assert seen == list(range(30))
    seen.clear()
    asyncio.run(of_tasks())
    assert seen == list(range(30))


def test_reports_that_nobody_could_read_yet_make_send_wait(own):
    topic = own.topic(1)
    with own.producer(delivery_report_queue_max=10, linger_ms=0) as producer:
        for _ in range(1000):
            producer.send(topic, value=b"v")
        assert len(producer.send_many(topic, [b"v"] * 1000).result(30)) == 1000
        with pytest.raises(ottla.ReportsFullError):
            for _ in range(1000):
                producer.send(topic, value=b"v", timeout=0)


def test_unreachable_says_so():
    with ottla.Producer(bootstrap_servers="127.0.0.1:1", max_block_ms=300) as producer:
        started = time.monotonic()
        with pytest.raises(ottla.TimeoutError, match=r"127\.0\.0\.1:1") as raised:
            producer.send("letters", value=b"v")
        assert 0.3 <= time.monotonic() - started < 10 and raised.value.retriable
        with pytest.raises(ottla.TimeoutError, match="letters"):
            producer.partitions_for("letters", timeout=0.1)


def test_close_in_time(own):
    topic = own.topic(1)
    reported = []
    producer = own.producer()
    producer.send(topic, value=b"v").result(30)
    for broker in [1, 2, 3]:
        own.cluster.kill(broker)
    for _ in range(10):
        producer.send(topic, value=b"v", on_delivery=reported.append)
    started = time.monotonic()
    with pytest.raises(ottla.ClosedError, match="10 record"):
        producer.close(timeout=0.3)
    assert 0.3 <= time.monotonic() - started < 5
    assert len(reported) == 10
    assert all(isinstance(delivery.error, ottla.ClosedError) for delivery in reported)
    producer.close()


def test_close_ends_the_waits_of_other_threads(own):
    producer, topic = full(own)
    raised = []

    def send():
        try:
            producer.send(topic, value=BIG)
        except ottla.ClosedError as error:
            raised.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    until(lambda: producer.metrics()["waiting-threads"] == 1, "the send waits")
    with pytest.raises(ottla.ClosedError):
        producer.close(timeout=0.1)
    thread.join(10)
    assert len(raised) == 1


def test_result_in_time(own):
    topic = own.topic(1)
    with own.producer() as producer:
        producer.send(topic, value=b"v").result(30)
        leader = own.cluster.leader(topic, 0)
        own.cluster.pause(leader)
        delivery = producer.send(topic, value=b"v")
        many = producer.send_many(topic, [b"v", b"v"])
        with pytest.raises(TimeoutError, match="may still be delivered"):
            delivery.result(timeout=0.1)
        with pytest.raises(TimeoutError, match="2 of 2 records"):
            many.result(0.1)
        assert not delivery.done() and not many.done() and delivery.offset is None
        assert delivery.state is ottla.State.PENDING and repr(delivery).endswith("pending>")
        own.cluster.resume(leader)
        assert delivery.result(timeout=30).ok and many.result(30)


def test_purge_gives_records_up(own):
    topic = own.topic(1)
    with own.producer(linger_ms=20_000) as producer:
        producer.partitions_for(topic)
        delivery = producer.send(topic, value=b"v")
        producer.purge()
        with pytest.raises(ottla.PurgedError):
            delivery.result(30)
        assert delivery.state is ottla.State.NOT_PERSISTED


def test_when_the_thread_that_reads_for_all_goes_another_one_does(own):
    topic = own.topic(1)
    done = []
    with own.producer() as producer:
        producer.send(topic, b"v").result(30)
        leader = own.cluster.leader(topic, 0)
        own.cluster.pause(leader)
        delivery = producer.send(topic, b"v")
        first = threading.Thread(target=patiently, args=(delivery, 0.3, done))
        first.start()
        until(lambda: polls(first.native_id), "the first one waits")
        others = [threading.Thread(target=patiently, args=(delivery, 60, done)) for _ in range(3)]
        for other in others:
            other.start()
        first.join()
        assert done == ["too late"]
        own.cluster.resume(leader)
        for other in others:
            other.join(20)
            assert not other.is_alive()
        assert done == ["too late", "there", "there", "there"]


def patiently(delivery, seconds, done):
    try:
        delivery.result(seconds)
        done.append("there")
    except ottla.TimeoutError:
        done.append("too late")


def test_a_callback_may_wait_for_a_report(brokers):
    topic = brokers.topic(1)
    told = []

    def on_delivery(delivery):
        told.append(producer.send(topic, b"2").result(30).offset)
        told.append(len(producer.send_many(topic, [b"3"] * 3).result(30)))

    with brokers.producer() as producer:
        producer.send(topic, b"1", on_delivery=on_delivery).result(30)
        producer.flush(timeout=60)
        assert told == [1, 3]


def test_a_callback_that_waits_for_another_thread_holds_nobody_up(brokers):
    topic = brokers.topic(1)
    begun, go_on, told = threading.Event(), threading.Event(), []

    def on_delivery(_delivery):
        begun.set()
        told.append(go_on.wait(30))

    def work():
        begun.wait(30)
        producer.send(topic, b"2").result(30)
        go_on.set()

    with brokers.producer(linger_ms=0) as producer:
        thread = threading.Thread(target=work)
        thread.start()
        producer.send(topic, b"1", on_delivery=on_delivery)
        producer.flush(timeout=60)
        thread.join()
        assert told == [True]


def test_flush_waits_for_callbacks_of_other_threads(brokers):
    topic = brokers.topic(1)
    begun, go_on = threading.Event(), threading.Event()

    def on_delivery(_delivery):
        begun.set()
        go_on.wait(30)

    with brokers.producer() as producer:
        producer.send(topic, b"v", on_delivery=on_delivery)
        thread = threading.Thread(target=producer.poll, args=(30,))
        thread.start()
        assert begun.wait(30)
        with pytest.raises(ottla.TimeoutError):
            producer.flush(timeout=0.1)
        go_on.set()
        producer.flush(timeout=30)
        thread.join()


def test_close_ends_a_poll_of_another_thread(brokers):
    producer = brokers.producer()
    threads = [threading.Thread(target=producer.poll, args=(None,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: all(polls(thread.native_id) for thread in threads), "all wait")
    producer.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_waiter_does_not_wait_for_the_callback_of_another_record(own):
    """Its report was read by a thread that then runs a callback, which waits for the waiter."""
    slow, quick = own.topic(1), own.topic(1)
    own.cluster.move_leader(slow, 0, 2)
    own.cluster.move_leader(quick, 0, 1)
    heard = threading.Event()
    with own.producer(linger_ms=20) as producer:
        for topic in (slow, quick):
            producer.send(topic, b"warm").result(30)
        fault = own.cluster.inject("delay 20000 broker=2 api=Produce times=1")
        late = producer.send(slow, b"late")
        leader = threading.Thread(target=late.exception, args=(30,))
        leader.start()
        until(lambda: polls(leader.native_id), "the leader waits")
        first = producer.send(quick, b"first")
        follower = threading.Thread(target=lambda: first.result(30) and heard.set())
        follower.start()
        until(lambda: heard.is_set() or polls(follower.native_id), "the follower waits")
        told = []
        producer.send(quick, b"second", on_delivery=lambda _: told.append(heard.wait(5)))
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1)
        while not told:
            producer.poll()
        sys.setswitchinterval(interval)
        assert told == [True]
        own.cluster.heal(fault)
        producer.purge()
        for thread in (leader, follower):
            thread.join()
