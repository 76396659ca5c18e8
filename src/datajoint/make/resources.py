"""Resources that a make needs: the class attribute ``resources``, a hint to executors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, cast

from datajoint._value import Value
from datajoint.errors import ConfigurationError, nearest

__all__ = ["NONE", "Resources", "resources_of"]

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30,
          "ti": 2**40}  # fmt: skip
_SECONDS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
_MEMORY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", re.IGNORECASE)
_TIME = re.compile(r"\s*(?:(\d+)-)?(\d+):(\d\d):(\d\d)\s*")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(min|[smhd])")


class Resources(Value):
    """Needs of one make; None for an unknown need.

    Attributes
    ----------
    cpus, gpus
        Number of processors and of graphics processors.
    memory
        Bytes.
    time
        Seconds.
    """

    cpus: float | None = None
    memory: int | None = None
    gpus: float | None = None
    time: float | None = None


NONE = Resources()


def resources_of(cls: type) -> Resources:
    """Return the resources that a table class declares for its make.

    Raises
    ------
    ConfigurationError
        If the attribute ``resources`` of the class is invalid.

    Examples
    --------
    >>> class Fit:
    ...     resources = {"cpus": 2, "memory": "8 GB", "gpus": 1, "time": "2h"}
    >>> resources_of(Fit)
    Resources(cpus=2, memory=8000000000, gpus=1, time=7200.0)
    """
    given: Any = getattr(cls, "resources", None)
    if given is None:
        return NONE
    if not isinstance(given, Mapping):
        raise _error(
            cls, f"is {given!r}, but must be a dict", 'Write resources = {"cpus": 2, "memory": "8 GB"}.'
        )
    wanted = cast("Mapping[str, Any]", given)
    known = {"cpus": _positive, "memory": _bytes, "gpus": _count, "time": _time}
    for name in wanted:
        if name not in known:
            raise _error(cls, f"may say {', '.join(known)}, not {name!r}", nearest(str(name), known) or "")
    found: dict[str, Any] = {}
    for name, value in wanted.items():
        found[name] = None if value is None else known[name](value)
        if value is not None and found[name] is None:
            raise _error(cls, f"says {name} = {value!r}, which is not understood", _EXAMPLES[name])
    return Resources(**found)


_EXAMPLES = {
    "cpus": "Give a number above 0, such as 2.",
    "gpus": "Give a number from 0 on, such as 1.",
    "memory": 'Give bytes, or a text such as "8 GB" or "512 MiB".',
    "time": 'Give seconds, or a text such as "2h", "90 min" or "1-12:00:00".',
}


def _error(cls: type, what: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"`{cls.__qualname__}.resources` {what}.", hint=hint.strip())


def _count(value: Any) -> float | None:
    return value if _is_number(value) and value >= 0 else None


def _positive(value: Any) -> float | None:
    return _count(value) or None


def _bytes(value: Any) -> int | None:
    if _is_number(value):
        return int(value) if value > 0 else None
    match = _MEMORY.fullmatch(value) if isinstance(value, str) else None
    return int(float(match[1]) * _UNITS[match[2].lower()]) or None if match else None


def _time(value: Any) -> float | None:
    if _is_number(value):
        return float(value) if value > 0 else None
    if not isinstance(value, str):
        return None
    if match := _TIME.fullmatch(value):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds) or None
    if _SPAN.sub("", value).strip():
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _SPAN.findall(value)) or None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
