"""Calling code of users that must not disturb what goes on around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datajoint.errors import LostConnectionError

__all__ = ["failure_of"]


def failure_of(do: Callable[..., Any], *arguments: Any) -> Exception | None:
    """Call a function and return what it raises; the loss of the database is everybody's affair.

    Examples
    --------
    >>> failure_of(int, "1"), failure_of(int, "one")
    (None, ValueError("invalid literal for int() with base 10: 'one'"))
    """
    try:
        do(*arguments)
    except LostConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a user's code raises is reported
        return error
    return None
