"""Sends of ottla.aio that are not awaited, or in another loop than the producer's."""

import asyncio
import subprocess
import sys

import ottla
import pytest

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
