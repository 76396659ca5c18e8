"""Attributes of tables and expressions."""

from __future__ import annotations

from typing import Any

from datajoint._value import Value
from datajoint.heading.types import FLOATS, INTEGERS, TEXTS, AttributeType

__all__ = ["Attribute", "Default", "Origin"]

Origin = tuple[Any, str, tuple[str, ...]]
"""Where values come from: (table or computing plan, name of the attribute there, key there); LIN-3."""


class Default(Value):
    """Default of an attribute.

    Attributes
    ----------
    kind
        ``null``, ``literal``, ``now`` (time of the server session) or ``now_utc``.
    value
        Python value of a literal; for the times, the digits of a second.
    text
        As written in the definition.
    """

    kind: str
    value: Any = None
    text: str = ""


class Attribute(Value):
    """One attribute of a heading.

    Attributes
    ----------
    name, dtype, in_key, nullable, default, comment
        As declared; `default` is None when a value is required.
    lineage
        ``schema.table.attribute`` where the attribute was first introduced as a key, or None (LIN-1).
    origins
        What determines the values of the attribute; kept by the algebra only (LIN-3).

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> Attribute("session", parse_type("int16"), in_key=True).type
    'int16'
    """

    name: str
    dtype: AttributeType
    in_key: bool = False
    nullable: bool = False
    default: Default | None = None
    comment: str = ""
    lineage: str | None = None
    origins: frozenset[Origin] = frozenset()

    @property
    def type(self) -> str:
        """Declared type as text."""
        return self.dtype.text

    @property
    def sql(self) -> str:
        """The column in the words of SQL, with the type as declared."""
        default = self.default
        given = "" if default is None or default.kind == "null" else f" DEFAULT {default.text}"
        return (
            f'`{self.name}` {self.type} {"" if self.nullable else "NOT "}NULL{given} COMMENT "{self.comment}"'
        )

    @property
    def codec(self) -> str | None:
        """Name of the codec, or None."""
        return self.dtype.codec

    @property
    def store(self) -> str | None:
        """Name of the store of the codec; "" is the default store, None is in the table."""
        return self.dtype.store

    @property
    def autoincrement(self) -> bool:
        """Whether the database numbers the rows."""
        return self.dtype.autoincrement

    @property
    def uuid(self) -> bool:
        """Whether values are UUIDs."""
        return self.dtype.kind == "uuid"

    @property
    def json(self) -> bool:
        """Whether values are JSON."""
        return self.dtype.kind == "json"

    @property
    def is_blob(self) -> bool:
        """Whether values are bytes or encoded by a codec."""
        return self.dtype.kind in ("codec", "blob", "bytes")

    @property
    def numeric(self) -> bool:
        """Whether values are numbers."""
        return (
            self.dtype.kind in INTEGERS or self.dtype.kind in FLOATS or self.dtype.kind in ("decimal", "bool")
        )

    @property
    def string(self) -> bool:
        """Whether values are text."""
        return self.dtype.kind in TEXTS
