"""Results that were computed before from the same inputs by the same code (provenance §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.algebra.hidden import named
from datajoint.algebra.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.engine.observe import tables_of
from datajoint.errors import DataJointError, LostConnectionError
from datajoint.heading.names import TableName
from datajoint.journal.event import Origin
from datajoint.journal.read import COUNT, EXISTS, Read, reread
from datajoint.journal.reads import BLIND, NOTHING
from datajoint.journal.shapes import Shape, read_shape
from datajoint.provenance.finding import Recorded
from datajoint.provenance.past import versions_source
from datajoint.provenance.recorded import recorded
from datajoint.query.expression import QueryExpression
from datajoint.query.universal import U
from datajoint.sql.images import EVENT, shadow_name
from datajoint.sql.reads import READS, SHAPES
from datajoint.sql.reuse import fits
from datajoint.sql.system import ENVIRONMENTS, EVENTS
from datajoint.table.table import Table

__all__ = ["Earlier", "Written", "earlier_events", "earlier_result"]

_MAKES = ("make", "reuse")
_STEPS = {"insert": True, "replace": True, "check": False}
"""Kinds of the steps of a make that leave its results as they are, and whether they write rows."""
_WRITTEN = "dj_written"
_CHUNK = 500
_MOST = 5
"""Earlier results of a key that are looked at."""

Row = Mapping[str, Any]


class Written(Value):
    """What an earlier make wrote into one table: the events that the rows carry, and their number."""

    table: TableName
    events: tuple[int, ...]
    rows: int


class Earlier(Value):
    """An earlier result that would come out the same today.

    Attributes
    ----------
    event
        Of the make that computed it.
    environment
        In which it was computed.
    reads
        What it had read, as it is read today.
    written
        Its rows: of the table itself, then of its parts.
    """

    event: int
    environment: str
    reads: tuple[Read, ...]
    written: tuple[Written, ...]


def earlier_events(table: Table, keys: Sequence[Row]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """Return, for keys of which history has rows, the events that wrote these, the newest first.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> earlier_events(Subject(), [{"subject_id": 1}])
    {}
    """
    connection, found = table.connection, dict[tuple[Any, ...], list[int]]()
    if not keys or connection.catalog.find(shadow_name(table.name)) is None:
        return {}
    kept = versions_source(connection, table.name)
    if kept is None:
        return {}
    origins = {EVENT: f"{table.database}.{EVENTS}.event"}
    versions = QueryExpression._of(named(Query(kept), {_WRITTEN: EVENT}, origins), connection)
    names = tuple(keys[0])
    for start in range(0, len(keys), _CHUNK):
        some = U(*names, _WRITTEN) & (versions & [dict(key) for key in keys[start : start + _CHUNK]])
        for row in (some & f"{_WRITTEN} IS NOT NULL").to_dicts():
            found.setdefault(tuple(row[name] for name in names), []).append(row[_WRITTEN])
    return {key: tuple(sorted(events, reverse=True)[:_MOST]) for key, events in found.items()}


def earlier_result(table: Table, key: Row, events: Sequence[int], origin: Origin) -> Earlier | None:
    """Return the newest of some earlier results of a key that would come out the same today, if there is one.

    It would where the code is the same, Python and the installed packages are, and all that its make had read
    says today what it said then. What cannot be told counts as different.

    Parameters
    ----------
    events
        Those that wrote rows of the key, as `earlier_events` tells.
    origin
        What its make would run as.
    """
    connection, schema = table.connection, table.database
    if connection.catalog.find(TableName(schema, READS)) is None:
        return None
    told = [{"event": event} for event in events] + [{"parent": event} for event in events]
    rows = (_system(connection, schema, EVENTS) & told).to_dicts()
    own = [table.name, *connection.dependencies.parts(table.name)]
    for event in events:
        made = next((row for row in rows if row["event"] == event), None)
        if made is None or not _is_repeatable(connection, schema, made, origin):
            continue
        written = _written(connection, own, made, [row for row in rows if row["parent"] == event])
        reads = _reads_today(connection, own, key, event) if written else None
        if written and reads is not None:
            return Earlier(event, made["environment"], reads, written)
    return None


def _system(connection: Connection, schema: str, name: str) -> QueryExpression:
    return QueryExpression._of(Query(connection.catalog.source(TableName(schema, name))), connection)


# ------------------------------------------------------------------------------------------- the make


def _is_repeatable(connection: Connection, schema: str, made: Row, origin: Origin) -> bool:
    """Whether an event is of a make that depends on nothing but its reads and its code, which is today's."""
    return (
        made["kind"] in _MAKES
        and made["code"] == origin.code
        and "beside" not in (made["details"] or ())
        and _same_environment(connection, schema, made["environment"], origin.environment)
    )


def _same_environment(connection: Connection, schema: str, one: str, other: str) -> bool:
    """Whether Python and packages are the same; not the repository, of which the code says what matters."""
    if one == other:
        return True
    source = connection.catalog.source(TableName(schema, ENVIRONMENTS))
    known: bool | None = source.child((one, other))
    if known is None:
        both = _system(connection, schema, ENVIRONMENTS) & [{"environment": one}, {"environment": other}]
        found = both.proj("python", "packages").to_dicts()
        same = len(found) == 2 and all(found[0][n] == found[1][n] for n in ("python", "packages"))
        known = source.keep((one, other), same)
    return bool(known)


def _written(
    connection: Connection, own: Sequence[TableName], made: Row, steps: Sequence[Row]
) -> tuple[Written, ...] | None:
    """Return what a make wrote into the table and its parts, None where that cannot be told."""
    known = {name.name[:64]: name for name in own}
    events: dict[TableName, list[Row]] = {own[0]: [made]}
    for step in steps:
        if step["kind"] not in _STEPS or step["table_name"] not in known:
            return None
        if _STEPS[step["kind"]]:
            events.setdefault(known[step["table_name"]], []).append(step)
    if not all(step["row_count"] for some in events.values() for step in some):
        return None
    if not all(_is_kept(connection, name) for name in events):
        return None
    order = [own[0]] if len(events) == 1 else connection.catalog.graph.sorted(events)
    return tuple(
        Written(name, tuple(row["event"] for row in events[name]), sum(r["row_count"] for r in events[name]))
        for name in order
    )


def _is_kept(connection: Connection, name: TableName) -> bool:
    """Whether the old versions of a table have its columns."""
    kept = connection.catalog.find(shadow_name(name))
    if kept is None:
        return False
    source = connection.catalog.source(kept.name)
    known: bool | None = source.child(("fits", connection.catalog.version))
    if known is None:
        known = source.keep(("fits", connection.catalog.version), fits(connection.catalog.spec(name), kept))
    return bool(known)


# ------------------------------------------------------------------------------------------- the reads


def _reads_today(
    connection: Connection, own: Sequence[TableName], key: Row, event: int
) -> tuple[Read, ...] | None:
    """Return what a make had read as it is read today, None unless it is what it was."""
    schema = own[0].schema
    told = (_system(connection, schema, READS) & {"event": event}).to_dicts(order_by="n")
    if not told or any(row["shape"] in BLIND for row in told):
        return None
    reads: list[Read] = []
    for row in told:
        if row["shape"] == NOTHING:
            continue
        shape = _shape(connection, schema, row["shape"])
        if shape is None or not tables_of(shape.plan).isdisjoint(own):
            return None
        now = _same_answer(recorded(row, key, shape), connection)
        if now is None:
            return None
        reads.append(now)
    return tuple(reads)


def _shape(connection: Connection, schema: str, digest: str) -> Shape | None:
    """Return a recorded shape, None where it cannot be read any more."""
    source = connection.catalog.source(TableName(schema, SHAPES))
    mark = ("shape", digest, connection.catalog.version)
    kept: Shape | None = source.child(mark)
    if kept is not None:
        return kept
    for row in (_system(connection, schema, SHAPES) & {"shape": digest}).to_dicts():
        try:
            shape = read_shape(connection, row["version"], row["plan"])
        except DataJointError:
            return None
        return source.keep(mark, shape)
    return None


def _same_answer(read: Recorded, connection: Connection) -> Read | None:
    """Ask again; return the answer if its values are what they were: by digest, or else by versions."""
    try:
        now = reread(Read(read.query, read.kind, read.names, (), 0), connection)
    except LostConnectionError:
        raise
    except DataJointError:  # what it asks for is gone
        return None
    if read.kind == COUNT:
        return now if now.count == read.count else None
    if read.kind == EXISTS:
        return now if bool(now.count) == bool(read.count) else None
    if read.digest is not None:
        return now if now.digest == read.digest else None
    known = not now.is_unknown and not any(one.unknown for one in read.signatures)
    return now if known and now.signatures == read.signatures else None
