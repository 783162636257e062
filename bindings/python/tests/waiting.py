"""Conditions to wait for instead of sleeping."""

import platform
import threading
import time
from collections.abc import Callable

_PPOLL = {"x86_64": "271", "aarch64": "73"}[platform.machine()]


def until(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.005)


def polls(thread: int, process: int | str = "self") -> bool:
    """Whether a thread, by its number in the system, waits in the package: that is a ppoll(2)."""
    with open(f"/proc/{process}/task/{thread}/syscall", encoding="ascii") as file:
        return file.read().split()[0] == _PPOLL


def once_it_waits(action: Callable[..., object], *args: object) -> threading.Thread:
    """Does something when the thread that calls this waits in the package."""
    waiting = threading.get_native_id()

    def work() -> None:
        until(lambda: polls(waiting), "the thread waits")
        action(*args)

    thread = threading.Thread(target=work)
    thread.start()
    return thread
