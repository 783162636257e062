"""What arrives: bytes, headers, timestamps, partitions, order. See tests/behaviours.tsv."""

import collections
import threading
import time

import ottla
import pytest

KEYS = [b"key-%d" % i for i in range(100)]


def test_arrives_whole(brokers):
    topic = brokers.topic(1)
    with brokers.producer() as producer:
        producer.send(topic, value="välue", key=b"key", headers=[("from", b"Franz"), ("to", "Max")],
                      timestamp_ms=1709251200123)
    [message] = brokers.read(topic, 1)
    assert message.value() == "välue".encode()
    assert message.key() == b"key"
    assert message.headers() == [("from", b"Franz"), ("to", b"Max")]
    assert message.timestamp()[1] == 1709251200123


@pytest.mark.parametrize("give", [bytes, bytearray, memoryview], ids=lambda kind: kind.__name__)
def test_buffers_of_all_kinds(brokers, give):
    topic = brokers.topic(1)
    with brokers.producer() as producer:
        producer.send(topic, value=give(b"value"), key=give(b"key"),
                      headers={"name": give(b"header")})
    [message] = brokers.read(topic, 1)
    assert (message.value(), message.key()) == (b"value", b"key")
    assert message.headers() == [("name", b"header")]


def test_null_is_not_empty(brokers):
    topic = brokers.topic(1)
    with brokers.producer() as producer:
        for value, key in [(None, b""), (b"", None), ("", ""), (None, None)]:
            producer.send(topic, value=value, key=key)
    found = [(message.value(), message.key()) for message in brokers.read(topic, 4)]
    assert found == [(None, b""), (b"", None), (b"", b""), (None, None)]


def test_headers_may_repeat(brokers):
    topic = brokers.topic(1)
    headers = [("a", b"1"), ("b", None), ("a", b"2"), ("", b""), ("a", b"1")]
    with brokers.producer() as producer:
        producer.send(topic, value=b"v", headers=headers)
    [message] = brokers.read(topic, 1)
    assert message.headers() == headers


def test_time_of_the_send(brokers):
    topic = brokers.topic(1)
    before = int(time.time() * 1000)
    with brokers.producer() as producer:
        delivery = producer.send(topic, value=b"v").result(30)
    after = int(time.time() * 1000)
    [message] = brokers.read(topic, 1)
    assert before <= message.timestamp()[1] <= after
    assert delivery.timestamp_ms == message.timestamp()[1]


def test_partition_of_the_record(brokers):
    topic = brokers.topic(3)
    with brokers.producer() as producer:
        for partition in [2, 0, 1, 2]:
            producer.send(topic, value=str(partition), partition=partition)
    for message in brokers.read(topic, 4):
        assert message.value() == str(message.partition()).encode()


def test_partition_of_the_key(brokers):
    topic = brokers.topic(3)
    with brokers.producer() as producer:
        for key in KEYS:
            producer.send(topic, key=key)
    for message in brokers.read(topic, len(KEYS)):
        assert message.partition() == java_partition(message.key(), 3)


def java_partition(key: bytes, count: int) -> int:
    """Java's Utils.toPositive(Utils.murmur2(key)) % count."""
    mask = 0xFFFFFFFF
    h = (0x9747B28C ^ len(key)) & mask
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at:at + 4], "little") * 0x5BD1E995 & mask
        k = (k ^ k >> 24) * 0x5BD1E995 & mask
        h = (h * 0x5BD1E995 & mask) ^ k
    if key[whole:]:
        h = (h ^ int.from_bytes(key[whole:], "little")) * 0x5BD1E995 & mask
    h = (h ^ h >> 13) * 0x5BD1E995 & mask
    return ((h ^ h >> 15) & 0x7FFFFFFF) % count


def test_no_key_is_spread(brokers):
    topic = brokers.topic(3)
    with brokers.producer(batch_size=1000) as producer:
        producer.send_many(topic, [b"x" * 100] * 1000)
    assert len({message.partition() for message in brokers.read(topic, 1000)}) > 1


def test_order_is_kept(brokers):
    topic = brokers.topic(3)
    with brokers.producer(batch_size=500) as producer:
        for number in range(3000):
            producer.send(topic, value=str(number), partition=number % 3)
    for partition in range(3):
        numbers = [int(m.value()) for m in brokers.read(topic, 3000) if m.partition() == partition]
        assert numbers == list(range(partition, 3000, 3))


def test_any_bytes(brokers):
    topic = brokers.topic(1)
    values = [bytes([byte]) for byte in range(256)] + [bytes(range(256)) * 3900]
    with brokers.producer(max_request_size=2_000_000) as producer:
        producer.send_many(topic, values)
    assert brokers.values(topic, len(values)) == values


def test_many_threads(brokers):
    topic = brokers.topic(3)

    def send(producer, thread):
        for number in range(1000):
            producer.send(topic, value=f"{thread} {number}", key=str(thread))

    with brokers.producer() as producer:
        threads = [threading.Thread(target=send, args=(producer, n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = [tuple(map(int, value.split())) for value in brokers.values(topic, 8000)]
    assert len(found) == 8000
    for thread in range(8):
        assert [number for of, number in found if of == thread] == list(range(1000))


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_codecs(brokers, codec):
    topic = brokers.topic(1)
    values = [b"a letter that repeats itself, itself, itself %d" % i for i in range(500)]
    with brokers.producer(compression_type=codec) as producer:
        producer.send_many(topic, values)
    assert brokers.values(topic, 500) == values


def test_many_records_of_all_kinds(brokers):
    topic = brokers.topic(2)
    with brokers.producer() as producer:
        deliveries = producer.send_many(topic, [
            "text", None, bytearray(b"array"),
            {"value": b"dict", "key": "k", "headers": [("a", None)], "partition": 1},
            ottla.Record(value=b"record", timestamp_ms=1709251200000, partition=0),
        ]).result(30)
        assert len(deliveries) == 5 and deliveries.failed == []
        assert [delivery.offset is not None for delivery in deliveries] == [True] * 5
        assert deliveries[3].partition == 1
    found = {message.value(): message for message in brokers.read(topic, 5)}
    assert set(found) == {b"text", None, b"array", b"dict", b"record"}
    assert found[b"dict"].headers() == [("a", None)] and found[b"dict"].key() == b"k"
    assert found[b"record"].timestamp()[1] == 1709251200000


def test_many_records_keep_their_order_whatever_they_are(brokers):
    topic = brokers.topic(1)
    kinds = [lambda n: b"%d" % n, str, lambda n: bytearray(b"%d" % n),
             lambda n: {"value": b"%d" % n, "headers": {"n": str(n)}}]
    records = [kinds[n // 50 % 5 % 4 if n % 9 else 3](n) for n in range(3000)]
    with brokers.producer(batch_size=1000) as producer:
        deliveries = producer.send_many(topic, iter(records)).result(30)
        offsets = [delivery.offset for delivery in deliveries]
    assert offsets == list(range(3000))
    assert [int(value) for value in brokers.values(topic, 3000)] == list(range(3000))


def test_a_record_of_many_arrives_as_one_that_is_sent_alone(brokers):
    together, alone = brokers.topic(2), brokers.topic(2)
    fields = [
        {"value": b"v"}, {"value": "ÄÖ"}, {"value": None, "key": b""}, {"key": "k" * 300}, {},
        {"value": bytearray(b"a"), "key": memoryview(b"b")}, {"partition": 1}, {"partition": None},
        {"value": b"v", "timestamp_ms": 1709251200000}, {"timestamp_ms": 0, "headers": None},
        {"headers": [("a", b"1"), ("a", None), ("Ü", "2")]}, {"headers": (("b", ""),)},
        {"headers": {"c": b"3", "d": None}}, {"headers": []}, {"headers": {}},
        {"headers": [["e", b"4"]]}, {"headers": [("many", b"x")] * 1100},
    ]
    fields += [{"value": str(n), "headers": [("n", b"%d" % n)] * (n % 7)} for n in range(700)]
    for given in fields:
        given.setdefault("partition", 0)
    records = [[dict(given), ottla.Record(together, **given), ottla.Record(**given),
                collections.OrderedDict(given), {"".join(k): v for k, v in given.items()}]
               [number % 5] for number, given in enumerate(fields)]
    with brokers.producer() as producer:
        for given in fields:
            producer.send(alone, **given)
        many = producer.send_many(together, records)
        assert [delivery.topic for delivery in many] == [together] * len(fields)
        many.result(30)

    def read(topic):
        return [[(m.value(), m.key(), m.headers()) for m in messages if m.partition() == number]
                for messages in [brokers.read(topic, len(fields))] for number in range(2)]
    # No partition is a partition of the producer's choice.
    first, second = read(together), read(alone)
    assert sorted(first[0] + first[1], key=repr) == sorted(second[0] + second[1], key=repr)
    numbered = [value for value, _, headers in first[0] if headers and headers[0][0] == "n"]
    assert [int(value) for value in numbered] == [n for n in range(700) if n % 7]


@pytest.mark.parametrize(("wrong", "error", "text"), [
    ({"value": 5}, TypeError, "value must be str, bytes"),
    ({"valeu": b"v"}, TypeError, "a dict of value, key"),
    ({5: b"v"}, TypeError, "a dict of value, key"),
    ({"value": b"v", "partition": -1}, ottla.InvalidArgumentError, "partition must be from 0"),
    ({"value": b"v", "partition": "0"}, TypeError, "integer"),
    ({"value": b"v", "timestamp_ms": 2**63}, ottla.InvalidArgumentError, "timestamp_ms must be"),
    ({"value": b"v", "headers": [("a", b"v", 1)]}, TypeError, "a header must be a pair"),
    ({"value": b"v", "headers": [("a", 5)]}, TypeError, "the value of a header"),
    ({"key": "\ud800"}, UnicodeEncodeError, "surrogates"),
    (ottla.Record("elsewhere", b"v"), ottla.InvalidArgumentError, "elsewhere.*names another"),
    (ottla.Record(value=5), TypeError, "value must be str, bytes"),
    (b"x" * 1001, ottla.RecordTooLargeError, r"max\.request\.size"),
], ids=repr)
def test_a_wrong_record_ends_send_many_behind_those_before_it(own, wrong, error, text):
    topic = own.topic(1)
    records = [{"value": b"%d" % n, "headers": {"n": b"n"}} for n in range(300)]
    with own.producer(max_request_size=1000) as producer:
        with pytest.raises(error, match=text) as raised:
            producer.send_many(topic, [*records, wrong, *records])
        assert len(raised.value.deliveries.result(30)) == 300 and producer.pending == 0
    assert len(own.values(topic, 300)) == 300


def test_times_and_reasons_of_many_records_are_their_own(brokers):
    topic = brokers.topic(1)
    with brokers.producer(linger_ms=60_000, **{"delivery.report.timestamp": True}) as producer:
        started = time.time() * 1000
        many = producer.send_many(topic, [b"v", {"value": b"v", "timestamp_ms": 5}, b"v"])
        assert [delivery.timestamp_ms for delivery in many] == [None] * 3
        producer.flush()
        first, second, third = (delivery.timestamp_ms for delivery in many)
        assert started - 1 < first <= third <= time.time() * 1000 and second == 5
        lost = producer.send_many(topic, [b"v"] * 3)
        producer.purge()
        assert [type(delivery.exception(30)) for delivery in lost] == [ottla.PurgedError] * 3
        assert "purge" in str(lost.failed[2].error) and lost[2].offset is None
