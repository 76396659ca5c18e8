"""Search for stale rows: rows whose inputs or code have changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from datajoint.algebra.analysis.watch import watch
from datajoint.algebra.plans import build
from datajoint.algebra.plans.hidden import WRITTEN
from datajoint.algebra.plans.nodes import Condition, Query
from datajoint.engine.connection import Connection
from datajoint.engine.observe import tables_of
from datajoint.errors import DataJointError, QueryError
from datajoint.graph.restrict import down
from datajoint.heading.names import COMPUTED, IMPORTED, TableName
from datajoint.journal.code import Fingerprint, fingerprint
from datajoint.journal.events.event import enabled
from datajoint.journal.reads.read import lacking
from datajoint.journal.reads.recording import BLIND
from datajoint.journal.reads.shapes import Shape, read_shape
from datajoint.journal.reads.signature import Signature
from datajoint.provenance.history.restore_makes import MADE
from datajoint.provenance.staleness.classes import has_code, table_of
from datajoint.provenance.staleness.codes import Verdict, judge
from datajoint.provenance.staleness.compare import compare, compare_only
from datajoint.provenance.staleness.finding import Finding
from datajoint.provenance.staleness.report import StaleReport, keep_count
from datajoint.provenance.staleness.states import (
    FRESH,
    PARTLY,
    POSSIBLY,
    STALE,
    UNKNOWN,
    StaleReason,
    StaleRow,
    worst,
)
from datajoint.query import fetch
from datajoint.query.expression import QueryExpression
from datajoint.query.restriction import Not
from datajoint.query.universal import U
from datajoint.sql.system import EVENTS
from datajoint.sql.system_tables.reads import READS, SHAPES
from datajoint.table.table import Table
from datajoint.table.written import makers_of, written_tables, written_with

__all__ = ["Affected", "Shared", "stale", "stale_here", "versions"]

_CODED = (*MADE, "confirm")
_BLIND_NOTE = "its make read by SQL of its own, on another connection, or in a thread beside other makes"
_BUDGET = 10_000

Reasons = dict[tuple[Any, ...], list[StaleReason]]
Shared = dict[TableName, "list[Affected]"]


def stale(
    table: Table, exact: bool = False, budget: int = _BUDGET, shared: Shared | None = None
) -> StaleReport:
    """Return which rows of a computed table are not fresh; see `AutoPopulate.stale`.

    Parameters
    ----------
    shared
        What searches for other tables have found already, where several follow each other.
    """
    report = StaleReport(table, _Search(table, exact, budget, shared).found_rows())
    if not table.is_restricted and not exact:
        keep_count(table, len(report.outdated))
    return report


def stale_here(table: Table, exact: bool = False) -> list[StaleRow]:
    """Return which rows of a computed table are not fresh for reasons of their own, in key order.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> stale_here(Subject())
    []
    """
    search = _Search(table, exact, _BUDGET)
    search._look()
    return search._told()


def versions(table: Table, keys: Sequence[Mapping[str, Any]]) -> dict[tuple[Any, ...], frozenset[Any]]:
    """Return, for each key, the events that made its rows, or confirmed them last.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> Subject.insert1({"subject_id": 1})
    >>> [place for place in versions(Subject(), [{"subject_id": 1}])]
    [(1,)]
    """
    if not keys:
        return {}
    names = list(keys[0])
    told = _Search(table & [dict(key) for key in keys], False, 0)._rows
    events = {tuple(row[n] for n in table.primary_key): row[WRITTEN] for row in told.to_dicts()}
    found: dict[tuple[Any, ...], frozenset[Any]] = {}
    for row in (table & [dict(key) for key in keys]).proj(*names).to_dicts():
        place = tuple(row[name] for name in names)
        event = events.get(tuple(row[n] for n in table.primary_key))
        found[place] = found.get(place, frozenset()) | {event}
    return found


class Affected:
    """Rows that depend on rows of another table that are not fresh: as a query, or as a condition."""

    __slots__ = ("origin", "query", "state", "term")

    def __init__(self, origin: TableName, state: str, what: Any) -> None:
        self.origin = origin
        self.state = state
        self.query: Query = what
        self.term: tuple[Condition, tuple[Any, ...]] = what


class _Search:
    """Gathers the reasons, one question after the other."""

    def __init__(self, table: Table, exact: bool, budget: int, shared: Shared | None = None) -> None:
        self.table = table
        self.shared: Shared = {} if shared is None else shared
        self.connection = table.connection
        self.exact = exact
        self.budget = [budget]
        self.reasons: Reasons = {}
        self.own = {table.name, *table.connection.graph.parts(table.name), *written_tables(table)}

    def found_rows(self) -> list[StaleRow]:
        """Return the rows that are not fresh, in key order."""
        self._look()
        if not self.table.is_restricted:
            self.shared[self.table.name] = self._affected()
        self._upstream()
        return self._told()

    def _told(self) -> list[StaleRow]:
        key = self.table.heading.key
        rows = [
            StaleRow(dict(zip(key, values, strict=True)), worst(tuple(reasons)), _told(reasons))
            for values, reasons in self.reasons.items()
        ]
        return sorted(rows, key=lambda row: [_sortable(value) for value in row.key.values()])

    def _look(self) -> None:
        schema = self.table.database
        plan = self.table.query.plan
        if plan.heading.key != self.connection.catalog.source(self.table.name).heading.key:
            raise QueryError("Rows of a table may be stale, not those of a projection or join.")
        if not enabled(self.connection, schema):
            self._all_unknown("events are not recorded")
            return
        if not self._has(READS):
            self._all_unknown("no make of this schema has recorded its reads")
        else:
            self._inputs()
        self._code()

    # ----------------------------------------------------------------------------------------- parts

    def _has(self, name: str) -> bool:
        return self.connection.catalog.look(TableName(self.table.database, name)) is not None

    def _system(self, name: str) -> QueryExpression:
        source = self.connection.catalog.source(TableName(self.table.database, name))
        return QueryExpression._of(Query(source), self.connection)

    def _note(self, key: Mapping[str, Any], reason: StaleReason) -> None:
        place = tuple(key[name] for name in self.table.heading.key)
        self.reasons.setdefault(place, []).append(reason)

    def _all_unknown(self, note: str) -> None:
        for key in self.table.proj().to_dicts():
            self._note(key, StaleReason(UNKNOWN, "origin", note=note))

    @cached_property
    def _reads(self) -> QueryExpression:
        """The reads of the schema, named so that no attribute of a key is taken for one of theirs."""
        return self._system(READS).proj(**{WRITTEN: "event", "dj_n": "n", "dj_shape": "shape"})

    @cached_property
    def _rows(self) -> QueryExpression:
        """The rows with the event under which their reads are recorded: the newest that confirms them."""
        rows = self.table._dated()
        confirms = self._system(EVENTS) & "confirms IS NOT NULL"  # an index leads to these
        if not confirms:
            return rows
        confirms &= {"kind": "confirm", "table_name": self.table.table_name[:64]}
        newest = U("confirms").aggr(confirms, dj_newest="max(event)").proj("dj_newest", dj_written="confirms")
        joined = rows.proj(dj_written=WRITTEN).join(
            newest, left=True, semantic_check=False, allow_nullable_pk=True
        )
        return joined.proj(**{WRITTEN: "coalesce(dj_newest, dj_written)"})

    def _origins(self) -> None:
        """Rows that no make wrote as they are, and those whose reads are not recorded."""
        kinds: dict[Any, str] = {}
        lacking = self._rows.restrict(Not(U(WRITTEN) & self._reads), semantic_check=False)
        for row in lacking.to_dicts():
            event = row[WRITTEN]
            if event is not None and event not in kinds:
                found = (self._system(EVENTS) & {"event": event}).to_arrays("kind")
                kinds[event] = found[0] if len(found) else ""
            self._note(row, StaleReason(UNKNOWN, "origin", note=_origin_note(event, kinds.get(event, ""))))

    def _blind(self, shapes: Sequence[str]) -> None:
        """Rows whose makes have read what is not taken down."""
        blind = U(WRITTEN) & (self._reads & [{"dj_shape": shape} for shape in shapes])
        for row in self._rows.restrict(blind, semantic_check=False).to_dicts():
            self._note(row, StaleReason(UNKNOWN, "origin", note=_BLIND_NOTE))

    # ---------------------------------------------------------------------------------------- inputs

    def _inputs(self) -> None:
        if self._only_one_shape():
            return
        joined = self._rows.join(self._reads, left=True, semantic_check=False, allow_nullable_pk=True)
        shapes = set((U("dj_shape") & joined).to_arrays("dj_shape").tolist())
        if None in shapes:
            shapes.remove(None)
            self._origins()
        if blind := sorted(shapes & BLIND.keys()):
            self._blind(blind)
        for row in (self._system(SHAPES) & [{"shape": shape} for shape in sorted(shapes)]).to_dicts():
            self._shape(self._rows, row)

    def _only_one_shape(self) -> bool:
        """Whether each make has read one row and nothing else: then one question tells all."""
        first = self._rows.to_arrays(WRITTEN, limit=1).tolist()
        found: Sequence[str] = ()
        if first and first[0] is not None:
            found = (self._reads & {WRITTEN: first[0]}).to_arrays("dj_shape").tolist()
        known = (self._system(SHAPES) & {"shape": found[0]}).to_dicts() if len(found) == 1 else ()
        if self.exact or not known:
            return False
        shape = _readable(self.connection, known[0])
        if not isinstance(shape, Shape) or self.own & tables_of(shape.plan):
            return False
        schema, rows = self.table.database, self._rows.query
        findings = compare_only(self.connection, schema, rows, shape, first[0], self.budget)
        for finding in findings or ():
            self._finding(finding)
        return findings is not None

    def _shape(self, rows: QueryExpression, recorded: Mapping[str, Any]) -> None:
        shape = _readable(self.connection, recorded)
        if not isinstance(shape, Shape):
            readers = U(WRITTEN) & (self._reads & {"dj_shape": recorded["shape"]})
            for key in rows.restrict(readers, semantic_check=False).proj().to_dicts():
                self._note(key, StaleReason(UNKNOWN, "unreadable", note=shape))
            return
        schema = self.table.database
        others = not self.own & tables_of(shape.plan)  # what a make sees of its own table comes bit by bit
        for finding in compare(
            self.connection, schema, rows.query, shape, self.budget, self.exact, refined=others
        ):
            self._finding(finding)

    def _finding(self, finding: Finding) -> None:
        read = finding.read
        if finding.same and not self.exact:
            return
        tables = [name.class_name for name in _marked(read.shape)]
        if finding.now is None:
            reason = StaleReason(UNKNOWN, "unchecked", tables[0], note="not checked: too many queries")
        elif self.own & tables_of(read.shape.plan):
            reason = StaleReason(UNKNOWN, "input", tables[0], note="its make reads its own table")
        elif finding.same:
            return
        else:
            reason = _input_reason(finding, tables)
        self._note(read.key, reason)

    # ------------------------------------------------------------------------------ code and upstream

    def _code(self) -> None:
        """Rows made by other code than today's."""
        cls = type(self.table)
        if not has_code(cls):  # a table of the database, whose code is elsewhere
            return
        today = fingerprint(cls)
        # Events of other kinds have no reads either, which says more of their rows. These are most events of
        # the table: an index on its name would lead to them one by one.
        name = self.table.table_name[:64]
        made = self._system(EVENTS) & [
            f"coalesce(table_name, '') = '{name}' AND kind = '{kind}'" for kind in _CODED
        ]
        codes: dict[str | None, Verdict] = {
            code: self._of_code(code, today) for code in (U("code") & made).to_arrays("code").tolist()
        }
        odd = [code for code, verdict in codes.items() if verdict.state != FRESH]
        if not odd:  # found without a look at the rows
            return
        others = (made & [{"code": code} for code in odd]).proj(**{WRITTEN: "event", "dj_code": "code"})
        for row in self._rows.join(others, semantic_check=False).to_dicts():
            verdict = codes[row["dj_code"]]
            reason = StaleReason(
                verdict.state, "code", self.table.class_name, row["dj_code"], today.digest, note=verdict.note
            )
            self._note(row, reason)

    def _of_code(self, code: str | None, today: Fingerprint) -> Verdict:
        """Return what code says of the rows that it made."""
        if code is None:
            return Verdict(UNKNOWN, "its code is not recorded")
        return judge(self.connection, self.table.database, code, today, type(self.table).__module__)

    def _upstream(self) -> None:
        """Rows that depend, over any number of references, on rows that are not fresh themselves."""
        graph, name = self.connection.graph, self.table.name
        affected: dict[TableName, list[Affected]] = {}
        for ancestor in reversed(graph.ancestors(name)):
            found = [
                Affected(one.origin, one.state, down(edge, one.query, graph))
                for edge in graph.to_parents(ancestor)
                for one in affected.get(edge.parent, ())
            ]
            if ancestor == name:
                self._because(found)
                return
            source = Query(self.connection.catalog.source(ancestor))
            affected[ancestor] = [
                Affected(one.origin, one.state, build.restrict(source, *one.term)) for one in found
            ]
            if ancestor.tier in (COMPUTED, IMPORTED):
                affected[ancestor] += self._own_of(ancestor)
            else:
                affected[ancestor] += self._of_makers(ancestor)

    def _own_of(self, name: TableName) -> list[Affected]:
        found = self.shared.get(name)
        if found is None:
            search = _Search(table_of(self.table, name), self.exact, self.budget[0])
            search._look()
            found = self.shared[name] = search._affected()
        return found

    def _of_makers(self, name: TableName) -> Iterator[Affected]:
        """Yield the rows of a table that the makes of stale rows of other tables have written."""
        for maker in makers_of(self.connection, name):
            if maker.name in self.own:
                continue
            for one in self._own_of(maker.name):
                rows = written_with(maker & QueryExpression._of(one.query, self.connection)).get(name)
                if rows is not None:
                    yield Affected(one.origin, one.state, rows.query)

    def _affected(self) -> list[Affected]:
        """Return the rows that are not fresh for reasons of their own."""
        report, name = StaleReport(self.table, self._told()), self.table.name
        pairs = ((STALE, report.stale), (POSSIBLY, report.possibly_stale))
        return [Affected(name, state, rows.query) for state, rows in pairs if len(report) and rows]

    def _because(self, found: Sequence[Affected]) -> None:
        for one in found:
            rows = build.restrict(self.table.query, *one.term)
            reason = StaleReason(one.state, "upstream", one.origin.class_name, one.state)
            for key in fetch.dicts(build.project(rows, (), {}), self.connection):
                self._note(key, reason)


def _readable(connection: Connection, recorded: Mapping[str, Any]) -> Shape | str:
    """Return a shape, or why it cannot be read."""
    try:
        shape = read_shape(connection, recorded["version"], recorded["plan"])
    except DataJointError as error:
        return str(error)
    return "a newer version of DataJoint recorded its reads" if shape is None else shape


def _origin_note(event: int | None, kind: str) -> str:
    if event is None:
        return "another program wrote it"
    return (
        "its reads are not recorded"
        if kind in MADE
        else f"it was not made: {kind or 'an event that is gone'}"
    )


def _marked(shape: Shape) -> list[TableName]:
    return [mark.table for mark in watch(shape.plan).marks]


def _input_reason(finding: Finding, tables: Sequence[str]) -> StaleReason:
    read, now, change = finding.read, finding.now or (), finding.change
    if gone := lacking(read.query.plan, read.names):
        note = f"`{'`, `'.join(gone)}` of `{tables[0]}` was read, which has another name now or is gone"
        return StaleReason(POSSIBLY, "unreadable", tables[0], note=note)
    for table, old, new in zip(tables, read.signatures, now, strict=True):
        if old.n != new.n and read.attributes != "exists":
            return StaleReason(STALE, "input", table, old.n, new.n, _later(old, new))
    state = STALE if finding.same is False else POSSIBLY
    if change is not None:
        return StaleReason(
            state, "input", change.table.class_name, change.old, change.new, change.event,
            row=change.row, attribute=change.attribute,
        )  # fmt: skip
    for table, old, new in zip(tables, read.signatures, now, strict=True):
        if old != new or (finding.same is False and len(tables) == 1):
            return StaleReason(state, "input", table, old.n, new.n, _later(old, new))
    return StaleReason(STALE, "input", tables[0], note="the values that were read have changed")


def _later(old: Signature, new: Signature) -> int | None:
    return new.high if new.high != old.high else None


def _told(reasons: Sequence[StaleReason]) -> tuple[StaleReason, ...]:
    """Return the reasons, each once; what is not known of the code matters where nothing else is wrong."""
    found: list[StaleReason] = []
    for reason in reasons:
        found += [] if reason in found else [reason]
    return tuple(reason for reason in found if reason.state != PARTLY) or tuple(found)


def _sortable(value: Any) -> tuple[str, Any]:
    return type(value).__name__, value if isinstance(value, (int, float, str)) else str(value)
