"""What is refused, and how that is said. See tests/behaviours.tsv."""

import pickle

import pytest

import ottla


def test_topic_name_is_refused(brokers):
    with brokers.producer() as producer:
        with pytest.raises(ottla.InvalidArgumentError, match="two words") as raised:
            producer.send("two words", value=b"v")
        assert raised.value.name == "INVALID_TOPIC_EXCEPTION" and raised.value.code == 17


def test_partition_is_refused(brokers):
    topic = brokers.topic(3)
    with brokers.producer() as producer:
        with pytest.raises(ottla.UnknownTopicOrPartitionError, match="3"):
            producer.send(topic, value=b"v", partition=7)
        for partition in [-1, -2, 2**31, 2**70]:
            with pytest.raises(ottla.InvalidArgumentError, match="partition must be from 0"):
                producer.send(topic, value=b"v", partition=partition)


def test_too_large_is_refused(brokers):
    topic = brokers.topic(1)
    with brokers.producer(max_request_size=1000) as producer:
        with pytest.raises(ottla.RecordTooLargeError, match=r"max\.request\.size"):
            producer.send(topic, value=b"x" * 1001)


def test_time_is_refused(brokers):
    with brokers.producer() as producer:
        with pytest.raises(ottla.InvalidArgumentError, match="timestamp_ms must be from 0"):
            producer.send(brokers.topic(1), value=b"v", timestamp_ms=-5)


def test_text_is_refused(brokers):
    topic = brokers.topic(1)
    with brokers.producer() as producer:
        with pytest.raises(ottla.InvalidArgumentError, match="UTF-8") as raised:
            producer.send("lone-\udcff", value=b"v")
        assert raised.value.name == "INVALID_UTF8"
        with pytest.raises(ottla.InvalidArgumentError, match="name of a header"):
            producer.send(topic, value=b"v", headers=[("\ud800", b"v")])
        with pytest.raises(UnicodeEncodeError):
            producer.send(topic, value="\ud800")


def test_types_that_are_no_bytes_are_refused(brokers):
    topic = brokers.topic(1)
    with brokers.producer() as producer:
        with pytest.raises(TypeError, match="value must be str, bytes.*serializer"):
            producer.send(topic, value=5)
        with pytest.raises(TypeError, match="topic must be str"):
            producer.send(5, value=b"v")
        with pytest.raises(TypeError, match="a header must be a pair"):
            producer.send(topic, value=b"v", headers=[("a",)])
        with pytest.raises(TypeError, match="no argument 'valeu'"):
            producer.send(topic, valeu=b"v")
        with pytest.raises(TypeError, match="two values for 'value'"):
            producer.send(topic, b"v", value=b"v")
        with pytest.raises(TypeError, match="needs 'topic'"):
            producer.send(value=b"v")
        with pytest.raises(ValueError, match="at least 0 seconds"):
            producer.send(topic, b"v", timeout=-1)
        with pytest.raises(TypeError, match="iterable of records"):
            producer.send_many(topic, "text")
        with pytest.raises(TypeError, match="a dict of value, key"):
            producer.send_many(topic, [{"valeu": b"v"}])
        with pytest.raises(TypeError, match="topic must be str"):
            producer.send_many(5, [])
        with pytest.raises(TypeError, match="on_delivery must be a callable"):
            producer.send(topic, on_delivery=5)
        with pytest.raises(TypeError, match="on_delivery must be a callable"):
            producer.send_many(topic, [], on_delivery="print")
        assert producer.pending == 0


def test_a_record_that_send_many_refuses_ends_it_and_says_what_was_sent(brokers):
    topic = brokers.topic(1)
    with brokers.producer(max_request_size=1000) as producer:
        with pytest.raises(ottla.RecordTooLargeError) as raised:
            producer.send_many(topic, [b"1", b"2", b"x" * 1001, b"4"])
        assert len(raised.value.deliveries) == 2
        assert raised.value.deliveries.result(30)[1].ok
    assert brokers.values(topic, 2) == [b"1", b"2"]


def test_closed_says_so(brokers):
    topic = brokers.topic(1)
    producer = brokers.producer()
    producer.send(topic, value=b"v")
    producer.close()
    producer.close()
    calls = [lambda: producer.send(topic), lambda: producer.send_many(topic, [b"v"]),
             lambda: producer.poll(), lambda: producer.purge(),
             lambda: producer.partitions_for(topic), lambda: producer.interrupt()]
    for call in calls:
        with pytest.raises(ottla.ClosedError, match="closed"):
            call()
    producer.flush()
    assert producer.closed and producer.metrics()["record-ack-total"] == 1


def test_unknown_key(brokers):
    with pytest.raises(ottla.ConfigurationError, match=r"linger\.ms"):
        ottla.Producer({"bootstrap.servers": brokers.servers, "linger.msec": 5})


@pytest.mark.parametrize(("given", "text"), [
    ({"config": "localhost:9092"}, "config must be a dict.*bootstrap_servers="),
    ({"config": {5: "five"}}, "a key of config must be str, not 5"),
    ({"partitioner": 5}, "partitioner must be a callable"),
    ({"key_serializer": "str"}, "key_serializer must be a callable"),
    ({"value_serializer": 5}, "value_serializer must be a callable"),
    ({"interceptors": ["print"]}, "on_send or on_acknowledgement"),
])
def test_arguments_of_wrong_types_are_named(given, text):
    with pytest.raises(TypeError, match=text):
        ottla.Producer(**{"bootstrap_servers": "localhost:9092", **given})


def test_value_out_of_range(brokers):
    with pytest.raises(ottla.ConfigurationError, match=r"linger\.ms.*0"):
        ottla.Producer({"bootstrap.servers": brokers.servers, "linger.ms": -5})
    with pytest.raises(ottla.ConfigurationError, match="it is None"):
        ottla.Producer({"bootstrap.servers": None})
    with pytest.raises(ottla.ConfigurationError, match="arguments of Producer"):
        ottla.Producer({"bootstrap.servers": brokers.servers, "partitioner": print})
    with pytest.raises(ottla.ConfigurationError, match="read by the package itself"):
        ottla.Producer({"bootstrap.servers": brokers.servers, "delivery.report.mode": "dispatch"})


def test_a_nul_in_the_configuration_is_refused_with_its_key(brokers):
    for config, text in [({"client.id": "a\0b"}, r"client\.id: the value 'a\\x00b' has a NUL"),
                         ({"linger.ms\0x": 5}, r"'linger\.ms\\x00x': a key has no NUL"),
                         ({"bootstrap.servers": [brokers.servers, "\0"]}, r"bootstrap\.servers: ")]:
        with pytest.raises(ottla.ConfigurationError, match=text):
            ottla.Producer({"bootstrap.servers": brokers.servers, **config})


def test_other_names_of_keys(brokers):
    topic = brokers.topic(1)
    config = {"metadata.broker.list": brokers.servers, "queue.buffering.max.ms": 1,
              "request.required.acks": "-1", "compression.codec": "lz4"}
    with ottla.Producer(config) as producer:
        producer.send(topic, value=b"v").result(30)


def test_security_is_refused(brokers):
    with pytest.raises(ottla.NotImplementedError, match=r"security\.protocol"):
        ottla.Producer({"bootstrap.servers": brokers.servers, "security.protocol": "SSL"})


def test_no_servers():
    with pytest.raises(ottla.ConfigurationError, match=r"bootstrap\.servers"):
        ottla.Producer()


def calls_of(kind):
    """Each method that the native module gives a class, with arguments of the right number."""
    arguments = {"_open": [[], None, None, None, None], "_purge": [3], "_try_flush": [0],
                 "_try_send": ["t", b"v", None, None, None, None, None, 0], "_cancel_ticket": [0],
                 "_begin_many": ["t", [], None], "_resume_many": [0], "_end_many": [0],
                 "_try_partitions": ["t", 0], "_attach": [None], "_break_promises": [0, "why"],
                 "send": ["t"], "send_many": ["t", []], "partitions_for": ["t"],
                 "_command": ["help", 100]}
    for name in dir(kind):
        method = getattr(kind, name)
        if type(method).__name__ == "method_descriptor" and not name.startswith("__"):
            yield name, method, arguments.get(name, [])


@pytest.mark.parametrize("kind", [ottla.Producer, ottla.aio.Producer, ottla.Cluster])
def test_an_object_whose_init_never_ran_refuses_every_call_and_does_no_harm(kind):
    made = kind.__new__(kind)
    called = dict.fromkeys(name for name, _, _ in calls_of(kind))
    assert len(called) >= 3
    for name, method, args in calls_of(kind):
        try:
            called[name] = method(made, *args)
        except (RuntimeError, TypeError, ottla.KafkaError) as error:
            called[name] = error
    done = {name for name, result in called.items() if not isinstance(result, Exception)}
    assert done <= {"_stop", "_close", "close", "_free", "_break_promises", "_end_many"}
    assert isinstance(called.get("_metrics", RuntimeError()), RuntimeError)


def test_errors_can_be_pickled_and_are_python_s_own_too():
    with pytest.raises(ValueError, match=r"bootstrap\.servers") as raised:
        ottla.Producer()
    again = pickle.loads(pickle.dumps(raised.value))
    assert type(again) is ottla.ConfigurationError and str(again) == str(raised.value)
    assert (again.code, again.retriable, again.fatal) == (raised.value.code, False, False)
    assert issubclass(ottla.TimeoutError, TimeoutError)
    assert issubclass(ottla.BufferExhaustedError, BufferError)
    assert issubclass(ottla.KafkaError, Exception) and issubclass(ottla.ForkedError, RuntimeError)
