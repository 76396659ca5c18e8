"""From a definition to the table it describes, given what its references name."""

from __future__ import annotations

import re
from collections.abc import Callable

from datajoint._value import Value, replace
from datajoint.declare.default import NULL
from datajoint.declare.problems import Problems
from datajoint.declare.spec import Check, ForeignKey, Index, TableSpec
from datajoint.declare.syntax import (
    AttributeLine,
    CheckLine,
    Definition,
    ForeignKeyLine,
    IndexLine,
    Line,
    Reference,
)
from datajoint.errors import DataJointError, DeclarationError, ForeignKeyTargetError, nearest
from datajoint.heading.attribute import Attribute, Default
from datajoint.heading.names import COMPUTED, IMPORTED, MANUAL, TableName, job_queue_name
from datajoint.heading.types import AttributeType, parse_type

__all__ = [
    "EVENT", "JOB_METADATA", "PROVENANCE", "SELF", "SINGLETON", "Reading", "SelfReference", "Target",
    "check_key_origin", "check_names", "check_size", "own_key", "resolve", "with_event", "with_metadata",
]  # fmt: skip

_NO_KEY = frozenset({"json", "bytes", "blob", "codec"})
_AUTOINCREMENT = re.compile(r"\s*auto_?increment\b", re.IGNORECASE)
_COLUMN = re.compile(r"[a-z_][a-z0-9_]*")
_LONGEST_CHECK = 50

SINGLETON = Attribute(
    "_singleton", parse_type("bool"), in_key=True, default=Default("literal", True, "true"),
    comment="singleton primary key",
)  # fmt: skip
"""The hidden key of a table that holds at most one row (DEF-22)."""

EVENT = Attribute(
    "_event", parse_type("int64"), nullable=True, default=NULL, comment="event that wrote the row"
)

PROVENANCE = (
    Attribute(
        "_prov", parse_type("json"), nullable=True, default=NULL,
        comment="extrinsic provenance for a row that entered from outside",
    ),
)  # fmt: skip
JOB_METADATA = (
    Attribute("_job_start_time", parse_type("datetime(3)"), False, True, NULL, "when computation began"),
    Attribute("_job_duration", parse_type("float32"), False, True, NULL, "computation duration in seconds"),
    Attribute(
        "_job_version", parse_type("varchar(64)"), False, False, Default("value", "", '""'), "code version"
    ),
)


class SelfReference:
    """What `find` returns for a reference to the table being declared."""


SELF = SelfReference()

Target = TableSpec | SelfReference
"""What a reference leads to."""


class Reading(Value):
    """A definition that describes a table just as the database has it.

    Attributes
    ----------
    targets
        Where its references led.
    """

    definition: Definition
    found: TableSpec
    targets: tuple[tuple[Reference, Target], ...]

    def holds(self, definition: Definition, found: TableSpec, find: Callable[[Reference], Target]) -> bool:
        """Whether definition, table and the tables referred to are the very same ones."""
        if definition is not self.definition or found is not self.found:
            return False
        try:
            return all(find(reference) is target for reference, target in self.targets)
        except DataJointError:  # which reading it again will tell with its place
            return False


def resolve(
    definition: Definition, name: TableName, find: Callable[[Reference], TableSpec | SelfReference]
) -> TableSpec:
    r"""Compute the table that a definition describes.

    Parameters
    ----------
    definition
        As read by `parse`.
    name
        Name of the table in the database.
    find
        Returns the table that a reference names, or `SELF` for the table itself; renames are applied here. A
        specification of the same name is the table itself too, taken as this definition has it.

    Raises
    ------
    DeclarationError
        Showing all problems with line, position and a caret.

    Examples
    --------
    >>> from datajoint.declare.parse import parse
    >>> subject = resolve(parse("subject : int32 # animal"), TableName("lab", "subject"), lambda _: SELF)
    >>> session = resolve(
    ...     parse("-> Subject\nsession : int16"), TableName("lab", "session"), lambda _: subject
    ... )
    >>> session.primary_key, session.attribute("subject").lineage
    (('subject', 'session'), 'lab.subject.subject')
    """
    return _Resolver(definition, name, find).resolve()


class _Resolver:
    """Resolution of one definition; attributes are collected in order."""

    def __init__(
        self, definition: Definition, name: TableName, find: Callable[[Reference], TableSpec | SelfReference]
    ) -> None:
        self.definition, self.name, self.find = definition, name, find
        self.problems = Problems(definition.text, definition.table or name.class_name)
        self.attributes: dict[str, Attribute] = {}
        self.foreign_keys: list[ForeignKey] = []
        self.singleton_parent = False
        self.singleton_lineage: str | None = None

    def resolve(self) -> TableSpec:
        lines = self.definition.lines
        others: list[IndexLine | CheckLine] = []
        for line in lines:
            if isinstance(line, AttributeLine):
                self._attribute(line)
            elif isinstance(line, ForeignKeyLine):
                self._foreign_key(line)
            else:
                others.append(line)
        indexes, checks = self._others(others)
        self.problems.check()
        key = tuple([a.name for a in self.attributes.values() if a.in_key])
        hidden: tuple[Attribute, ...] = ()
        if not key or self.singleton_parent:
            lineage = self.singleton_lineage or f"{self.name}.{SINGLETON.name}"
            hidden = (replace(SINGLETON, in_key=not key, lineage=lineage),)
            key = key or (SINGLETON.name,)
        return TableSpec(
            self.name, tuple(self.attributes.values()), key,
            tuple([self._finished(fk, key) for fk in self.foreign_keys]),
            indexes, self.definition.comment, hidden, checks,
        )  # fmt: skip

    def _others(self, lines: list[IndexLine | CheckLine]) -> tuple[tuple[Index, ...], tuple[Check, ...]]:
        if not lines:
            return (), ()
        indexes = self._indexes([line for line in lines if isinstance(line, IndexLine)])
        return indexes, self._checks([line for line in lines if isinstance(line, CheckLine)])

    def _problem(
        self,
        line: Line,
        message: str,
        kind: type[DeclarationError] = DeclarationError,
        hint: str | None = None,
    ) -> None:
        self.problems.add(line.span, message, kind, hint)

    def _attribute(self, line: AttributeLine) -> None:
        known = self.attributes.get(line.name)
        if known is not None:
            self._again(line, known)
            return
        if line.in_key and line.dtype.kind in _NO_KEY:
            self._problem(
                line, f"`{line.dtype}` cannot be in the primary key: `{line.name}` needs values that compare"
            )
        labels = line.dtype.labels
        if labels and (padded := next((label for label in labels if label != label.rstrip(" ")), None)):
            self._problem(line, f"the value {padded!r} ends in a blank, which not every database keeps")
        lineage = f"{self.name}.{line.name}" if line.in_key else None
        nullable = line.default is not None and line.default.kind == "null"
        self.attributes[line.name] = Attribute(
            line.name, line.dtype, line.in_key, nullable, line.default, line.comment, lineage
        )

    def _again(self, line: AttributeLine, known: Attribute) -> None:
        """Check an attribute that a reference brought already: it is not added again (DEF-21)."""
        if not _agree(known.dtype, line.dtype):
            self._problem(
                line, f"a reference brings `{line.name}` already, as `{known.type}`, not `{line.dtype}`"
            )
        elif line.default is not None and not (known.nullable and line.default.kind == "null"):
            self._problem(line, f"a reference brings `{line.name}` already, without default")

    def _foreign_key(self, line: ForeignKeyLine) -> None:
        try:
            target = self.find(line.reference)
        except DataJointError as error:
            kind = type(error) if isinstance(error, DeclarationError) else ForeignKeyTargetError
            self._problem(line, error.message, kind, error.hint)
            return
        itself = isinstance(target, SelfReference) or target.name == self.name
        if itself and line.in_key:
            self._problem(
                line, "a table refers to itself below the line `---`, not in its key", ForeignKeyTargetError
            )
            return
        parent = self._self() if isinstance(target, SelfReference) or target.name == self.name else target
        renames = self._renames(line, parent)
        if renames is None:
            return
        if unknown := [old for old in renames if old not in parent.primary_key]:
            self._unknown_rename(line, unknown[0], parent)
            return
        columns = tuple([renames.get(name, name) for name in parent.primary_key])
        if itself and columns == parent.primary_key:
            self._problem(
                line, "a table refers to itself through a rename", ForeignKeyTargetError,
                f"Write `-> {line.reference.path}.proj(parent_{columns[0]}='{columns[0]}')`.",
            )  # fmt: skip
            return
        if len(set(columns)) < len(columns):
            repeated = next(name for name in columns if columns.count(name) > 1)
            self._problem(line, f"`{repeated}` would stand for two attributes of the parent")
            return
        for column, origin in zip(columns, parent.primary_key, strict=True):
            self._inherit(line, column, parent, parent.attribute(origin))
        self.foreign_keys.append(
            ForeignKey(columns, parent.name, parent.primary_key, unique="unique" in line.options)
        )

    def _renames(self, line: ForeignKeyLine, parent: TableSpec) -> dict[str, str] | None:
        """Return {name in the parent: name here}.

        New names of the older form that name no attributes of the parent stand for its whole key, or for the
        part of it that the table does not have yet.
        """
        renames = line.reference.renames
        if all(old for _, old in renames):
            return {old: new for new, old in renames}
        fresh = [name for name in parent.primary_key if name not in self.attributes]
        for names in (parent.primary_key, fresh):
            if len(names) == len(renames):
                return {old: new for old, (new, _) in zip(names, renames, strict=True)}
        self._problem(
            line,
            f"{', '.join(f'`{new}`' for new, _ in renames)} cannot be matched with the primary key of"
            f" `{parent.name.class_name}`: {', '.join(parent.primary_key)}",
            ForeignKeyTargetError,
            f"Write `-> {line.reference.path}.proj({renames[0][0]}='…')`.",
        )
        return None

    def _self(self) -> TableSpec:
        """The table as far as it was read: its key, which is complete above the line."""
        key = tuple(a.name for a in self.attributes.values() if a.in_key)
        if key:
            return TableSpec(self.name, tuple(self.attributes.values()), key)
        return TableSpec(self.name, (), (SINGLETON.name,), hidden=(SINGLETON,))

    def _unknown_rename(self, line: ForeignKeyLine, old: str, parent: TableSpec) -> None:
        key = [name for name in parent.primary_key if name != SINGLETON.name]
        self._problem(
            line,
            f"`{old}` is not in the primary key of `{parent.name.class_name}`: {', '.join(key) or 'none'}",
            ForeignKeyTargetError,
            nearest(old, key),
        )

    def _inherit(self, line: ForeignKeyLine, name: str, parent: TableSpec, origin: Attribute) -> None:
        if name == SINGLETON.name:
            self.singleton_parent = True
            self.singleton_lineage = self.singleton_lineage or origin.lineage
            return
        dtype = _inherited_type(origin.dtype)
        lineage = origin.lineage or f"{parent.name}.{origin.name}"
        known = self.attributes.get(name)
        if known is None:
            nullable = "nullable" in line.options
            self.attributes[name] = Attribute(
                name, dtype, line.in_key, nullable, NULL if nullable else None, origin.comment, lineage
            )
        elif not _agree(known.dtype, dtype):
            self._problem(
                line,
                f"`{name}` is declared as `{known.type}` already; `{parent.name.class_name}` has `{dtype}`",
                hint=f"Rename one of them: `-> {line.reference.path}.proj(other='{origin.name}')`.",
            )
        elif not any(name in fk.columns for fk in self.foreign_keys):
            self.attributes[name] = replace(known, lineage=lineage)

    def _finished(self, fk: ForeignKey, key: tuple[str, ...]) -> ForeignKey:
        """Whether a reference is in the key and nullable follows from its columns, as in the database."""
        found = [self.attributes[name].nullable for name in fk.columns if name in self.attributes]
        nullable, in_key = True in found, set(key).issuperset(fk.columns)
        return ForeignKey(fk.columns, fk.parent, fk.parent_columns, in_key, nullable, fk.unique)

    def _indexes(self, lines: list[IndexLine]) -> tuple[Index, ...]:
        for line in lines:
            for column in line.columns:
                match = _COLUMN.match(column)
                if match and match[0] not in self.attributes:
                    self._problem(
                        line,
                        f"the index names `{match[0]}`, which is no attribute",
                        hint=nearest(match[0], self.attributes),
                    )
                elif match and column != match[0] and self.attributes[match[0]].dtype.kind != "json":
                    self._problem(line, f"`{column}` is a path into JSON, and `{match[0]}` is none")
        return tuple(dict.fromkeys(Index(line.columns, line.unique) for line in lines))

    def _checks(self, lines: list[CheckLine]) -> tuple[Check, ...]:
        numbers = map(str, range(1, len(lines) + 1))
        checks = [Check(line.name or next(numbers), line.condition, line.comment) for line in lines]
        names = [check.name for check in checks]
        for line, name in zip(lines, names, strict=True):
            if names.count(name) > 1:
                self._problem(line, f"there are two checks named `{name}`")
            elif len(name) > _LONGEST_CHECK:
                self._problem(line, f"the name of the check has more than {_LONGEST_CHECK} characters")
        return tuple(checks)


def _agree(one: AttributeType, other: AttributeType) -> bool:
    """Whether two declarations of one attribute have the same values."""
    return one.text == other.text or (one.kind != "native" and _values(one) == _values(other))


def _values(dtype: AttributeType) -> tuple[object, ...]:
    return dtype.kind, dtype.length, dtype.scale, dtype.labels, dtype.codec, dtype.store


def _inherited_type(dtype: AttributeType) -> AttributeType:
    """Type of a reference: that of the parent, but not numbered by the database."""
    if not dtype.autoincrement:
        return dtype
    text = _AUTOINCREMENT.sub("", dtype.text)
    return parse_type(
        {"serial": "bigint", "bigserial": "bigint", "smallserial": "smallint"}.get(text.lower(), text)
    )


def with_metadata(spec: TableSpec, *, provenance: bool, jobs: bool) -> TableSpec:
    """Return the table with the hidden columns of other releases that are asked for (interop §2.3).

    Parameters
    ----------
    provenance
        Manual tables say who entered a row.
    jobs
        Tables that are computed say how long a make took.

    Examples
    --------
    >>> from datajoint.declare.parse import parse
    >>> spec = resolve(parse("id : int32"), TableName("lab", "__fit"), lambda _: SELF)
    >>> [attribute.name for attribute in with_metadata(spec, provenance=True, jobs=True).hidden]
    ['_job_start_time', '_job_duration', '_job_version']
    """
    tier = spec.name.tier
    added: tuple[Attribute, ...] = ()
    if tier == MANUAL and provenance:
        added = PROVENANCE
    elif tier in (COMPUTED, IMPORTED) and jobs:
        added = JOB_METADATA
    there = {attribute.name for attribute in spec.hidden}
    missing = [attribute for attribute in added if attribute.name not in there]
    return replace(spec, hidden=(*spec.hidden, *missing)) if missing else spec


def with_event(spec: TableSpec) -> TableSpec:
    """Return the table with the hidden column that names the event of each row; system tables have none.

    Examples
    --------
    >>> from datajoint.declare.parse import parse
    >>> spec = resolve(parse("id : int32"), TableName("lab", "subject"), lambda _: SELF)
    >>> [attribute.name for attribute in with_event(spec).hidden]
    ['_event']
    """
    if spec.name.name.startswith("~") or any(a.name == EVENT.name for a in spec.hidden):
        return spec
    return replace(spec, hidden=(*spec.hidden, EVENT))


def check_names(spec: TableSpec, limit: int, constraint: str = "", labels: int | None = None) -> None:
    """Refuse names, given or derived, that are longer than a database allows (TAB-4).

    Parameters
    ----------
    limit
        Most bytes of a name: 64 on MySQL, 63 on PostgreSQL.
    constraint
        What stands between the name of a table and a number in names that the database makes for references.
    labels
        Most bytes of a value of an enum, None where the database has no limit that matters.

    Raises
    ------
    DeclarationError
        Naming the table or attribute.
    """
    table = spec.name.name
    _check_name(table, limit, "The table name")
    _check_name(job_queue_name(table), limit, "The name of the job queue")
    if constraint and spec.foreign_keys:
        _check_name(f"{table}{constraint}{len(spec.foreign_keys)}", limit, "The name of a constraint")
    for attribute in spec.columns:
        _check_name(attribute.name, limit, "In `{0}`, the attribute name", spec)
        if labels and attribute.dtype.labels:
            _check_labels(spec, attribute, labels)


def check_size(spec: TableSpec, limit: int) -> None:
    """Refuse a table of more columns than a database allows.

    Parameters
    ----------
    spec
        The table as it is created, hidden columns included.
    limit
        Most columns of a table of the database.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> spec = TableSpec(TableName("lab", "a"), (Attribute("x", parse_type("int8"), True),), ("x",))
    >>> check_size(spec, 1)
    >>> check_size(with_event(spec), 1)
    Traceback (most recent call last):
        ...
    datajoint.errors.DeclarationError: The table `lab.a` has 2 columns, 1 of them hidden; the database ...
    Store such values as an array in one `<blob>` attribute, or as rows of a part table.

    Raises
    ------
    DeclarationError
        Naming the table.
    """
    count = len(spec.columns)
    if count > limit:
        hidden = f", {len(spec.hidden)} of them hidden" if spec.hidden else ""
        raise DeclarationError(
            f"The table `{spec.name}` has {count} columns{hidden}; the database allows {limit}.",
            hint="Store such values as an array in one `<blob>` attribute, or as rows of a part table.",
        )


def _check_name(name: str, limit: int, what: str, spec: TableSpec | None = None) -> None:
    if len(name.encode()) > limit:
        told = what.format(spec and spec.name)
        raise DeclarationError(
            f"{told} `{name}` has {len(name.encode())} characters; the database allows {limit}.",
            hint="Names of up to 55 characters are safe everywhere.",
        )


def _check_labels(spec: TableSpec, attribute: Attribute, limit: int) -> None:
    for label in attribute.dtype.labels:
        if len(label.encode()) > limit:
            raise DeclarationError(
                f"In `{spec.name}`, the value {label!r:.30}… of the enum `{attribute.name}` has "
                f"{len(label.encode())} bytes; the database allows {limit}.",
                hint="Use shorter values, or varchar and a table of values to refer to.",
            )


def own_key(spec: TableSpec) -> list[str]:
    """Return the key attributes that no reference brings.

    Examples
    --------
    >>> from datajoint.declare.parse import parse
    >>> own_key(resolve(parse("id : int32"), TableName("lab", "__fit"), lambda _: SELF))
    ['id']
    """
    inherited = {column for fk in spec.foreign_keys for column in fk.columns}
    return [name for name in spec.primary_key if name not in inherited and name != SINGLETON.name]


def check_key_origin(spec: TableSpec, allowed: bool | None, exists: bool) -> str | None:
    """Refuse a computed table with key attributes of its own, or return the notice about them (TAB-18).

    Parameters
    ----------
    allowed
        The setting ``jobs.allow_new_pk_fields_in_computed_tables``; None allows them with a notice.
    exists
        Whether the table is in the database already; its declaration was noticed when it was made.

    Raises
    ------
    DeclarationError
        Naming the attributes and the setting.
    """
    if spec.name.tier not in (COMPUTED, IMPORTED) or allowed or (allowed is None and exists):
        return None
    own = own_key(spec)
    if not own:
        return None
    table, names = spec.name.class_name, ", ".join(f"`{name}`" for name in own)
    setting = "jobs.allow_new_pk_fields_in_computed_tables"
    if allowed is False:
        raise DeclarationError(
            f"The key of `{table}` has {names}, which no reference brings: a table of tier {spec.name.tier} "
            "is made for the keys of its parents.",
            hint=f"Move it to a part table, or set `{setting}` to True.",
        )
    keys = ", ".join(f"`{name}`" for name in spec.primary_key if name not in own)
    default = f" ({keys} by default)" if keys else ""
    return (
        f"The key of `{table}` has {names}, which no reference brings. make() runs once for each key of the "
        f"key source{default} and may insert several rows for it; a key counts as done when it has one row. "
        f"Set `{setting}` to True to declare such tables without this notice, to False to refuse them."
    )
