"""Declaring tables from text, for tests that are about definitions."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def declare(schema: Any) -> Callable[..., Any]:
    """Give a function `declare("Name", definition, tier=dj.Manual, scope={…}, **members)` → attached class."""
    import datajoint as dj

    known: dict[str, Any] = {"dj": dj}

    def one(name: str, definition: str, tier: Any = None, scope: dict[str, Any] | None = None, **members: Any) -> Any:
        cls = type(tier or dj.Manual)(name, (tier or dj.Manual,), {"definition": definition, **members})
        attached = schema(cls, context={**known, **(scope or {})})
        known[name] = attached
        return attached

    return one
