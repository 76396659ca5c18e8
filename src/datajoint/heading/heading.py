"""Headings: the attributes of a table or expression, in order, and its key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from datajoint.errors import UnknownAttributeError, nearest
from datajoint.heading.attribute import Attribute
from datajoint.heading.types import NUMPY_TYPES

__all__ = ["Heading"]


def _is_text(name: object) -> bool:
    return isinstance(name, str)


class Heading:
    """The attributes of a table or expression.

    Parameters
    ----------
    attributes
        In order; those of the key have `in_key`.
    hidden
        Columns of the platform, usable by name in text restrictions only (TAB-20).
    indexes
        ``{column names: {"unique": bool, "nullable": bool}}`` of a base table.
    comment
        Comment of a base table.
    nullable_key
        Whether NULL may stand in the key (QRY-2).

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> heading = Heading(
    ...     [Attribute("a", parse_type("int32"), in_key=True), Attribute("x", parse_type("float64"))]
    ... )
    >>> heading.primary_key, heading.secondary_attributes
    (['a'], ['x'])
    """

    __slots__ = ("_attributes", "comment", "hidden", "indexes", "key", "nullable_key", "order")

    def __init__(
        self,
        attributes: Iterable[Attribute],
        hidden: Iterable[Attribute] = (),
        indexes: Mapping[tuple[str, ...], dict[str, bool]] | None = None,
        comment: str = "",
        nullable_key: bool = False,
    ) -> None:
        self._attributes = {attribute.name: attribute for attribute in attributes}
        self.order: tuple[str, ...] = tuple(self._attributes)
        self.key: tuple[str, ...] = tuple([a.name for a in self._attributes.values() if a.in_key])
        self.hidden = {attribute.name: attribute for attribute in hidden}
        self.indexes = dict(indexes or {})
        self.comment = comment
        self.nullable_key = nullable_key

    def __getitem__(self, name: str) -> Attribute:
        try:
            return self._attributes[name]
        except (KeyError, TypeError):
            raise self.unknown(name) from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._attributes

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)

    def _ipython_key_completions_(self) -> list[str]:
        """What completion offers in ``heading["``."""
        return list(self.order)

    def values(self) -> Iterable[Attribute]:
        """The attributes in order."""
        return self._attributes.values()

    def unknown(self, name: str, where: str = "The expression") -> UnknownAttributeError:
        """Return the error for a name that is no attribute, with the nearest names."""
        if not _is_text(name):
            return UnknownAttributeError(
                f"Attributes are named by text, not by {name!r:.60}.",
                hint=f"Attributes: {', '.join(self.order) or 'none'}.",
            )
        known = [own for own in self.order if own[0] not in "_~"]  # others are the platform's
        return UnknownAttributeError(
            f"{where} has no attribute `{name}`. Attributes: {', '.join(known) or 'none'}.",
            hint=nearest(name, known),
        )

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        """Attributes by name."""
        return MappingProxyType(self._attributes)

    @property
    def names(self) -> list[str]:
        """Names of all attributes."""
        return list(self.order)

    @property
    def primary_key(self) -> list[str]:
        """Names of the key attributes."""
        return list(self.key)

    @property
    def secondary_attributes(self) -> list[str]:
        """Names of the attributes outside the key."""
        return [name for name in self.order if not self._attributes[name].in_key]

    @property
    def blobs(self) -> list[str]:
        """Names of the attributes that hold bytes or encoded objects."""
        return [a.name for a in self._attributes.values() if a.is_blob]

    @property
    def non_blobs(self) -> list[str]:
        """Names of the other attributes."""
        return [a.name for a in self._attributes.values() if not a.is_blob]

    @property
    def table_info(self) -> dict[str, Any]:
        """What older code asks of a table: its ``comment``."""
        return {"comment": self.comment}

    @property
    def as_dtype(self) -> Any:
        """The NumPy dtype of an array of rows; numbers that may be NULL are objects, except floats."""
        from numpy import dtype

        fields = [(a.name, NUMPY_TYPES.get(a.dtype.kind, "O"), a.nullable) for a in self.values()]
        return dtype([(name, "O" if null and kind != "f8" else kind) for name, kind, null in fields])

    def __repr__(self) -> str:
        lines = [f"# {self.comment}"] if self.comment else []
        for section in (self.key, ("---",), self.secondary_attributes):
            lines += [name if name == "---" else _line(self._attributes[name]) for name in section]
        return "\n".join(lines) + "\n"


def _line(attribute: Attribute) -> str:
    default = f"={attribute.default.text or 'null'}" if attribute.default else ""
    return f"{attribute.name + default:<20} : {attribute.type:<28} # {attribute.comment}"
