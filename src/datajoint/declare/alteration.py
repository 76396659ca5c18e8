"""What turns a table into what its definition says: attributes, checks, indexes and comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from datajoint._value import Value, replace
from datajoint.declare import renames
from datajoint.declare.convert import is_convertible
from datajoint.declare.diff import Change, diff, same_type
from datajoint.declare.spec import Check, Index, TableSpec
from datajoint.errors import DeclarationError
from datajoint.heading.attribute import Attribute

__all__ = ["Alteration", "Retyped", "alteration", "between"]


class Retyped(Value):
    """An attribute of another type: as it is, under its new name, and as it shall be."""

    old: Attribute
    new: Attribute


class Alteration(Value):
    """A change of a table.

    Attributes
    ----------
    found, wanted
        The table as it is and as it shall be, hidden columns included.
    changes
        The differences as `diff` returns them.
    renamed
        New names by old ones.
    """

    found: TableSpec
    wanted: TableSpec
    changes: tuple[Change, ...]
    renamed: Mapping[str, str]

    @property
    def known(self) -> TableSpec:
        """The table as it is, with the new names."""
        return renames.rename(self.found, self.renamed)

    @property
    def added(self) -> list[Attribute]:
        """Attributes that are new, in order."""
        there = {a.name for a in self.known.columns}
        return [a for a in self.wanted.columns if a.name not in there]

    @property
    def dropped(self) -> list[str]:
        """Names of attributes that go."""
        wanted = {a.name for a in self.wanted.columns}
        return [a.name for a in self.known.columns if a.name not in wanted]

    @property
    def kept(self) -> list[tuple[Attribute, Attribute]]:
        """Attributes that stay: as they are, under their new names, and as they shall be."""
        there = {a.name: a for a in self.known.columns}
        return [(there[a.name], a) for a in self.wanted.columns if a.name in there]

    @property
    def retyped(self) -> list[Retyped]:
        """Attributes whose values are stored in another way."""
        return [Retyped(old, new) for old, new in self.kept if not same_type(old.dtype, new.dtype)]

    @property
    def required(self) -> list[str]:
        """Names of attributes that may not be NULL any more."""
        return [new.name for old, new in self.kept if old.nullable and not new.nullable]

    def index_changes(self) -> tuple[list[Index], list[Index]]:
        """Return the indexes that go and those that come."""
        return _of(self.changes, "index_", "dropped"), _of(self.changes, "index_", "added")

    def check_changes(self) -> tuple[list[Check], list[Check]]:
        """Return the checks that go and those that come; what they say of other types is written again."""
        touched = {r.new.name for r in self.retyped} | set(self.renamed.values())
        wanted = {check.name: check for check in self.wanted.checks}
        gone = [
            check
            for check in self.found.checks
            if check.name not in wanted
            or check.condition.split() != wanted[check.name].condition.split()
            or touched & renames.mentioned(wanted[check.name])
        ]
        names = {check.name for check in gone}
        there = {check.name for check in self.found.checks}
        return gone, [c for c in self.wanted.checks if c.name in names or c.name not in there]


def _of(changes: Sequence[Change], start: str, end: str) -> list[Index]:
    found = [change for change in changes if change.kind == start + end]
    return [change.old if end == "dropped" else change.new for change in found]


def alteration(found: TableSpec, defined: TableSpec) -> Alteration | None:
    r"""Return what turns a table into what is defined, None where it is that.

    Raises
    ------
    DeclarationError
        When keys or references differ, or values cannot be converted.

    Examples
    --------
    >>> from datajoint.declare.parse import parse
    >>> from datajoint.declare.resolve import SELF, resolve
    >>> from datajoint.heading.names import TableName
    >>> old, new = (
    ...     resolve(parse("\n".join(["id : int16", "---", *lines])), TableName("lab", "a"), lambda _: SELF)
    ...     for lines in (["x : int8"], ["y : int16 # {x}", "z=0 : int8"])
    ... )
    >>> change = alteration(old, new)
    >>> change.renamed, [r.new.type for r in change.retyped], [a.name for a in change.added]
    ({'x': 'y'}, ['int16'], ['z'])
    """
    names = renames.renames(found, defined, strict=True)
    changes = diff(found, defined)
    if not changes:
        return None
    refused = list(_refused(found, defined, changes, names))
    if refused:
        raise DeclarationError(
            f"`{found.name.class_name}` stays as it is: alter() changes neither keys nor references, and "
            + "; ".join(refused) + ".",
            hint="Declare a new table with the key or reference that is wanted and copy the rows with "
            "insert(query); `dj plan` and `dj apply` will do it in a later release.",
        )  # fmt: skip
    change = Alteration(found, _wanted(renames.rename(found, names), defined), changes, names)
    for retyped in change.retyped:
        _check_type(found, retyped)
    return change


def _refused(
    found: TableSpec, defined: TableSpec, changes: Sequence[Change], names: Mapping[str, str]
) -> Iterator[str]:
    keyed, columns = set(found.primary_key) | set(defined.primary_key), set[str]()
    for key in (*found.foreign_keys, *defined.foreign_keys):
        columns |= {*key.columns}
    back = {new: old for old, new in names.items()}
    for change in changes:
        if change.kind == "primary_key" or change.kind.startswith("foreign_key_"):
            yield change.text
        elif change.kind.startswith("attribute_") and change.kind != "attribute_comment":
            own = {change.name, back.get(change.name, change.name)}
            if own & columns or (own & keyed and change.kind != "attribute_default"):
                yield change.text


def _check_type(found: TableSpec, retyped: Retyped) -> None:
    old, new = retyped.old, retyped.new
    if not is_convertible(old.dtype, new.dtype):
        raise DeclarationError(
            f"`{found.name.class_name}` stays as it is: values of `{new.name}` are {old.type} and are not "
            f"converted to {new.type}.",
            hint=f"Add an attribute of type {new.type} under another name, fill it with update(), and drop "
            f"`{new.name}`.",
        )


def _wanted(known: TableSpec, defined: TableSpec) -> TableSpec:
    """Return the table that shall be: what differs only in spelling stays as it is."""
    there = {a.name: a for a in known.columns}

    def attribute(a: Attribute) -> Attribute:
        comment, old = renames.plain_comment(a.comment), there.get(a.name)
        if old is None:
            return replace(a, comment=comment)
        if a.comment == old.comment:
            comment = a.comment
        lineage = a.lineage or old.lineage
        if same_type(old.dtype, a.dtype):
            return replace(a, comment=comment, dtype=old.dtype, lineage=lineage)
        return replace(a, comment=comment, lineage=lineage)

    columns = {column for key in known.foreign_keys for column in key.columns}
    attributes = tuple(there[a.name] if a.name in columns and not a.comment else attribute(a)
                       for a in defined.attributes)  # fmt: skip
    return replace(
        defined, attributes=attributes, hidden=known.hidden, primary_key=known.primary_key,
        foreign_keys=known.foreign_keys,
    )  # fmt: skip


def between(found: TableSpec, wanted: TableSpec, renamed: Mapping[str, str]) -> Alteration:
    """Return what turns one table of the platform into another, without a definition."""
    return Alteration(found, wanted, (), renamed)
