"""The plan of a change: what differs between the code of a pipeline and its database, table by table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.declare.alteration import Alteration, alteration
from datajoint.declare.describe import describe
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.evolve.wanted import Wanted
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.provenance.read_tables import recorded_tables
from datajoint.sql.alter.cost import copies_rows, lock_text, table_size
from datajoint.table.alter.check_rows import refuse_loss
from datajoint.table.alter.whole import all_rows
from datajoint.table.table import Table

__all__ = ["Plan", "Step", "plan", "text_of"]


class Step(Value):
    """The change of one table.

    Attributes
    ----------
    table
        Table that is changed.
    kind
        ``create`` or ``alter``.
    changes
        Differences in words.
    found, wanted
        Definitions before and after; `found` is empty for a new table.
    rows, size
        Rows of the table, and their bytes where the database knows them.
    copies
        Whether the database writes all rows again.
    lock
        Who has to wait meanwhile.
    readers
        Computed tables whose latest rows were computed from the table.
    loses
        Attributes that are dropped; their values stay in history, where it is kept.
    problem, hint
        Why it cannot be carried out, and what to do; empty if it can.
    """

    table: TableName
    kind: str
    changes: tuple[str, ...]
    found: str
    wanted: str
    rows: int = 0
    size: int | None = None
    copies: bool = False
    lock: str = ""
    readers: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""


class Plan(Value):
    """Steps in the order in which they are carried out: tables that exist, then new ones, parents first.

    Attributes
    ----------
    steps
        One for each table that differs from its class.
    """

    steps: tuple[Step, ...]

    @property
    def refused(self) -> tuple[Step, ...]:
        """Steps that cannot be carried out."""
        return tuple(step for step in self.steps if step.problem)


def plan(tables: Sequence[Table]) -> Plan:
    r"""Compare tables with their classes; nothing is changed.

    Parameters
    ----------
    tables
        Tables of one connection whose classes have definitions, parents first, with their parts.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> Subject.definition += "\n---\nnote=null : varchar(20)"
    >>> [(str(step.table), step.changes) for step in plan([Subject()]).steps]
    [('lab.subject', ('`note` is not in the table',))]
    """
    for connection, schema in dict.fromkeys((table.connection, table.name.schema) for table in tables):
        connection.catalog.forget(schema)  # other processes may have altered its tables
    wanted = Wanted(tables)
    steps = [step for table in tables if (step := _step(table, wanted, tables)) is not None]
    new = {step.table: step for step in steps if step.kind == "create"}
    altered = [step for step in steps if step.kind != "create"]
    return Plan((*altered, *(new[name] for name in _parents_first(new, wanted))))


def _parents_first(names: Collection[TableName], wanted: Wanted) -> list[TableName]:
    """Return new tables in an order in which they can be declared."""
    found: dict[TableName, None] = {}

    def add(name: TableName) -> None:
        for parent in wanted.parents(name):
            if parent in names and parent != name and parent not in found:
                add(parent)
        found[name] = None

    for name in names:
        add(name)
    return list(found)


def _step(table: Table, wanted: Wanted, tables: Sequence[Table]) -> Step | None:
    if table.name not in wanted:
        return None
    found = table.connection.catalog.find(table.name)
    try:
        defined = wanted[table.name]
        change = alteration(found, defined) if found is not None else None
    except DataJointError as error:
        return _refused(table, found, error)
    if found is None:
        return Step(table.name, "create", ("new table",), "", text_of(defined))
    return None if change is None else _altered(table, change, tables)


def text_of(spec: TableSpec) -> str:
    """Return the definition of a table as a plan keeps it."""
    return describe(spec, str)


def _refused(table: Table, found: TableSpec | None, error: DataJointError) -> Step:
    return Step(
        table.name, "create" if found is None else "alter", (), text_of(found) if found else "",
        str(table.definition), problem=error.message, hint=" ".join(error.hints),
    )  # fmt: skip


def _altered(table: Table, change: Alteration, tables: Sequence[Table]) -> Step:
    connection, name = table.connection, table.name
    problem, hint = _loss(connection, change)
    copies = copies_rows(change, connection.dialect)
    size = table_size(name, connection.dialect)
    return Step(
        name, "alter", tuple(each.text for each in change.changes), text_of(change.found),
        text_of(change.wanted), len(all_rows(connection, name)),
        _number(connection, size), copies, lock_text(connection.dialect, copies),
        tuple(_readers(connection, name, tables)), tuple(change.dropped), problem, hint,
    )  # fmt: skip


def _loss(connection: Connection, change: Alteration) -> tuple[str, str]:
    """Return why rows would not survive a change, and what to do."""
    try:
        refuse_loss(connection, change)
    except DataJointError as error:
        return error.message, " ".join(error.hints)
    return "", ""


def _number(connection: Connection, statement: tuple[str, Sequence[Any]]) -> int | None:
    try:
        value = connection.fetch_all(*statement)[0][0]
    except DataJointError:  # a build of SQLite without dbstat
        return None
    return None if value is None else int(value)


def _readers(connection: Connection, name: TableName, tables: Sequence[Table]) -> Iterator[str]:
    for table in tables:
        computed = table.name.tier in (COMPUTED, IMPORTED) and table.is_declared
        if computed and name in recorded_tables(connection, table.name):
            yield table.class_name
