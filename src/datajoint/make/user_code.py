"""Calls of user code whose exceptions must not stop the caller."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast

from datajoint.errors import LostConnectionError

__all__ = ["Caught", "failure_of", "raised_by"]


def raised_by(
    do: Callable[..., Any], *arguments: Any, also: type[BaseException] = Exception
) -> BaseException | None:
    """Call a function of a user and return its exception; only interruptions propagate.

    Parameters
    ----------
    also
        Kind of interruption to return, too.

    Examples
    --------
    >>> raised_by(int, "one")
    ValueError("invalid literal for int() with base 10: 'one'")
    """
    try:
        do(*arguments)
    except (Exception, also) as error:  # noqa: BLE001 - the caller reports every exception of user code
        return error
    return None


class Caught:
    """Block that keeps its exception, unless it is an interruption, and adds no frame.

    Parameters
    ----------
    also
        Kind of interruption to keep, too.

    Examples
    --------
    >>> with Caught() as caught:
    ...     int("one")
    >>> caught.error
    ValueError("invalid literal for int() with base 10: 'one'")
    """

    def __init__(self, also: type[BaseException] = Exception) -> None:
        self._also = also
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, (Exception, self._also)):
            return False
        self.error = error
        return True


def failure_of(do: Callable[..., Any], *arguments: Any) -> Exception | None:
    """Call a function and return its exception; a lost connection propagates.

    Examples
    --------
    >>> failure_of(int, "1"), failure_of(int, "one")
    (None, ValueError("invalid literal for int() with base 10: 'one'"))
    """
    error = raised_by(do, *arguments)
    if isinstance(error, LostConnectionError):
        raise error
    return cast("Exception | None", error)
