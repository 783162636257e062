"""The package in short, with nothing but the standard library: for every CPython there is."""

import asyncio
import sys

import ottla
import ottla.aio


async def tasks(servers: str) -> None:
    async with ottla.aio.Producer(bootstrap_servers=servers) as producer:
        done = await asyncio.gather(*(producer.send("letters", str(n)) for n in range(100)))
        assert all(delivery.ok for delivery in done)


with ottla.Cluster(topics={"letters": 3}) as cluster:
    reported: list[ottla.Delivery] = []
    with ottla.Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        for number in range(1000):
            producer.send("letters", "v", key=str(number), on_delivery=reported.append)
        producer.send_many("letters", [b"v"] * 1000).result(30)
        producer.flush()
        try:
            producer.send("two words")
        except ottla.InvalidArgumentError:
            pass
    assert len(reported) == 1000
    asyncio.run(tasks(cluster.bootstrap_servers))
    assert sum(len(cluster.records("letters", partition)) for partition in range(3)) == 2100
print(f"python {sys.version.split()[0]}: ottla {ottla.__version__} works")
