"""Attaching classes to a schema: declares what is missing, compares what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from contextlib import nullcontext
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from datajoint import logging
from datajoint.declare import alteration, limits
from datajoint.declare.diff import diff, is_same
from datajoint.declare.parse import parse
from datajoint.declare.portable import native_type_notes
from datajoint.declare.resolve import (
    Reading,
    Target,
    check_key_origin,
    check_names,
    check_size,
    resolve,
    with_event,
    with_metadata,
)
from datajoint.declare.spec import TableSpec
from datajoint.declare.syntax import Definition, Reference
from datajoint.engine import define, lineage
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, DeclarationError, TransactionError
from datajoint.heading.names import PREFIXES, TableName, from_camel_case
from datajoint.heading.values import show
from datajoint.schemas import lookup
from datajoint.schemas.resolve import Scope, finder
from datajoint.table.bound import Binding, Redefine
from datajoint.table.table import Table
from datajoint.tiers import Computed, Imported, Lookup, Manual, Part, UserTable

if TYPE_CHECKING:
    from datajoint.schemas.base import ActivatedSchema

__all__ = ["attach"]


def attach(schema: ActivatedSchema, cls: type[UserTable], scope: Scope) -> None:
    """Attach a class, and the part classes in it, to an activated schema; declare tables that are missing.

    All definitions are read before anything is made: a wrong part leaves no master behind.
    """
    _check_class(cls)
    name = TableName(schema.database, PREFIXES[cls.tier] + from_camel_case(cls.__name__))
    catalog = schema.connection.catalog
    steps = [_Step(schema, cls, name, catalog.find(name), scope)]
    siblings = {part.__name__: part for part in _parts(cls)}
    for part in siblings.values():
        part_name = TableName(name.schema, f"{name.name}__{from_camel_case(part.__name__)}")
        part._master = cls
        inner = ({"master": cls, cls.__name__: cls}, *scope)
        steps.append(_Step(schema, part, part_name, catalog.find(part_name), inner, siblings))
    made: list[TableName] = []
    try:
        _carry_out(steps, made)
    except BaseException:
        if made:
            define.drop_tables(schema.connection, made[::-1])
        for step in steps:
            if step.found is None:
                step.cls._binding = None  # a class whose declaration failed is not attached
        raise
    if cls._binding is not None:
        cls._binding.attach = partial(attach, schema, cls, tuple(map(_lasting, scope)))
    with_contents = [step.cls for step in steps if hasattr(step.cls, "contents")]
    filled = [table() for table in with_contents if table().is_declared]
    if filled:
        # A master that must have parts is complete only when theirs are in, too.
        with schema.connection.transaction if cls.min_parts else nullcontext():
            for table in filled:
                lookup.fill_contents(table)


def _carry_out(steps: list[_Step], made: list[TableName]) -> None:
    pending: dict[TableName, TableSpec] = {}
    for step in steps:
        step.cls._binding = Binding(step.schema.connection, step.name)
        step.read(pending)
        if step.wanted is not None:
            step.schema.connection.catalog.declared[step.name] = step.wanted
        step.cls._binding.redefine = _redefining(step.schema.connection, step.cls, step.scope, step.siblings)
    for step in steps:
        step.compare()
    new = [step.completed(step.wanted) for step in steps if step.wanted and step.found is None]
    if new:
        define.create_tables(steps[0].schema.connection, new)
        made += [spec.name for spec in new]
    for step in steps:
        step.warn()


def _redefining(
    connection: Connection, cls: type[Table], scope: Scope, siblings: Mapping[str, Any] | None = None
) -> Redefine:
    """Return the function that reads the definition of a class with the names that it was declared with."""
    kept = tuple(map(_lasting, scope))

    def redefine(
        context: Mapping[str, Any] | None, pending: MutableMapping[TableName, TableSpec] | None = None
    ) -> TableSpec:
        text = cls().definition
        if not isinstance(text, str):
            raise DeclarationError(f"Class `{cls.__name__}` has no definition.", hint="Set it, a text.")
        names = kept if context is None else (context, *kept)
        binding = cls().binding
        known: MutableMapping[TableName, TableSpec] = {} if pending is None else pending
        find = finder(cls, binding.name, connection, names, known, siblings)
        return resolve(parse(text, cls.__name__), binding.name, find)

    return redefine


def _lasting(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a namespace without the data of a function, which would be kept as long as the class."""
    if "__name__" in namespace:  # a module, whose names may still change
        return namespace
    return {name: value for name, value in namespace.items() if isinstance(value, (type, ModuleType, Table))}


def _check_class(cls: Any) -> None:
    if not isinstance(cls, type) or not issubclass(cls, UserTable):
        raise DataJointError(
            "The schema decorator takes table classes, not "
            + (
                f"the class `{cls.__name__}`."
                if isinstance(cls, type)
                else f"an object of type {type(cls).__name__}."
            ),
            hint="Derive the class from dj.Manual, dj.Lookup, dj.Imported or dj.Computed.",
        )
    if issubclass(cls, Part):
        raise DataJointError(
            f"The schema decorator should not be applied to Part tables such as `{cls.__name__}`.",
            hint="Define the part class inside its master class; the master is decorated.",
        )
    if not hasattr(cls, "tier"):
        raise DataJointError(
            f"`{cls.__name__}` has no tier; derive it from dj.Manual, dj.Lookup, dj.Imported or dj.Computed."
        )


_OURS = frozenset(base for tier in (Manual, Lookup, Imported, Computed) for base in tier.__mro__)


def _parts(cls: type[UserTable]) -> list[type[Part]]:
    own = [base for base in reversed(cls.__mro__) if base not in _OURS]
    members = [m for base in own for m in list(vars(base).values()) if isinstance(m, type)]
    return [part for part in dict.fromkeys(members) if issubclass(part, Part) and part is not Part]


class _Step:
    """One class on its way to its table."""

    def __init__(
        self, schema: ActivatedSchema, cls: type[UserTable], name: TableName, found: TableSpec | None,
        scope: Scope, siblings: dict[str, type[Part]] | None = None,
    ) -> None:  # fmt: skip
        self.schema, self.cls, self.name, self.found = schema, cls, name, found
        self.scope, self.siblings = scope, siblings
        self.text: Any = None
        self.wanted: TableSpec | None = None
        self.reading: Reading | None = None
        self.is_settled = False
        self.notice: str | None = None

    def read(self, pending: dict[TableName, TableSpec]) -> None:
        """Read and check the definition; `pending` are tables of the same class that are not made yet."""
        cls, connection = self.cls, self.schema.connection
        self.text = text = cls().definition
        if self.found is None and not self.schema.create_tables:
            return
        if not isinstance(text, str):
            if self.found is None:
                lacks = "has no definition" if text is None else f"has a definition that is {show(text)}"
                raise DeclarationError(
                    f"Class `{cls.__name__}` {lacks}.", hint="Set `definition = '''…'''`, a text."
                )
            return
        find = finder(cls, self.name, connection, self.scope, pending, self.siblings)
        self.wanted = pending[self.name] = self._resolve(parse(text, cls.__name__), find)
        self._check(self.wanted)

    def _resolve(self, definition: Definition, find: Callable[[Reference], Target]) -> TableSpec:
        """Return the table that is wanted; at once where all is as when it was last found to be so."""
        known = self.schema.connection.catalog.agreed.get(self.name)
        if known is not None and self.found is not None and known.holds(definition, self.found, find):
            self.is_settled = True
            return known.found
        targets: list[tuple[Reference, Target]] = []

        def noted(reference: Reference) -> Target:
            targets.append((reference, find(reference)))
            return targets[-1][1]

        wanted = resolve(definition, self.name, noted)
        if self.found is not None:
            self.reading = Reading(definition, self.found, tuple(targets))
        return wanted

    def _check(self, spec: TableSpec) -> None:
        """Refuse what a table of this tier must not be."""
        cls, connection, is_new = self.cls, self.schema.connection, self.found is None
        if is_new and connection.in_transaction:
            raise TransactionError(
                f"Cannot declare new tables inside a transaction: `{cls.__name__}`.",
                hint="Decorate classes before the transaction, or outside make().",
            )
        if issubclass(cls, (Computed, Imported)):
            allowed = connection.config.jobs.allow_new_pk_fields_in_computed_tables
            self.notice = check_key_origin(spec, allowed, exists=not is_new)
        if is_new and issubclass(cls, Part):
            _check_part(cls, spec)
        if is_new:
            self._check_namesakes()
            dialect = connection.dialect
            check_names(spec, dialect.max_identifier, dialect.constraint_infix, dialect.max_label)
            completed = self.completed(spec)
            check_size(completed, dialect.max_columns)
            limits.check_index_columns(spec, dialect.max_index_columns)
            if dialect.max_row is not None:
                limits.check_row_size(completed, dialect.fixed_sizes, dialect.max_row)

    def compare(self) -> None:
        """Say when definition and table have drifted apart (DEF-27), and complete what is recorded."""
        if self.found is None or self.wanted is None or self.is_settled:
            return
        connection = self.schema.connection
        _compare(connection, self.cls, self.found, self.wanted)
        missing = _unrecorded(self.found, self.wanted)
        if missing and self.schema.create_tables:
            lineage.complete_lineage(connection, self.found, missing)
        if self.reading is not None and not missing and is_same(self.found, self.wanted):
            connection.catalog.agreed[self.name] = self.reading

    def completed(self, wanted: TableSpec) -> TableSpec:
        """Return the table with its hidden columns, those that settings ask for among them."""
        config = self.schema.connection.config
        provenance, jobs = config.provenance.capture, config.jobs.add_job_metadata
        return with_event(with_metadata(wanted, provenance=bool(provenance), jobs=bool(jobs)))

    def warn(self) -> None:
        """Warn about words of one database and key attributes without a parent."""
        key = self.wanted.primary_key if self.found is None and self.wanted is not None else None
        if key is not None and not any(name[0] != "_" for name in key):
            logging.logger.warning(
                "`%s` has no attribute above the line `---`: it has no key and holds one row at most.",
                self.cls.__name__,
            )
        if self.notice is not None:
            logging.warn(self.notice)
        for note in native_type_notes(self.wanted) if self.wanted else ():
            logging.warn(note)

    def _check_namesakes(self) -> None:
        """Refuse a second table of the same class name, which a changed tier would make."""
        for other in self._namesakes():
            text = (
                f"Another table of class `{self.cls.__name__}` is in the schema, `{other}`, of tier "
                f"{other.tier}; `{self.name}` would be made beside it."
            )
            hint = (
                f"Give the class the tier {other.tier} or another name, or drop `{other}`. To have both, set "
                "declare.same_name = 'warn'."
            )
            if self.schema.connection.config.declare.same_name == "error":
                raise DeclarationError(text, hint=hint)
            logging.warn(text)

    def _namesakes(self) -> list[TableName]:
        """Return the tables of the same class name under other tiers."""
        schema, own = self.name.schema, self.name.name
        known, bare = self.schema.connection.catalog.tables(schema), own.lstrip("#_")
        others = [TableName(schema, prefix + bare) for prefix in PREFIXES.values() if prefix + bare != own]
        return [name for name in others if name in known]


def _check_part(cls: type[Part], spec: TableSpec) -> None:
    if _parts(cls):
        raise DeclarationError(
            f"Part table `{spec.name.class_name}` has a part class of its own, `{_parts(cls)[0].__name__}`.",
            hint=f"Make it a part of the master, with the line `-> {cls.__name__}` in its definition.",
        )
    master = spec.name.master
    family = {key.parent for key in spec.foreign_keys}
    if master not in family and not any(parent.master == master for parent in family):
        raise DeclarationError(
            f"Part table `{spec.name.class_name}` must reference its master.",
            hint="Add the line `-> master` to its definition.",
        )


def _compare(connection: Connection, cls: type[UserTable], found: TableSpec, wanted: TableSpec) -> None:
    changes = diff(found, wanted)
    if not changes:
        return
    _check_cycle(connection, found.name, [c.new.parent for c in changes if c.kind == "foreign_key_added"])
    text = (
        f"The definition of `{cls.__name__}` differs from its table in the database: "
        + "; ".join(change.text for change in changes) + ". The table stays as it is."
    )  # fmt: skip
    hint = _remedy(found, wanted)
    if connection.config.declare.drift == "error":
        raise DeclarationError(text, hint=hint)
    logging.warn(f"{text} {hint}")


def _remedy(found: TableSpec, wanted: TableSpec) -> str:
    """Return what brings a table and its definition together."""
    name = wanted.name.class_name
    try:
        alteration.alteration(found, wanted)
    except DeclarationError as error:
        return f"Correct the definition. {error}"
    return f"Change the table by {name}.alter(), or correct the definition."


def _check_cycle(connection: Connection, name: TableName, parents: list[TableName]) -> None:
    """Refuse references to tables that depend on this one (FK-14)."""
    if not parents:
        return
    dependent = set(connection.catalog.load_family(name.schema).descendants(name)) - {name}
    if closing := next((parent for parent in parents if parent in dependent), None):
        raise DeclarationError(
            f"`{name.class_name}` cannot refer to `{closing.class_name}`, which depends on it: "
            "foreign keys between tables are acyclic.",
            hint="Model the relation by a third table that refers to both.",
        )


def _unrecorded(found: TableSpec, wanted: TableSpec) -> dict[str, str]:
    """Return the lineage that the definition gives and no record tells (LIN-7)."""
    known = {a.name: a.lineage for a in found.columns}
    return {a.name: a.lineage for a in wanted.columns if a.lineage and not known.get(a.name, a.lineage)}
