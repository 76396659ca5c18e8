"""What differs between a table in the database and its definition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datajoint._value import Value
from datajoint.declare import renames
from datajoint.declare.default import default_text
from datajoint.declare.spec import ForeignKey, Index, TableSpec
from datajoint.heading.attribute import Attribute, Default
from datajoint.heading.core_types import KINDS
from datajoint.heading.types import AttributeType

__all__ = ["Change", "diff", "is_same", "same_type"]

_STORED_AS: dict[str, frozenset[str]] = {
    **{kind: frozenset(record.stored_as) for kind, record in KINDS.items()},
    "blob": frozenset({"bytes"}),
    "codec": frozenset({"bytes", "blob", "json", "text"}),
}
"""Kinds of columns in which databases keep a kind of type; what has no marker may be any of them."""

_UNSIZED = {"time": ("time",), "timestamp": ("datetime", "timestamp")}
"""Words for which release 2.x has columns of microseconds on PostgreSQL: kinds that are found there."""

_SIZED = frozenset(kind for kind, record in KINDS.items() if record.form)


class Change(Value):
    """One difference.

    Attributes
    ----------
    kind
        ``table_comment``, ``primary_key``; ``attribute_`` + added, dropped, renamed, type, nullable, default,
        comment;
        ``foreign_key_``, ``index_``, ``check_`` + added, dropped; ``check_changed``. Only the definition
        has what is added.
    name
        Name of the attribute; for other things their columns.
    old, new
        The values in the database and in the definition.
    text
        The difference in words.
    """

    kind: str
    name: str
    old: Any
    new: Any
    text: str


def diff(found: TableSpec, wanted: TableSpec) -> tuple[Change, ...]:
    """Compare a table with its definition.

    Hidden columns, the order of columns and spellings that mean the same do not count.

    Parameters
    ----------
    found
        The table in the database.
    wanted
        The table as defined.

    Examples
    --------
    >>> from datajoint.declare.parse import parse
    >>> from datajoint.declare.resolve import SELF, resolve
    >>> from datajoint.heading.names import TableName
    >>> old, new = (
    ...     resolve(parse(text), TableName("lab", "subject"), lambda _: SELF)
    ...     for text in ("id : int16", "id : int32 # number")
    ... )
    >>> [change.text for change in diff(old, new)]
    ['`id` is int16, defined as int32', "the comment of `id` is '', defined as 'number'"]
    """
    if is_same(found, wanted):
        return ()
    names = renames.renames(found, wanted)
    moved = [
        Change(
            "attribute_renamed", new, found.attribute(old), wanted.attribute(new), f"`{old}` is now `{new}`"
        )
        for old, new in names.items()
    ]
    known = renames.rename(found, names)
    parts = (_table, _attributes, _foreign_keys, _indexes, _checks)
    return (*moved, *(change for part in parts for change in part(known, wanted)))


def is_same(found: TableSpec, wanted: TableSpec) -> bool:
    """Whether two tables are the same to the letter; `diff` knows more that is the same.

    Examples
    --------
    >>> from datajoint.heading.names import TableName
    >>> spec = TableSpec(TableName("lab", "a"), (), ("x",))
    >>> is_same(spec, spec)
    True
    """
    return _contents(found) == _contents(wanted)


def _contents(spec: TableSpec) -> tuple[object, ...]:
    """What must be equal for two tables to be the same without a doubt."""
    return (
        spec.attributes, spec.primary_key, spec.foreign_keys, spec.indexes, spec.comment, spec.checks
    )  # fmt: skip


def _table(found: TableSpec, wanted: TableSpec) -> Iterator[Change]:
    if found.comment != wanted.comment:
        text = f"the table comment is {found.comment!r}, defined as {wanted.comment!r}"
        yield Change("table_comment", "", found.comment, wanted.comment, text)
    if found.primary_key != wanted.primary_key:
        text = f"the primary key is {_list(found.primary_key)}, defined as {_list(wanted.primary_key)}"
        yield Change("primary_key", "", found.primary_key, wanted.primary_key, text)


def _attributes(found: TableSpec, wanted: TableSpec) -> Iterator[Change]:
    old = {a.name: a for a in found.attributes}
    new = {a.name: a for a in wanted.attributes}
    for name, attribute in old.items():
        if name not in new:
            yield Change("attribute_dropped", name, attribute, None, f"`{name}` is not in the definition")
    inherited = {column for fk in wanted.foreign_keys for column in fk.columns}
    for name, attribute in new.items():
        if name not in old:
            yield Change("attribute_added", name, None, attribute, f"`{name}` is not in the table")
        else:
            yield from _attribute(old[name], attribute, name in inherited)


def _attribute(old: Attribute, new: Attribute, inherited: bool) -> Iterator[Change]:
    name = new.name
    if not same_type(old.dtype, new.dtype):
        yield Change(
            "attribute_type", name, old.dtype, new.dtype, f"`{name}` is {old.type}, defined as {new.type}"
        )
    if old.nullable != new.nullable:
        text = f"`{name}` is {_optional(old)}, defined as {_optional(new)}"
        yield Change("attribute_nullable", name, old.nullable, new.nullable, text)
    if _default(old) != _default(new):
        text = f"the default of `{name}` is {_spelled(old)}, defined as {_spelled(new)}"
        yield Change("attribute_default", name, old.default, new.default, text)
    comment = renames.plain_comment(new.comment)
    if old.comment not in (comment, new.comment) and not (inherited and not old.comment):
        text = f"the comment of `{name}` is {old.comment!r}, defined as {comment!r}"
        yield Change("attribute_comment", name, old.comment, comment, text)


def same_type(found: AttributeType, wanted: AttributeType) -> bool:
    """Whether a column found in the database can be what the definition says.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> same_type(parse_type("bigint"), parse_type("int64"))
    True
    """
    if found.text == wanted.text:
        return True
    if found.native and found.codec:  # a store column of 0.14
        return (found.codec, found.store) == (wanted.codec, wanted.store)
    if wanted.text in _UNSIZED and found.native and found.length == 6:
        return found.kind in _UNSIZED[wanted.text]
    if found.kind != wanted.kind:
        return found.native and found.kind in _STORED_AS.get(wanted.kind, ())
    if found.kind == "native":
        return found.text.lower() == wanted.text.lower()
    if (found.codec, found.store, found.autoincrement) != (wanted.codec, wanted.store, wanted.autoincrement):
        return False
    return found.kind not in _SIZED or _size(found, found.native) == _size(wanted, found.native)


def _size(dtype: AttributeType, any_order: bool) -> tuple[object, ...]:
    """Sizes and values; an enum type of PostgreSQL may have the order of another table (`any_order`)."""
    return dtype.length, dtype.scale, tuple(sorted(dtype.labels)) if any_order else dtype.labels


def _optional(attribute: Attribute) -> str:
    return "nullable" if attribute.nullable else "required"


def _default(attribute: Attribute) -> tuple[str, Any] | None:
    """The default in comparable form; null is told by `nullable`."""
    default = attribute.default
    if default is None or default.kind == "null":
        return None
    return default.kind, default.value


def _spelled(attribute: Attribute) -> str:
    default: Default | None = attribute.default
    return default_text(default, attribute.dtype) if default else "none"


def _foreign_keys(found: TableSpec, wanted: TableSpec) -> Iterator[Change]:
    old = {_identity(fk, found): fk for fk in found.foreign_keys}
    new = {_identity(fk, wanted): fk for fk in wanted.foreign_keys}
    for identity, fk in old.items():
        if identity in new:
            continue
        text = f"the {_reference(fk, found)} is not in the definition"
        yield Change("foreign_key_dropped", _list(fk.columns), fk, None, text)
    for identity, fk in new.items():
        if identity in old:
            continue
        text = f"the {_reference(fk, wanted)} is not in the table"
        yield Change("foreign_key_added", _list(fk.columns), None, fk, text)


def _identity(fk: ForeignKey, spec: TableSpec) -> tuple[Any, ...]:
    pairs = frozenset(zip(fk.columns, fk.parent_columns, strict=True))
    return pairs, fk.parent, _is_unique(fk, spec)


def _is_unique(fk: ForeignKey, spec: TableSpec) -> bool:
    return fk.unique or any(i.unique and set(i.columns) == set(fk.columns) for i in spec.indexes)


def _reference(fk: ForeignKey, spec: TableSpec) -> str:
    unique = "unique " if _is_unique(fk, spec) else ""
    return f"{unique}reference from {_list(fk.columns)} to `{fk.parent}`"


def _indexes(found: TableSpec, wanted: TableSpec) -> Iterator[Change]:
    covered = {fk.columns[:n] for fk in found.foreign_keys for n in range(1, len(fk.columns) + 1)}
    old = [i for i in _plain(found) if i.unique or i.columns not in covered or i in wanted.indexes]
    new = _plain(wanted)
    for index in old:
        if index not in new:
            text = f"the {_index(index)} is not in the definition"
            yield Change("index_dropped", _list(index.columns), index, None, text)
    for index in new:
        if index not in old:
            yield Change(
                "index_added", _list(index.columns), None, index, f"the {_index(index)} is not in the table"
            )


def _plain(spec: TableSpec) -> list[Index]:
    """Indexes of attributes only (databases rewrite expressions), without those of unique references."""
    names = {a.name for a in spec.columns}
    unique = [set(fk.columns) for fk in spec.foreign_keys]
    return [
        i for i in spec.indexes if names.issuperset(i.columns) and not (i.unique and set(i.columns) in unique)
    ]


def _index(index: Index) -> str:
    return f"{'unique ' if index.unique else ''}index on {_list(index.columns)}"


def _checks(found: TableSpec, wanted: TableSpec) -> Iterator[Change]:
    """Checks are compared by name and by the condition as declared."""
    old = {check.name: check for check in found.checks}
    new = {check.name: check for check in wanted.checks}
    for name, check in old.items():
        if name not in new:
            yield Change("check_dropped", name, check, None, f"the check `{name}` is not in the definition")
    for name, check in new.items():
        if name not in old:
            yield Change("check_added", name, None, check, f"the check `{name}` is not in the table")
        elif old[name].condition.split() != check.condition.split():
            text = f"the check `{name}` is ({old[name].condition}), defined as ({check.condition})"
            yield Change("check_changed", name, old[name], check, text)


def _list(names: tuple[str, ...]) -> str:
    return "(" + ", ".join(names) + ")"
