"""What a codec offers to write its values into tables of Spark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

__all__ = ["SparkAdapter"]


@runtime_checkable
class SparkAdapter(Protocol):
    """A codec whose decoded values have a form for Spark (COD-28).

    Examples
    --------
    >>> from datajoint.codecs import get_codec
    >>> isinstance(get_codec("blob"), SparkAdapter)
    False
    """

    def to_spark(self, decoded: Any, *, key: Mapping[str, Any] | None = None) -> Any:
        """Return the value as Spark takes it."""
        ...
