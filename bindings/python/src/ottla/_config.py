"""Configuration as Python has it, and as the library wants it: pairs of texts."""

from collections.abc import Mapping
from typing import Any

from ottla.errors import KafkaError, make_error

_OWN = {
    "delivery.report.mode": "reports are read by the package itself, on your threads; for records "
    "without a report there is send(report=False)",
}


def settings(config: Mapping[str, Any] | None, sugar: Mapping[str, Any]) -> list[tuple[str, str]]:
    """All keys with their values; those of `sugar` have underscores for dots, and count last."""
    if config is not None and not isinstance(config, Mapping):
        raise TypeError(
            f"config must be a dict of keys and values, not {config!r}; a key can also be an "
            "argument: bootstrap_servers='localhost:9092'"
        )
    for key in config or ():
        if not isinstance(key, str):
            raise TypeError(f"a key of config must be str, not {key!r}")
    pairs = [(key, _text(key, value)) for key, value in (config or {}).items()]
    pairs += [(key.replace("_", "."), _text(key, value)) for key, value in sugar.items()]
    for key, value in pairs:
        if key in _OWN:
            raise _refused(f"{key}: {_OWN[key]}")
        # C would take what is before it for the whole text.
        if "\0" in key:
            raise _refused(f"{key!r}: a key has no NUL in it")
        if "\0" in value:
            raise _refused(f"{key}: the value {value!r} has a NUL in it: no value may")
    return pairs


def _refused(text: str) -> KafkaError:
    return make_error(-203, "CONFIGURATION", text, False, False)


def _text(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return ",".join(_text(key, item) for item in value)
    what = "it is None" if value is None else f"it is a {type(value).__name__}"
    hint = ""
    if callable(value):
        hint = "; partitioner, serializers, interceptors and logger are arguments of Producer"
    text = f"{key}: a text, a number, a truth value or a list of them is wanted, {what}{hint}"
    raise _refused(text)
