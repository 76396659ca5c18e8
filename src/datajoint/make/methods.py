"""Methods that users define for a computed table: `make`, or its three parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any

from datajoint.errors import ComputeError

__all__ = [
    "PARTS",
    "Making",
    "can_make",
    "check_values",
    "refuse_async",
    "refuse_signature",
    "what_to_write",
]

PARTS = ("make_fetch", "make_compute", "make_insert")

_VARARGS = 0x04
"""The flag of code that takes ``*values``, as `inspect` has it, whose import is slow."""


class Making:
    """Base class with the default `make`, which users override or replace by three parts."""

    def make(self, key: dict[str, Any], **make_kwargs: Any) -> Any:
        """Compute the row of a key and insert it; override this method in your class.

        Alternatively define three parts, which detect inputs that change during the computation:
        ``make_fetch(key)`` returns a tuple, ``make_compute(key, *fetched)`` returns a tuple without using
        the database, and ``make_insert(key, *computed)`` inserts.

        Parameters
        ----------
        key
            Primary key to compute.
        **make_kwargs
            Further arguments, from ``populate(make_kwargs=...)``.

        Raises
        ------
        NotImplementedError
            If the class defines neither form.
        """
        raise NotImplementedError(what_to_write(type(self)))


def can_make(cls: type) -> bool:
    """Whether a class defines `make`, or its three parts.

    Examples
    --------
    >>> can_make(Making)
    False
    """
    whole = getattr(cls, "make", Making.make) is not Making.make or hasattr(cls, "_make_tuples")
    return whole or all(callable(getattr(cls, part, None)) for part in PARTS)


def refuse_async(cls: type) -> None:
    """Refuse a make that is a coroutine: its body would never run.

    Raises
    ------
    ComputeError
        If `make`, or one of its three parts, is defined with ``async def``.

    Examples
    --------
    >>> refuse_async(Making)
    """
    from inspect import isasyncgenfunction, iscoroutinefunction

    for name in ("make", "_make_tuples", *PARTS):
        method = getattr(cls, name, None)
        if iscoroutinefunction(method) or isasyncgenfunction(method):
            raise ComputeError(
                f"`{cls.__name__}.{name}` is written with `async def`; it would not be awaited, so nothing "
                "would be computed.",
                hint=f"Write `def {name}`, and call asyncio.run(...) in it where it needs asynchronous code.",
            )


def refuse_signature(table: object, make_kwargs: Mapping[str, Any]) -> None:
    """Refuse a make that does not take a key and the further arguments, before any key is computed.

    Raises
    ------
    ComputeError
        Naming the method and its signature.

    Examples
    --------
    >>> refuse_signature(Making(), {})
    """
    from inspect import signature

    cls = type(table)
    for name in ("make", "_make_tuples", "make_fetch"):
        written: Any = getattr(cls, name, None)
        if not callable(written) or written is Making.make:
            continue
        method: Any = getattr(table, name)
        if error := _misfit(method, {}, **make_kwargs):
            named = ", ".join(["self", "key", *make_kwargs])
            raise ComputeError(
                f"`{cls.__name__}.{name}{signature(method)}` cannot be called for a key: {error}.",
                hint=f"Write def {name}({named}).",
            )


def check_values(table: Any, giver: str, taker: str, values: Sequence[Any]) -> None:
    """Refuse, before the call, values of one part of a make that the next part does not take.

    Raises
    ------
    ComputeError
        Naming both parts, the number of values and what is taken.

    Examples
    --------
    >>> check_values(
    ...     type("Fit", (), {"make_compute": lambda self, key, a: a})(), "make_fetch", "make_compute", [1]
    ... )
    """
    from inspect import signature

    method = getattr(table, taker)
    if error := _misfit(method, {}, *values):
        count = f"{len(values)} value{'' if len(values) == 1 else 's'}"
        raise ComputeError(
            f"`{type(table).__name__}.{giver}` returned {count}, and `{taker}{signature(method)}` does not "
            f"take the key and these: {error}.",
            hint=f"A tuple or list becomes several arguments of `{taker}`, anything else is one.",
        )


def _misfit(method: Any, *values: Any, **named: Any) -> str:
    """Return why a method cannot be called with some arguments; empty where it can, or that is not known."""
    if not named and _plainly_takes(method, len(values)):
        return ""
    from inspect import signature

    try:
        signature(method).bind(*values, **named)
    except TypeError as error:
        return str(error)
    except ValueError:  # it has no signature
        return ""
    return ""


def what_to_write(cls: type) -> str:
    """Return the message about the methods that a class lacks."""
    there = [part for part in PARTS if callable(getattr(cls, part, None))]
    missing = [part for part in PARTS if part not in there]
    if there:
        return (
            f"`{cls.__name__}` has {' and '.join(there)} but lacks {' and '.join(missing)}: write "
            "make_fetch(self, key), make_compute(self, key, *fetched) and make_insert(self, key, *computed), "
            "or one method make(self, key)."
        )
    return (
        f"`{cls.__name__}` cannot be populated: write its method make(self, key), which computes the row of "
        "the key and inserts it by self.insert1, or the three methods make_fetch(self, key), "
        "make_compute(self, key, *fetched) and make_insert(self, key, *computed)."
    )


def _plainly_takes(method: Any, count: int) -> bool:
    """Whether a plain method takes a number of values; a signature costs a hundred times as much."""
    function = getattr(method, "__func__", None)
    if type(function) is not FunctionType or function.__dict__:  # it may be wrapped
        return False
    code, defaults = function.__code__, function.__defaults__ or ()
    least, given = code.co_argcount - len(defaults), count + 1
    is_open = bool(code.co_flags & _VARARGS)
    return not code.co_kwonlyargcount and least <= given and (is_open or given <= code.co_argcount)
