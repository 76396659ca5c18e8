"""Write permission: computed tables accept writes only from their own make, in its context."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar

from datajoint.errors import DataJointError
from datajoint.heading.names import COMPUTED, IMPORTED, TableName

__all__ = ["check_insert", "check_update", "writable"]

_WRITABLE: ContextVar[frozenset[TableName]] = ContextVar("datajoint_writable", default=frozenset())


@contextmanager
def writable(names: Iterable[TableName]) -> Generator[None]:
    """Let some tables be written by this context, as their make does; parts go with their master.

    Examples
    --------
    >>> fit = TableName("lab", "__fit")
    >>> with writable([fit]):
    ...     check_insert(fit, allowed=None)
    """
    token = _WRITABLE.set(_WRITABLE.get() | frozenset(names))
    try:
        yield
    finally:
        _WRITABLE.reset(token)


def check_insert(name: TableName, allowed: bool | None) -> None:
    """Refuse an insert into a computed table outside its make.

    Examples
    --------
    >>> check_insert(TableName("lab", "__fit"), allowed=True)
    >>> check_insert(TableName("lab", "__fit__cell"), allowed=None)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    datajoint.errors.DataJointError: Inserts into an auto-populated table (`Fit.Cell`) can only be done ...
    """
    if not allowed and _is_computed(name):
        raise DataJointError(
            f"Inserts into an auto-populated table (`{name.class_name}`) can only be done inside its make "
            "method during a populate call.",
            hint="To override, set keyword argument allow_direct_insert=True.",
        )


def check_update(name: TableName, allowed: bool | None) -> None:
    """Refuse an update of a computed table outside its make (UPD-7).

    Examples
    --------
    >>> check_update(TableName("lab", "subject"), allowed=None)
    """
    if not allowed and _is_computed(name):
        raise DataJointError(
            f"Updates of an auto-populated table (`{name.class_name}`) can only be done inside its make "
            "method during a populate call.",
            hint="Delete the row and populate again, or set keyword argument allow_direct_update=True.",
        )


def _is_computed(name: TableName) -> bool:
    """Whether a table is filled by a make, and not by one that runs here."""
    if not name.name.startswith("_"):  # neither computed nor a part of such
        return False
    master = name.master or name
    if master.tier not in (COMPUTED, IMPORTED):
        return False
    allowed = _WRITABLE.get()
    return name not in allowed and master not in allowed
