"""Reuse of earlier results of the same inputs and the same code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.algebra.plans.hidden import named
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.engine.observe import tables_of
from datajoint.errors import DataJointError, LostConnectionError
from datajoint.heading.names import TableName
from datajoint.journal.events.event import Origin
from datajoint.journal.events.origin import fingerprint_of
from datajoint.journal.reads.read import COUNT, EXISTS, Read, reread
from datajoint.journal.reads.recording import BLIND, NOTHING
from datajoint.journal.reads.shapes import Shape, read_shape
from datajoint.provenance.history.versions import versions_source
from datajoint.provenance.staleness.codes import judge
from datajoint.provenance.staleness.finding import Recorded
from datajoint.provenance.staleness.recorded_reads import recorded
from datajoint.provenance.staleness.states import FRESH
from datajoint.query.expression import QueryExpression
from datajoint.query.universal import U
from datajoint.sql.system import ENVIRONMENTS, EVENTS
from datajoint.sql.system_tables.images import EVENT, shadow_name
from datajoint.sql.system_tables.reads import READS, SHAPES
from datajoint.sql.system_tables.reuse import fits
from datajoint.table.table import Table
from datajoint.table.written import written_tables

__all__ = [
    "Candidate", "Earlier", "Written", "candidates", "earlier_results", "have_changed", "kept_shape",
    "reuse_of", "rows_of",
]  # fmt: skip

_MAKES = ("make", "reuse")
_STEPS = {"insert": True, "replace": True, "check": False}
"""Kinds of the steps of a make that leave its results as they are, and whether they write rows."""
_WRITTEN = "dj_written"
_CHUNK = 500
_MOST = 5
"""Earlier results of a key that are looked at."""
_ABOUT = ("event", "parent", "kind", "table_name", "row_count", "details", "code", "environment")
"""What is to be known of events."""

Row = Mapping[str, Any]


class Written(Value):
    """What an earlier make wrote into one table: the events that the rows carry, and their number."""

    table: TableName
    events: tuple[int, ...]
    rows: int


class Candidate(Value):
    """An earlier make of a key of which history has rows: what is on record of it; picklable.

    Attributes
    ----------
    made, steps
        Rows of its event, and of those that were part of it.
    reads
        Rows of what it had read, in order.
    """

    made: Row
    steps: tuple[Row, ...]
    reads: tuple[Row, ...]


class Earlier(Value):
    """An earlier result that would come out the same today.

    Attributes
    ----------
    event
        Of the make that computed it.
    code, environment
        As which and in which it was computed.
    reads
        What it had read, as it is read today.
    written
        Its rows: of the table itself, then of its parts.
    """

    event: int
    code: str
    environment: str
    reads: tuple[Read, ...]
    written: tuple[Written, ...]


def reuse_of(cls: type) -> Any:
    """Return what a class says about reuse, None where that name is one of its methods.

    Examples
    --------
    >>> reuse_of(type("Fit", (), {"reuse": True})), reuse_of(Candidate)
    (True, None)
    """
    own = getattr(cls, "reuse", None)
    return None if callable(own) or hasattr(own, "__get__") else own


def candidates(table: Table, keys: Sequence[Row]) -> dict[tuple[Any, ...], tuple[Candidate, ...]]:
    """Return, for keys of which history has rows, the makes that wrote these, the newest first.

    It takes a fixed number of statements for every few hundred keys.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> candidates(Subject(), [{"subject_id": 1}])
    {}
    """
    connection, schema = table.connection, table.database
    found: dict[tuple[Any, ...], tuple[Candidate, ...]] = {}
    if not keys or connection.catalog.find(shadow_name(table.name)) is None:
        return found
    if connection.catalog.look(TableName(schema, READS)) is None:  # other processes may have made it
        return found
    for start in range(0, len(keys), _CHUNK):
        events = _events_of(table, keys[start : start + _CHUNK])
        wanted = sorted({event for some in events.values() for event in some})
        known = _recorded_makes(connection, schema, wanted)
        for key, some in events.items():
            made = tuple(known[event] for event in some if event in known)
            if made:
                found[key] = made
    return found


def _events_of(table: Table, keys: Sequence[Row]) -> dict[tuple[Any, ...], list[int]]:
    """Return the events that wrote the rows which history has of some keys, the newest few."""
    connection, found = table.connection, dict[tuple[Any, ...], list[int]]()
    kept = versions_source(connection, table.name)
    if kept is None:
        return found
    origins = {EVENT: f"{table.database}.{EVENTS}.event"}
    versions = QueryExpression._of(named(Query(kept), {_WRITTEN: EVENT}, origins), connection)
    names = tuple(keys[0])
    some = U(*names, _WRITTEN) & (versions & [dict(key) for key in keys])
    for row in (some & f"{_WRITTEN} IS NOT NULL").to_dicts():
        found.setdefault(tuple(row[name] for name in names), []).append(row[_WRITTEN])
    return {key: sorted(events, reverse=True)[:_MOST] for key, events in found.items()}


def _recorded_makes(connection: Connection, schema: str, events: Sequence[int]) -> dict[int, Candidate]:
    """Return what is on record of some events, of those that are makes which depend on nothing beside."""
    made = [
        row
        for row in rows_of(connection, schema, EVENTS, "event", events, _ABOUT)
        if row["kind"] in _MAKES and "beside" not in (row["details"] or ())
    ]
    events = [row["event"] for row in made]
    steps, reads = dict[int, list[Row]](), dict[int, list[Row]]()
    for row in rows_of(connection, schema, EVENTS, "parent", events, _ABOUT):
        steps.setdefault(row["parent"], []).append(row)
    for row in rows_of(connection, schema, READS, "event", events):
        reads.setdefault(row["event"], []).append(row)
    return {
        event: Candidate(
            row, tuple(steps.get(event, ())), tuple(sorted(reads.get(event, ()), key=lambda read: read["n"]))
        )
        for row in made
        for event in [row["event"]]
    }


def rows_of(
    connection: Connection, schema: str, name: str, by: str, values: Sequence[int],
    columns: Sequence[str] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """Return rows of a table of ours, by some values of one attribute."""
    if not values:
        return []
    some = _system(connection, schema, name) & [{by: value} for value in values]
    return (some.proj(*columns) if columns else some).to_dicts()


def earlier_results(table: Table, key: Row, makes: Sequence[Candidate], origin: Origin) -> Iterator[Earlier]:
    """Yield the earlier results of a key that would come out the same today, the newest first.

    They would where the code is the same, Python and the installed packages are, and all that their makes had
    read says today what it said then. What cannot be told counts as different.

    Parameters
    ----------
    makes
        As `candidates` tells.
    origin
        What its make would run as.
    """
    connection = table.connection
    own = [table.name, *connection.graph.parts(table.name), *written_tables(table)]
    for candidate in makes:
        made = candidate.made
        if not _is_repeatable(table, made, origin):
            continue
        written = _written(connection, own, made, candidate.steps)
        reads = _reads_today(connection, own, key, candidate.reads) if written else None
        if written and reads is not None:
            yield Earlier(made["event"], made["code"], made["environment"], reads, written)


def _system(connection: Connection, schema: str, name: str) -> QueryExpression:
    return QueryExpression._of(Query(connection.catalog.source(TableName(schema, name))), connection)


# ------------------------------------------------------------------------------------------- the make


def _is_repeatable(table: Table, made: Row, origin: Origin) -> bool:
    """Whether a make ran the code of today where Python and packages were those of today."""
    connection, schema, cls = table.connection, table.database, type(table)
    if made["code"] is None:
        return False
    today = fingerprint_of(connection, table.name, cls)
    code = judge(connection, schema, made["code"], today, cls.__module__)
    is_same = code.state == FRESH or (code.is_same and bool(reuse_of(cls)))
    return is_same and _same_environment(connection, schema, made["environment"], origin.environment)


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
    connection: Connection, own: Sequence[TableName], key: Row, rows: Sequence[Row]
) -> tuple[Read, ...] | None:
    """Return what a make had read as it is read today, None unless it is what it was."""
    if not rows or any(row["shape"] in BLIND for row in rows):
        return None
    reads: list[Read] = []
    for row in rows:
        if row["shape"] == NOTHING:
            continue
        shape = kept_shape(connection, own[0].schema, row["shape"])
        if shape is None or not tables_of(shape.plan).isdisjoint(own):
            return None
        now = _same_answer(recorded(row, key, shape), connection)
        if now is None:
            return None
        reads.append(now)
    return tuple(reads)


def have_changed(connection: Connection, schema: str, key: Row, event: int) -> bool:
    """Whether some of the reads recorded under an event would give something else now, as far as is known.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> have_changed(schema.connection, "lab", {}, 1)
    False
    """
    if connection.catalog.look(TableName(schema, READS)) is None:
        return False
    for row in rows_of(connection, schema, READS, "event", [event]):
        if row["shape"] in BLIND or row["shape"] == NOTHING:
            continue
        shape = kept_shape(connection, schema, row["shape"])
        if shape is not None and _same_answer(recorded(row, key, shape), connection) is None:
            return True
    return False


def kept_shape(connection: Connection, schema: str, digest: str) -> Shape | None:
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
