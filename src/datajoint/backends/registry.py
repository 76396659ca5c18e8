"""Finds the backend of a name, loading its module on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from datajoint.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from datajoint.backends.backend import Backend

__all__ = ["BACKENDS", "get_backend"]

BACKENDS = {name: f"datajoint.backends.{name}.backend" for name in ("sqlite", "postgresql", "mysql")}
"""Module of each backend, which holds it as ``BACKEND``."""


def get_backend(name: str) -> Backend:
    """Return a backend by its name.

    Raises
    ------
    ConfigurationError
        When there is no backend of that name.

    Examples
    --------
    >>> get_backend("sqlite").dialect.quote("a")
    '"a"'
    """
    module = BACKENDS.get(name)
    if module is None:
        raise ConfigurationError(f"There is no backend `{name}`. Backends: {', '.join(BACKENDS)}.",
                                 hint=nearest(name, BACKENDS))  # fmt: skip
    loaded: Any = import_module(module)
    return loaded.BACKEND
