"""Calling code of users that must not disturb what goes on around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from datajoint.errors import LostConnectionError

__all__ = ["failure_of", "raised_by"]


def raised_by(
    do: Callable[..., Any], *arguments: Any, also: type[BaseException] = Exception
) -> BaseException | None:
    """Call a function of a user and return what it raises; only an interruption is raised.

    Parameters
    ----------
    also
        An interruption that is returned, too.

    Examples
    --------
    >>> raised_by(int, "one")
    ValueError("invalid literal for int() with base 10: 'one'")
    """
    try:
        do(*arguments)
    except (Exception, also) as error:  # noqa: BLE001 - whatever a user's code raises is reported
        return error
    return None


def failure_of(do: Callable[..., Any], *arguments: Any) -> Exception | None:
    """Call a function and return what it raises; the loss of the database is everybody's affair.

    Examples
    --------
    >>> failure_of(int, "1"), failure_of(int, "one")
    (None, ValueError("invalid literal for int() with base 10: 'one'"))
    """
    error = raised_by(do, *arguments)
    if isinstance(error, LostConnectionError):
        raise error
    return cast("Exception | None", error)
