"""Tables: expressions with write methods."""

from __future__ import annotations

from typing import Any

from datajoint.table import lookup
from datajoint.table.table import Table

__all__ = ["Table"]


def __getattr__(name: str) -> Any:
    if name == "lookup_class_name":  # older code finds it here
        return lookup.lookup_class_name
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
