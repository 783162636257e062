"""Making, using, and ending producers; what they tell. See tests/behaviours.tsv."""

import gc
import json
import logging
import os
import subprocess
import sys
import threading

import pytest
from waiting import until

import ottla


def threads() -> set[str]:
    """The library's threads in this process."""
    names = set()
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/comm", encoding="ascii") as file:
                names.add(file.read().strip())
        except FileNotFoundError:
            pass
    return {name for name in names if name.startswith("ottla-")}


def test_unused_producer(brokers):
    before = threads()
    with brokers.producer():
        assert threads() == before
    assert threads() == before


def test_partitions_for(brokers):
    topic = brokers.topic(5)
    with brokers.producer() as producer:
        partitions = producer.partitions_for(topic, timeout=30)
        assert [number for number, _leader in partitions] == [0, 1, 2, 3, 4]
        assert all(leader > 0 for _number, leader in partitions)
        with pytest.raises(ottla.InvalidArgumentError, match="a b"):
            producer.partitions_for("a b")


def test_metrics(brokers):
    topic = brokers.topic(1)
    with brokers.producer() as producer:
        producer.send_many(topic, [b"v"] * 10).result(30)
        metrics = producer.metrics()
        # A topic that was just made may not have its leader on the broker yet.
        again = metrics["record-retry-total"]
        assert metrics["record-send-total"] == 10 + again and metrics["record-error-total"] == 0


def test_own_partitioner(brokers):
    topic = brokers.topic(3)
    seen = []

    def partitioner(topic, key, value, count):
        seen.append((topic, key, value, count))
        return int(value) % count if value != b"3" else None

    with brokers.producer(partitioner=partitioner) as producer:
        for number in range(4):
            producer.send(topic, value=str(number), key="k")
        producer.send(topic, value=b"0", partition=1)
    assert seen == [(topic, b"k", b"%d" % number, 3) for number in range(4)]
    for message in brokers.read(topic, 5):
        if message.key() is not None and message.value() != b"3":
            assert message.partition() == int(message.value())


@pytest.mark.parametrize("chosen", [7, -1, "one", None])
def test_a_partitioner_that_fails_says_why(brokers, chosen):
    topic = brokers.topic(2)

    def partitioner(*_):
        return chosen if chosen is not None else 1 // 0

    with brokers.producer(partitioner=partitioner) as producer:
        with pytest.raises(ottla.PartitionerError) as raised:
            producer.send(topic, value=b"v")
        cause = {7: type(None), -1: type(None), "one": TypeError, None: ZeroDivisionError}[chosen]
        assert isinstance(raised.value.__cause__, cause)


def test_interceptor(brokers):
    topic = brokers.topic(1)

    class Stamp:
        def __init__(self):
            self.seen = []

        def on_send(self, record):
            record.headers = [*(record.headers or []), ("stamp", b"1")]
            record.value = {**record.value, "stamped": True}

        def on_acknowledgement(self, delivery):
            self.seen.append(delivery)

    stamp = Stamp()
    with brokers.producer(interceptors=[stamp, lambda record: record.value.update(second=1)],
                          value_serializer=lambda value: json.dumps(value).encode(),
                          key_serializer=str) as producer:
        delivery = producer.send(topic, value={"a": 1}, key=17).result(30)
        many = producer.send_many(topic, [{"value": {"a": 2}}, ottla.Record(value={"a": 3})])
        many.result(30)
        assert stamp.seen[0] is delivery
        assert [(d.partition, d.offset) for d in stamp.seen[1:]] == [
            (d.partition, d.offset) for d in many]
    messages = brokers.read(topic, 3)
    assert [json.loads(message.value()) for message in messages] == [
        {"a": number, "stamped": True, "second": 1} for number in [1, 2, 3]]
    assert messages[0].key() == b"17" and messages[0].headers() == [("stamp", b"1")]


def test_an_interceptor_that_fails_changes_nothing(brokers, caplog):
    topic = brokers.topic(1)

    def fail(record):
        record.value = b"changed"
        raise RuntimeError("my mistake")

    with brokers.producer(interceptors=[fail, lambda record: "a text"]) as producer:
        producer.send(topic, value=b"v").result(30)
    assert brokers.values(topic, 1) == [b"v"]
    assert "my mistake" in caplog.text and "not 'a text'" in caplog.text


def test_deliveries_of_many_know_the_topic_that_an_interceptor_chose(brokers):
    topic, other = brokers.topic(1), brokers.topic(1)

    def divert(record):
        if record.value == b"2":
            record.topic = other

    with brokers.producer(interceptors=[divert]) as producer:
        many = producer.send_many(topic, [b"1", b"2", b"3"]).result(30)
    assert [delivery.topic for delivery in many] == [topic, other, topic]
    assert brokers.values(other, 1) == [b"2"]


def test_a_serializer_that_fails_refuses_the_record(brokers):
    with brokers.producer(value_serializer=json.dumps) as producer:
        with pytest.raises(TypeError, match="not JSON serializable"):
            producer.send(brokers.topic(1), value=object())
        assert producer.pending == 0


def test_brokers_come_back(own):
    topic = own.topic(3)
    with own.producer(linger_ms=0, retry_backoff_ms=10, reconnect_backoff_ms=10) as producer:
        deliveries = []
        for broker in [1, 2, 3]:
            own.cluster.kill(broker)
            deliveries += [producer.send(topic, value=str(len(deliveries) + n)) for n in range(50)]
            own.cluster.start(broker)
            deliveries[-1].result(30)
        producer.flush()
        assert all(delivery.ok for delivery in deliveries)
    values = own.values(topic, 150)
    assert sorted(map(int, values)) == list(range(150))


def test_log_tells(brokers, caplog):
    logger = logging.getLogger("my.kafka")
    with caplog.at_level(logging.DEBUG):
        config = {"bootstrap.servers": "127.0.0.1:1", "max.block.ms": 300}
        with ottla.Producer(config, logger=logger) as producer:
            with pytest.raises(ottla.TimeoutError):
                producer.send("letters", value=b"v")
    told = [record for record in caplog.records if record.name == "my.kafka"]
    assert any("127.0.0.1:1" in record.getMessage() for record in told)
    assert told[0].levelno == logging.WARNING


def test_what_nobody_closed_is_delivered_and_warned_of(brokers):
    topic = brokers.topic(1)
    with pytest.warns(ResourceWarning, match="unclosed"):
        brokers.producer(linger_ms=2000).send(topic, value=b"v")
        gc.collect()
    assert brokers.values(topic, 1) == [b"v"]


def test_what_was_accepted_is_delivered_when_python_ends(brokers):
    topic = brokers.topic(1)
    program = ("import ottla, sys; producer = ottla.Producer(bootstrap_servers=sys.argv[1], "
               "linger_ms=2000); producer.send(sys.argv[2], value='last words')")
    subprocess.run([sys.executable, "-c", program, brokers.servers, topic], check=True, timeout=60)
    assert brokers.values(topic, 1) == [b"last words"]


def test_a_program_that_ends_with_a_dead_cluster_does_not_hang(own):
    topic = own.topic(1)
    program = ("import ottla, sys; ottla.producer.ABANDONED_S = 0.2; producer = ottla.Producer("
               "bootstrap_servers=sys.argv[1]); producer.send(sys.argv[2]).result(); "
               "print(flush=True); input(); producer.send(sys.argv[2])")
    with subprocess.Popen([sys.executable, "-c", program, own.servers, topic], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        own.pause()
        _, errors = child.communicate("\n", timeout=30)
        assert "were not acknowledged in time" in errors


def test_a_wait_in_one_thread_holds_no_other_up(own):
    topic = own.topic(1)
    with own.producer() as producer:
        producer.send(topic, value=b"v").result(30)
        leader = own.cluster.leader(topic, 0)
        own.cluster.pause(leader)
        delivery = producer.send(topic, value=b"v")
        thread = threading.Thread(target=delivery.result)
        thread.start()
        counted = []
        until(lambda: counted.append(1) or len(counted) > 10, "this thread runs")
        assert thread.is_alive()
        own.cluster.resume(leader)
        thread.join(30)
        assert delivery.ok


def test_what_a_callback_raises_gets_out_of_a_close_that_meets_a_fatal_error(own):
    topic = own.topic(1)

    def interrupted(_delivery):
        raise KeyboardInterrupt

    producer = own.producer(linger_ms=0)
    producer.send(topic, value=b"v").result(30)
    own.cluster.inject("delay 200 api=Produce times=1")
    own.cluster.inject("error PRODUCER_FENCED api=Produce")
    producer.send(topic, value=b"v", on_delivery=interrupted)
    with pytest.raises(KeyboardInterrupt):
        producer.close()
    producer.close()
    assert producer.closed
