"""What is told of each record, and callbacks. See tests/behaviours.tsv."""

import threading

import pytest
from waiting import until

import ottla


def test_one_report_each(brokers):
    topic = brokers.topic(3)
    reported = []
    with brokers.producer(max_request_size=1000) as producer:
        for number in range(500):
            producer.send(topic, value=b"v", on_delivery=reported.append, opaque=number)
            if number % 10 == 0:
                with pytest.raises(ottla.RecordTooLargeError):
                    producer.send(topic, value=b"x" * 1001, on_delivery=reported.append)
        producer.flush()
        assert sorted(delivery.opaque for delivery in reported) == list(range(500))
        assert producer.pending == 0
    assert len(reported) == 500
    assert len(brokers.values(topic, 500)) == 500


def test_report_tells_the_place(brokers):
    topic = brokers.topic(3)
    with brokers.producer() as producer:
        deliveries = {str(n): producer.send(topic, value=str(n)) for n in range(50)}
        for delivery in deliveries.values():
            assert delivery.result(30) is delivery and delivery.topic == topic
            assert delivery.state is ottla.State.PERSISTED and delivery.ok
            assert delivery.error is None and delivery.exception() is None
    found = {(m.partition(), m.offset()): m.value().decode() for m in brokers.read(topic, 50)}
    for value, delivery in deliveries.items():
        assert found[delivery.partition, delivery.offset] == value


def test_report_finds_its_record(brokers):
    topic = brokers.topic(1)
    order = {"number": 4711}
    with brokers.producer() as producer:
        assert producer.send(topic, value=b"v", opaque=order).result(30).opaque is order
        many = producer.send_many(topic, [b"v"], opaque=order).result(30)
        assert many.opaque is order and many[0].opaque is order
        assert producer.send(topic, value=b"v").result(30).opaque is None


def test_no_report_wanted(brokers):
    topic = brokers.topic(1)
    reported = []
    with brokers.producer() as producer:
        assert producer.send(topic, b"silent", on_delivery=reported.append, report=False) is None
        producer.flush()
        assert producer.pending == 0 and producer.poll() == 0
    assert brokers.values(topic, 1) == [b"silent"] and reported == []


def test_acks_0(brokers):
    topic = brokers.topic(1)
    # A broker that does not lead the topic yet would drop a record that wants no answer.
    with brokers.producer() as producer:
        producer.send(topic, value=b"first").result(30)
    with brokers.producer(acks=0, enable_idempotence=False) as producer:
        delivery = producer.send(topic, value=b"v").result(30)
        assert delivery.state is ottla.State.POSSIBLY_PERSISTED
        assert delivery.offset is None and delivery.partition == 0
    assert brokers.values(topic, 2) == [b"first", b"v"]


def test_callback_may_send(brokers):
    topic = brokers.topic(1)

    def again(delivery):
        number = delivery.opaque
        if number < 5:
            producer.send(topic, value=str(number + 1), on_delivery=again, opaque=number + 1)
            producer.poll()

    with brokers.producer() as producer:
        producer.send(topic, value="0", on_delivery=again, opaque=0)
        until(lambda: producer.poll(0.1) == 0 and producer.pending == 0, "no more records")
    assert brokers.values(topic, 6) == [b"%d" % n for n in range(6)]


def test_callback_may_not_close(brokers):
    topic = brokers.topic(1)
    raised = []

    def close(_delivery):
        for call in [producer.close, producer.flush]:
            try:
                call()
            except ottla.InCallbackError as error:
                raised.append(str(error))

    with brokers.producer() as producer:
        producer.send(topic, value=b"v", on_delivery=close)
        producer.flush()
        assert len(raised) == 2 and "close inside a callback" in raised[0]
        producer.send(topic, value=b"v").result(30)


def test_failure_says_why(own):
    topic = own.topic(1)
    with own.producer(delivery_timeout_ms=600, request_timeout_ms=200, linger_ms=0) as producer:
        producer.send(topic, value=b"v").result(30)
        own.cluster.inject("error NOT_ENOUGH_REPLICAS api=Produce")
        delivery = producer.send(topic, value=b"v")
        with pytest.raises(ottla.DeliveryTimeoutError, match="NOT_ENOUGH_REPLICAS") as raised:
            delivery.result(30)
        assert f"{topic}-0" in str(raised.value)
        assert delivery.state is ottla.State.NOT_PERSISTED and delivery.offset is None
        own.cluster.heal()
        own.cluster.inject("drop-response api=Produce")
        delivery = producer.send(topic, value=b"v")
        assert isinstance(delivery.exception(30), ottla.TimeoutError)
        assert delivery.state is ottla.State.POSSIBLY_PERSISTED
        own.cluster.heal()


def test_failed_records_of_many_are_told(own):
    topic = own.topic(1)
    with own.producer(delivery_timeout_ms=400, request_timeout_ms=200) as producer:
        own.cluster.inject("error NOT_ENOUGH_REPLICAS api=Produce")
        reported = []
        many = producer.send_many(topic, [b"1", b"2"], on_delivery=reported.append)
        with pytest.raises(ottla.DeliveryTimeoutError):
            many.result(30)
        producer.poll()
        assert [delivery.error.name for delivery in many.failed] == ["DELIVERY_TIMED_OUT"] * 2
        assert reported == [many] and many.done() and not many[0].ok


def test_close_reports_all(brokers):
    topic = brokers.topic(3)
    reported = []
    producer = brokers.producer(linger_ms=10_000)
    for _ in range(1000):
        producer.send(topic, value=b"v", on_delivery=reported.append)
    producer.close()
    assert len(reported) == 1000 and all(delivery.ok for delivery in reported)
    assert len(brokers.values(topic, 1000)) == 1000


def test_two_producers(brokers):
    topic = brokers.topic(1)
    mine, other = [], []
    with brokers.producer() as first, brokers.producer() as second:
        for number in range(100):
            first.send(topic, value=b"1", on_delivery=mine.append)
            if number % 2:
                second.send(topic, value=b"2", on_delivery=other.append)
        first.flush()
        assert len(mine) == 100 and first.pending == 0
        second.flush()
    assert len(other) == 50


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_a_callback_raises_harms_nobody(brokers):
    topic = brokers.topic(1)
    reported = []

    def fail(delivery):
        reported.append(delivery)
        raise RuntimeError("my mistake")

    with brokers.producer() as producer:
        producer.send(topic, value=b"1", on_delivery=fail)
        producer.send(topic, value=b"2", on_delivery=fail)
        producer.flush()
    assert len(reported) == 2


def test_ctrl_c_inside_a_callback_gets_out(brokers):
    topic = brokers.topic(1)
    reported = []

    def interrupt(delivery):
        reported.append(delivery)
        if delivery.opaque == 0:
            raise KeyboardInterrupt

    with brokers.producer() as producer:
        for number in range(3):
            producer.send(topic, value=b"v", on_delivery=interrupt, opaque=number)
        with pytest.raises(KeyboardInterrupt):
            producer.flush()
        producer.flush()
        assert [delivery.opaque for delivery in reported] == [0, 1, 2]


def test_reports_come_while_a_program_only_sends(brokers):
    topic = brokers.topic(1)
    reported = []

    def send_one_more():
        producer.send(topic, value=b"v", on_delivery=reported.append)
        return reported

    with brokers.producer(linger_ms=0) as producer:
        until(send_one_more, "a report while sending")


def test_every_thread_that_waits_gets_its_own_report(brokers):
    topic = brokers.topic(3)
    done = []

    def work(producer):
        for _ in range(50):
            done.append(producer.send(topic, value=b"v").result(30))

    with brokers.producer(linger_ms=0) as producer:
        threads = [threading.Thread(target=work, args=(producer,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(done) == 400
