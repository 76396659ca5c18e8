"""What one source says: a flat mapping of dotted names to values, each with the place it was found in."""

from __future__ import annotations

from typing import Any

from datajoint._value import Value

__all__ = ["Found", "Layer"]


class Found(Value):
    """A value and the place it was found in."""

    value: Any
    origin: str


Layer = dict[str, Found]
