"""What is raised, and the table from the library's statuses to classes."""

import builtins
from typing import Any


class KafkaError(Exception):
    """Why a call failed, or a record.

    `code` is Kafka's number of the error, or one of the library's own below -199; `name` is that
    number's name; `retriable` says that the same again may succeed, `fatal` that the producer takes
    nothing any more. `str(error)` tells what happened, to what, and why.
    """

    code: int
    name: str
    retriable: bool
    fatal: bool

    def __init__(
        self,
        message: str = "",
        code: int = -1,
        name: str = "UNKNOWN_SERVER_ERROR",
        retriable: bool = False,
        fatal: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.retriable = retriable
        self.fatal = fatal

    def __str__(self) -> str:
        return f"{self.name}: {self.args[0]}"

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.args[0], self.code, self.name, self.retriable, self.fatal)
        return type(self), fields


class ConfigurationError(KafkaError, ValueError):
    """A key is unknown, or a value does not fit."""


class NotImplementedError(ConfigurationError, builtins.NotImplementedError):
    """Known to Kafka, and not there yet in this version."""


class InvalidArgumentError(KafkaError, ValueError):
    """An argument of the call is invalid: the record is not accepted."""


class RecordTooLargeError(InvalidArgumentError):
    """The record is larger than is accepted."""


class UnknownTopicOrPartitionError(KafkaError, LookupError):
    """There is no such topic, or it has no such partition."""


class TimeoutError(KafkaError, builtins.TimeoutError):
    """The time given was up."""


class BufferExhaustedError(TimeoutError, BufferError):
    """No buffer memory became free in time: the record is not accepted."""


class DeliveryTimeoutError(TimeoutError):
    """The record was not acknowledged within delivery.timeout.ms."""


class WouldBlockError(KafkaError, BlockingIOError):
    """The call would have to wait, and was told not to."""


class ReportsFullError(WouldBlockError):
    """delivery.report.queue.max records have no report yet."""


class InterruptedError(KafkaError, builtins.InterruptedError):
    """Producer.interrupt ended the wait."""


class ClosedError(KafkaError):
    """The producer is closed, or was before the record was acknowledged."""


class PurgedError(KafkaError):
    """The record was purged before it was acknowledged."""


class InCallbackError(KafkaError, RuntimeError):
    """The call is not allowed inside a callback."""


class ForkedError(KafkaError, RuntimeError):
    """The producer was used before this process was forked."""


class PartitionerError(KafkaError):
    """The partitioner failed: what it raised is the cause of this error."""


class NetworkError(KafkaError, ConnectionError):
    """The connection was lost, or there is none."""


class FatalError(KafkaError):
    """The producer takes nothing any more: close it and make a new one."""


_CLASSES: dict[int, type[KafkaError]] = {
    3: UnknownTopicOrPartitionError,
    7: TimeoutError,
    8: NetworkError,
    10: RecordTooLargeError,
    13: NetworkError,
    17: InvalidArgumentError,
    18: RecordTooLargeError,
    32: InvalidArgumentError,
    40: ConfigurationError,
    -200: InvalidArgumentError,
    -202: InvalidArgumentError,
    -203: ConfigurationError,
    -204: NotImplementedError,
    -205: ClosedError,
    -206: TimeoutError,
    -207: BufferExhaustedError,
    -208: WouldBlockError,
    -209: InterruptedError,
    -210: ReportsFullError,
    -211: InCallbackError,
    -212: ForkedError,
    -214: DeliveryTimeoutError,
    -216: ConfigurationError,
    -217: PartitionerError,
    -218: ClosedError,
    -219: FatalError,
    -220: PurgedError,
}


def make_error(code: int, name: str, text: str, retriable: bool, fatal: bool) -> KafkaError:
    """The exception of a status; the native module calls this."""
    return _CLASSES.get(code, KafkaError)(text, code, name, retriable, fatal)
