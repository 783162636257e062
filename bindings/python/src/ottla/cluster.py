"""The embedded cluster: Kafka brokers in this process, for tests."""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ottla import _native


class Cluster(_native.Cluster):
    """Brokers on loopback ports, in memory, with faults to order. Brokers count from 1.

    `topics` are made with so many partitions; further arguments are Kafka's keys of brokers and
    topics with underscores for dots (`min_insync_replicas=2`), or `config` has them as they are.
    """

    def __init__(
        self,
        brokers: int = 1,
        topics: Mapping[str, int] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        **sugar: Any,
    ) -> None:
        lines = [f"brokers={brokers}"]
        lines += [f"{key}={_text(value)}" for key, value in (config or {}).items()]
        lines += [f"{key.replace('_', '.')}={_text(value)}" for key, value in sugar.items()]
        lines += [f"topic={name}:{partitions}" for name, partitions in (topics or {}).items()]
        self._open("\n".join(lines))

    @property
    def bootstrap_servers(self) -> str:
        """What clients need to connect."""
        return self.command("bootstrap")

    def command(self, line: str) -> str:
        """Does what a line says; `help` lists what there is. For all that has no method here."""
        answer = self._command(line, 1 << 16)
        while isinstance(answer, int):
            # It was cut: only questions have long answers, and they can be asked again.
            answer = self._command(line, answer + (1 << 16))
        return answer

    def ask(self, line: str) -> list[Any]:
        """As `command`, with the answer's lines read as JSON."""
        return [json.loads(answer) for answer in self.command(line).splitlines()]

    def create_topic(
        self, name: str, partitions: int = 1, replication_factor: int = -1, **config: Any
    ) -> None:
        """Makes a topic; further arguments are its keys with underscores for dots."""
        keys = [f"{key.replace('_', '.')}={_text(value)}" for key, value in config.items()]
        replicas = [str(replication_factor)] if replication_factor > 0 else []
        self.command(" ".join(["topic", name, str(partitions), *replicas, *keys]))

    def kill(self, broker: int) -> None:
        """A broker dies: its connections end, its port refuses."""
        self.command(f"kill {broker}")

    def stop(self, broker: int) -> None:
        """A broker ends in order."""
        self.command(f"stop {broker}")

    def start(self, broker: int) -> None:
        """A broker that is down starts again, with the logs and the port that it had."""
        self.command(f"start {broker}")

    def pause(self, broker: int) -> None:
        """A broker does nothing until `resume`; its connections stay."""
        self.command(f"pause {broker}")

    def resume(self, broker: int) -> None:
        """A paused broker goes on where it was."""
        self.command(f"resume {broker}")

    def move_leader(self, topic: str, partition: int, broker: int) -> None:
        """A broker that is in sync becomes the leader of a partition."""
        self.command(f"leader {topic} {partition} {broker}")

    def leader(self, topic: str, partition: int) -> int:
        """The broker that leads a partition; -1 if none does."""
        leader = self.ask(f"partition {topic} {partition}")[0]["leader"]
        return -1 if leader is None else int(leader)

    def inject(self, fault: str) -> int:
        """From now on something goes wrong with requests; the number is for `heal`.

        First one of `error CODE`, `error-after CODE`, `delay MS`, `throttle MS`, `drop`,
        `drop-response`, `close`, `close-after`, `half-response`, `drip BYTES MS`,
        `corrupt-response`, `fail-handler`; then any of `api=NAME`, `broker=NUMBER`, `topic=NAME`,
        `partition=NUMBER`, `skip=COUNT`, `times=COUNT`.
        """
        return int(self.command(fault).rsplit(" ", 1)[1])

    def heal(self, fault: int | None = None) -> None:
        """Ends a fault, or all of them."""
        self.command("heal" if fault is None else f"heal {fault}")

    def records(self, topic: str, partition: int) -> list[dict[str, Any]]:
        """The records that a partition's leader has."""
        return self.ask(f"records {topic} {partition}")

    def requests(self) -> list[dict[str, Any]]:
        """The requests that arrived."""
        return self.ask("requests")

    def close(self) -> None:
        """Ends the cluster: its threads, connections, ports and records."""
        self._free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
