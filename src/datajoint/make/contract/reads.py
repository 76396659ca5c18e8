"""The contract of a make: it reads what its key derives from, and writes its own rows (POP-25)."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.observe import tables_of, unobserved
from datajoint.errors import ContractError, DataJointError
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.make.contract import runtime_audit as auditing
from datajoint.make.task import Notice
from datajoint.make.upstream import Upstream
from datajoint.query import fetch
from datajoint.query.expression import QueryExpression
from datajoint.query.restriction import Not
from datajoint.table.declared import reads_of, writes_of
from datajoint.table.rows.write_set import WriteSet
from datajoint.table.table import Table

if TYPE_CHECKING:
    from datajoint.make.contract.runtime_audit import Audit

__all__ = ["CONTRACTS", "check_contract", "contract_of", "strange_reads", "watching"]

CONTRACTS = ("off", "warn", "error")


def contract_of(table: Table) -> str:
    """Return how strictly the contract of a table is kept: ``contract`` of its class, else the setting.

    Raises
    ------
    DataJointError
        When it is none of ``off``, ``warn``, ``error``.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> contract_of(Subject())
    'warn'
    """
    own = getattr(type(table), "contract", None)
    chosen = table.connection.config.provenance.contract if own is None else own
    if chosen not in CONTRACTS:
        raise DataJointError(
            f"contract of `{table.class_name}` is {chosen!r}.", hint=f"It is one of {', '.join(CONTRACTS)}."
        )
    return str(chosen)


@contextmanager
def watching(table: Table) -> Generator[Audit | None]:
    """Watch what a make does outside the database, where that is asked for; None where it is not.

    Raises
    ------
    DataJointError
        When the contract is none of ``off``, ``warn``, ``error``.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> with watching(Subject()) as audit:
    ...     audit is None
    True
    """
    own: Any = getattr(type(table), "audit", None)
    wanted = own if isinstance(own, bool) else bool(table.connection.config.provenance.audit)
    if not wanted or contract_of(table) == "off":
        yield None
        return
    with auditing.audited(table) as audit:
        yield audit


def check_contract(
    table: Table, key: Mapping[str, Any], writes: WriteSet, audit: Audit | None = None,
    strange: Mapping[TableName, tuple[str, int]] | None = None,
) -> list[Notice]:  # fmt: skip
    """Look at what a make has read and written; return advice or refuse, before anything is stored.

    Where neither the class nor a setting chose how strict the contract is, only tables are compared, which
    costs no query.

    Parameters
    ----------
    audit
        What it was seen to do outside the database.
    strange
        Tables that it read and that the definition neither refers to nor declares, with file and line.

    Raises
    ------
    ContractError
        Naming each table that it should not have read or written.
    """
    mode, places = contract_of(table), dict(strange or {})
    if mode == "off":
        return []
    if not _is_chosen(table):
        return [_advice(table, name, place) for name, place in places.items()]
    with unobserved():
        found = [*dict.fromkeys(_violations(table, key, writes)), *(audit.found if audit else ())]
    if not found:
        return []
    message = f"make of `{table.class_name}` for the key {dict(key)} breaks its contract: {'; '.join(found)}."
    if mode == "error":
        raise ContractError(
            message,
            hint="Let it read what its key derives from (self.upstream), and write to its own table and "
            "parts; reference the table in the definition, declare it (reads = [...], writes = [...]), or "
            "set provenance.contract to 'warn'.",
        )
    text = f"make of `{table.class_name}` breaks its contract: {'; '.join(found)}. {_ADVICE}"
    filename, line = next(iter(places.values()), _start_of(table))
    return [Notice(text, filename, line, is_warning=True)]


_ADVICE = (
    "Reference the table in the definition, or declare it in the class: reads = [...] for tables that are "
    "read, writes = [...] for tables that are written."
)


def _is_chosen(table: Table) -> bool:
    """Whether the class or a setting chose how strict the contract is."""
    own = getattr(type(table), "contract", None)
    return own is not None or table.connection.config.origin("provenance.contract") != "default"


def _advice(table: Table, name: TableName, place: tuple[str, int]) -> Notice:
    made = (name.master or name).tier in (COMPUTED, IMPORTED)
    early = ": it may be computed too early" if made else ""
    filename, line = place
    text = (
        f"make of `{table.class_name}` reads `{name.class_name}`, which its definition does not refer to"
        f"{early} ({os.path.relpath(filename) if os.path.isabs(filename) else filename}:{line}). Add "
        f"`-> {name.class_name}` to the definition, or declare `reads = [{name.class_name}]` in the class."
    )
    return Notice(text, filename, line)


def _start_of(table: Table) -> tuple[str, int]:
    """Return file and line of the make of a table."""
    for name in ("make", "make_fetch", "_make_tuples"):
        code = getattr(getattr(type(table), name, None), "__code__", None)
        if code is not None:
            return code.co_filename, code.co_firstlineno
    return type(table).__module__, 1


def strange_reads(table: Table, names: Iterable[TableName]) -> dict[TableName, tuple[str, int]]:
    """Return the tables among some that a definition neither refers to nor declares, with file and line.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> strange_reads(Subject(), [Subject().name])
    {}
    """
    catalog = table.connection.catalog
    found = [name for name in names if not _is_known(table, name, catalog.graph)]
    if found:  # parents in other schemas may not have been loaded
        with unobserved():
            graph = catalog.load_family(table.database)
        declared = reads_of(table) | writes_of(table)
        found = [
            name
            for name in found
            if not _is_known(table, name, graph) and declared.isdisjoint({name, name.master or name})
        ]
    return dict.fromkeys(found, _place()) if found else {}


def _is_known(table: Table, name: TableName, graph: Any) -> bool:
    own = name.master or name
    above = graph.above(table.name)
    return own == table.name or name in above or own in above


def _place() -> tuple[str, int]:
    """Return file and line of the code of the user that runs now."""
    frame: Any = sys._getframe(1)
    while frame.f_back and str(frame.f_globals.get("__name__", "")).startswith("datajoint."):
        frame = frame.f_back
    return str(frame.f_code.co_filename), int(frame.f_lineno)


def _violations(table: Table, key: Mapping[str, Any], writes: WriteSet) -> Iterator[str]:
    if writes.ran_sql:
        yield "it runs SQL of its own, whose reads and writes are not known"
    if writes.went_elsewhere:
        yield "it uses another connection, whose reads and writes are not known"
    may_write = writes_of(table)
    for name in writes.written:
        if table.name not in (name, name.master) and may_write.isdisjoint({name, name.master or name}):
            yield f"it writes to `{name.class_name}`"
    if writes.reads is None:
        yield "its reads are not known, as provenance.events is off or its tables could not be made"
        return
    upstream = Upstream(table, dict(key))
    for read in writes.reads.reads:
        for name in sorted(tables_of(read.query.plan), key=str):
            yield from _read(table, upstream, read.query, name)


def _read(table: Table, upstream: Upstream, query: Query, name: TableName) -> Iterator[str]:
    if table.name in (name, name.master) or not (reads_of(table) | writes_of(table)).isdisjoint(
        {name, name.master or name}
    ):
        return
    known = upstream.rows.get(name) or upstream.rows.get(name.master or name)
    if known is None:
        yield f"it reads `{name.class_name}`, which it does not derive from"
    elif _reaches_beyond(table, query, name, known):
        yield f"it reads rows of `{name.class_name}` that its key does not derive from"


def _reaches_beyond(table: Table, query: Query, name: TableName, known: Query) -> bool:
    """Whether some rows of a table that a read shows are not among those that the key derives from.

    Where the read does not show which rows it met, as a sum over them, it is not asked.
    """
    connection, heading = table.connection, query.heading
    own = known.heading.key
    shown = connection.catalog.source(name).heading.key
    if (
        not own
        or any(n not in heading or heading[n].lineage != known.heading[n].lineage for n in own)
        or not set(own) <= set(shown)
    ):
        return False
    rows = QueryExpression._of(build.distinct(query, tuple(own)), connection)
    among = QueryExpression._of(build.project(known, (), {}), connection)
    return fetch.exists(rows.restrict(Not(among), semantic_check=False).query, connection)
