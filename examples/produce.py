"""Sends four records and shows what became of each: produce.py HOST:PORT TOPIC"""

import sys

import ottla


def main(servers, topic):
    with ottla.Producer({"bootstrap.servers": servers}) as producer:
        deliveries = [
            producer.send(topic, key="ottla", value="a letter", timestamp_ms=1709251200000,
                          headers=[("from", "Franz"), ("note", None)]),
            producer.send(topic, value="a postcard without a key"),
            producer.send(topic, key="ottla", value=None, timestamp_ms=1709251200001,
                          headers=[("empty", "")]),
            producer.send(topic, key="", value=""),
        ]
        producer.flush()
    for number, delivery in enumerate(deliveries):
        where = f"{delivery.topic}-{delivery.partition}@{delivery.offset}"
        print(f"record {number}", where if delivery.ok else delivery.error)
    return sum(not delivery.ok for delivery in deliveries)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: produce.py HOST:PORT TOPIC")
    sys.exit(main(*sys.argv[1:]))
