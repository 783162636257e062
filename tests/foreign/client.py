"""librdkafka by way of confluent-kafka, as tests/foreign.rs runs it: produce BOOTSTRAP TOPIC NAME
COUNT, or consume BOOTSTRAP TOPIC GROUP COUNT, which commits what it read and no more."""

import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition


def produce(bootstrap, topic, name, count):
    failed = []
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all"}
    )

    def delivered(error, _):
        if error:
            failed.append(str(error))

    for i in range(count):
        producer.produce(
            topic, key=f"k{i % 7}", value=f"{name}-{i}", headers=[("n", str(i))],
            on_delivery=delivered,
        )
    left = producer.flush(60)
    if failed or left:
        sys.exit(f"{left} left, failed: {failed[:1]}")


def consume(bootstrap, topic, group, count):
    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    })
    consumer.subscribe([topic])
    end = time.monotonic() + 60
    read = {}
    seen = 0
    while seen < count:
        if time.monotonic() > end:
            sys.exit(f"read {seen}")
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            sys.exit(str(message.error()))
        seen += 1
        header = dict(message.headers())["n"].decode()
        key, value = message.key().decode(), message.value().decode()
        print(message.partition(), message.offset(), key, value, header, sep="\t")
        read[message.partition()] = message.offset() + 1
    offsets = [TopicPartition(topic, index, offset) for index, offset in read.items()]
    for part in consumer.commit(offsets=offsets, asynchronous=False):
        if part.error:
            sys.exit(str(part.error))
    consumer.close()


mode, bootstrap, topic, name, count = sys.argv[1:]
(produce if mode == "produce" else consume)(bootstrap, topic, name, int(count))
