"""Forks and signals: what a producer does in a process that is not left alone."""

import asyncio
import ctypes
import functools
import os
import signal
import subprocess
import sys
import time
import traceback

import pytest
from waiting import once_it_waits, polls, until

import ottla

HERE = os.path.dirname(__file__)

def in_child(work) -> str:
    """What `work` says in a child of fork; the child ends without cleaning up."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = work()
        except BaseException:
            said = traceback.format_exc()
        os.write(writer, str(said).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return said


def forked(call) -> str:
    started = time.monotonic()
    try:
        call()
    except ottla.ForkedError as error:
        assert time.monotonic() - started < 1
        return f"refused: {error}"
    return "accepted"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_fork(brokers):
    topic = brokers.topic(1)
    unused = brokers.producer()
    with brokers.producer() as used:
        delivery = used.send(topic, value=b"parent").result(30)
        pending = used.send(topic, value=b"parent")
        for call in [lambda: used.send(topic, value=b"child"), used.flush, used.poll, used.close,
                     lambda: used.send_many(topic, [b"v"]), lambda: used.partitions_for(topic),
                     pending.result]:
            assert in_child(lambda call=call: forked(call)).startswith("refused: FORKED: ")
        assert delivery.ok
        said = in_child(lambda: unused.send(topic, value=b"child").result(30).ok)
        assert said == "True"
        assert in_child(lambda: brokers.producer().send(topic, b"new").result(30).ok) == "True"
        used.send(topic, value=b"parent").result(30)
    unused.send(topic, value=b"late parent").result(30)
    unused.close()
    values = sorted(brokers.values(topic, 6))
    assert values == [b"child", b"late parent", b"new", b"parent", b"parent", b"parent"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_drops_a_used_producer_without_a_word(brokers):
    topic = brokers.topic(1)
    producers = [brokers.producer()]
    producers[0].send(topic, value=b"v").result(30)
    assert in_child(lambda: producers.clear()) == "None"
    producers[0].close()


WAITS = {
    "result": "producer.send(topic, b'v').result()",
    "result of many": "producer.send_many(topic, [b'v']).result()",
    "flush": "producer.send(topic, b'v'); producer.flush()",
    "poll": "producer.poll(None)",
    "send": "[producer.send(topic, b'x' * 10000) for _ in range(100)]",
    "send_many": "producer.send_many(topic, [b'x' * 10000] * 100)",
    "metadata": "other.send('nowhere', b'v')",
    "partitions_for": "other.partitions_for('nowhere')",
    "close": "producer.send(topic, b'v'); producer.close()",
    "beside a thread that waits": "thread = threading.Thread(target=producer.poll, args=(20,), "
    "daemon=True); thread.start(); until(lambda: polls(thread.native_id), 'it waits'); "
    "producer.send(topic, b'v').result()",
}

PROGRAM = """
import ottla, sys, threading
from waiting import polls, until
topic = sys.argv[2]
producer = ottla.Producer(bootstrap_servers=sys.argv[1], buffer_memory=40000, batch_size=10000)
other = ottla.Producer(bootstrap_servers='127.0.0.1:1', log_level='error')
producer.send(topic, b'v').result()
ottla.producer.ABANDONED_S = 0
print('ready', flush=True)
sys.stdin.readline()
try:
    {wait}
except KeyboardInterrupt:
    print('interrupted', producer.metrics()["waiting-threads"], flush=True)
producer._close_at_once()
"""


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_ends(wait, own):
    topic = own.topic(1)
    program = PROGRAM.format(wait=WAITS[wait])
    with subprocess.Popen([sys.executable, "-c", program, own.servers, topic], text=True, cwd=HERE,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == "ready\n"
        own.pause()
        child.stdin.write("\n")
        child.stdin.flush()
        until(lambda: polls(child.pid, child.pid), "the program waits")
        started = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted 0\n"
        assert time.monotonic() - started < 2
        child.wait(20)


TERMINATED = """
import ottla, signal, sys
topic = sys.argv[2]
producer = ottla.Producer(bootstrap_servers=sys.argv[1], linger_ms=60000)
def stop(*_):
    producer.send(topic, b'last words')
    producer.close(timeout=20)
    sys.exit(7)
signal.signal(signal.SIGTERM, stop)
producer.partitions_for(topic)
waiting = producer.send(topic, b'v')
print('ready', flush=True)
waiting.result()
"""


def test_a_signal_handler_may_close_the_producer_that_is_waited_for(brokers):
    topic = brokers.topic(1)
    with subprocess.Popen([sys.executable, "-c", TERMINATED, brokers.servers, topic], text=True,
                          stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == "ready\n"
        until(lambda: polls(child.pid, child.pid), "the program waits")
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 7
    assert brokers.values(topic, 2) == [b"v", b"last words"]


def test_signal_handlers_run_while_a_wait_goes_on(own):
    topic = own.topic(1)
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(time.monotonic()))
    try:
        with own.producer() as producer:
            producer.send(topic, b"v").result(30)
            own.pause()
            thread = once_it_waits(os.kill, os.getpid(), signal.SIGUSR1)
            with pytest.raises(TimeoutError):
                producer.send(topic, b"v").result(timeout=1)
            assert len(seen) == 1 and time.monotonic() - seen[0] > 0.5
            thread.join()
            own.resume()
    finally:
        signal.signal(signal.SIGUSR1, before)


LEFT_OPEN = """
import os, sys, ottla
producer = ottla.Producer(bootstrap_servers=sys.argv[1], linger_ms=1000)
child = os.fork()
if child == 0:
    producer.send(sys.argv[2], value="from the worker")
    sys.exit(0)
os.waitpid(child, 0)
producer.close()
"""


def test_a_child_that_ends_without_close_delivers_what_it_sent(own):
    topic = own.topic(1)
    subprocess.run([sys.executable, "-c", LEFT_OPEN, own.servers, topic], check=True, timeout=60)
    assert [record["value"] for record in own.cluster.records(topic, 0)] == ["from the worker"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_that_drops_a_producer_delivers_what_it_sent(own):
    topic = own.topic(1)
    threads = [own.producer(linger_ms=60_000)]
    tasks = [ottla.aio.Producer(bootstrap_servers=own.servers, linger_ms=60_000)]

    def send_and_drop():
        threads.pop().send(topic, b"of a thread")
        asyncio.run(tasks[0].enqueue(topic, b"of a task"))
        tasks.clear()

    assert in_child(send_and_drop) == "None"
    values = [record["value"] for record in own.cluster.records(topic, 0)]
    assert values == ["of a thread", "of a task"]
    threads.pop().close()
    asyncio.run(tasks.pop().close())


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_tasks_that_wait_across_a_fork_hear_of_it_in_the_child_only(own):
    topic = own.topic(1)

    async def wait_for(producer):
        tasks = [asyncio.ensure_future(wait) for wait in [
            producer.send(topic, b"v"), await producer.enqueue(topic, b"v"),
            producer.send_many(topic, [b"v"] * 3), producer.flush(),
            producer.partitions_for("nowhere")]]
        await asyncio.sleep(0)  # Each begins.
        return tasks

    async def main():
        producer = ottla.aio.Producer(bootstrap_servers=own.servers)
        await producer.send(topic, b"warm")
        own.pause()
        tasks = await wait_for(producer)

        def use_it_in_another_loop():
            return forked(lambda: asyncio.run(producer.send(topic, b"v")))[:7]

        def close_it_in_another_loop():
            return forked(lambda: asyncio.run(producer.close()))[:7]

        for call in [use_it_in_another_loop, close_it_in_another_loop]:
            assert in_child(call) == "refused"
        # Outside of any task, as the child runs tasks.
        said = asyncio.get_running_loop().create_future()
        said.get_loop().call_soon(lambda: said.set_result(in_child(lambda: go_on_with(tasks))))
        assert await said == "5 times ForkedError"
        own.resume()
        await asyncio.wait_for(producer.send(topic, b"the loop of the parent hears"), 20)
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        assert done[0].ok and done[1].ok and not done[2].failed
        await producer.close()

    def go_on_with(tasks):
        """Runs the copy of the loop, in whose middle the process was forked."""
        loop = tasks[0].get_loop()
        for _ in range(10):
            loop.call_soon(int)  # So that it does not sleep.
            loop._run_once()
        said = [task.exception() or task.result().error for task in tasks if task.done()]
        return f"{len(said)} times {' '.join({type(error).__name__ for error in said})}"

    asyncio.run(main())


def test_a_signal_that_comes_between_two_sleeps_ends_the_wait_too(own):
    """A wait looks for signals before it sleeps, as one that came before ends no ppoll."""
    quick, slow = own.topic(1), own.topic(1)
    # C's raise: Python hears of the signal, and runs its handler when somebody looks for signals.
    # The second argument, the delivery, is one that it does not take.
    interrupt = ctypes.CDLL(None)["raise"]
    interrupt.argtypes = [ctypes.c_int, ctypes.py_object]
    with own.producer(linger_ms=0) as producer:
        for topic in (quick, slow):
            producer.send(topic, b"warm").result(30)
        own.cluster.move_leader(slow, 0, 2)
        own.cluster.move_leader(quick, 0, 1)
        own.cluster.inject("delay 20000 broker=2 api=Produce times=1")
        late = producer.send(slow, b"late")
        own.cluster.inject("delay 100 broker=1 api=Produce times=1")
        producer.send(quick, b"v", on_delivery=functools.partial(interrupt, signal.SIGINT))
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            late.result(10)
        assert time.monotonic() - started < 5
        own.cluster.heal()
        producer.purge()
