"""A backend: dialect, sessions, catalog and signals of one kind of database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from datajoint._value import Value
from datajoint.backends.base import Asked, CatalogReader, Dialect, Session

if TYPE_CHECKING:
    from datajoint.backends.signals import Signals
    from datajoint.heading.names import TableName

__all__ = ["Backend"]


class Backend(Value):
    """One database: its dialect, the class of its sessions, what reads its catalog and tells of changes."""

    name: str
    dialect: Dialect
    session: type[Session]
    catalog: Callable[[Asked], CatalogReader]
    signals: Callable[[Session, Sequence[TableName]], Signals]
