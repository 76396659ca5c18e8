"""For whom values are encoded: for this release, or also for earlier ones that use the same tables."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["earlier_releases", "is_for_earlier_releases"]

_earlier: ContextVar[bool] = ContextVar("datajoint_earlier_releases", default=False)


def is_for_earlier_releases() -> bool:
    """Whether what is encoded must be readable by DataJoint 2 and 0.14."""
    return _earlier.get()


@contextmanager
def earlier_releases() -> Generator[None]:
    """Encode so that earlier releases can read it."""
    token = _earlier.set(True)
    try:
        yield
    finally:
        _earlier.reset(token)
