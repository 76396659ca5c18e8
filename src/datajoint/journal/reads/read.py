"""One read of a make: what was asked, what versions of which rows answered, and what they said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from datajoint.algebra.analysis.watch import ROWS, SUMS, Watched, summary, watch
from datajoint.algebra.plans import nodes
from datajoint.algebra.plans.nodes import Plan, Query
from datajoint.backends.base import Dialect
from datajoint.engine.connection import Connection
from datajoint.engine.rows import RowDecoder
from datajoint.heading.attribute import Attribute
from datajoint.journal.digest import RowDigest
from datajoint.journal.reads.shapes import Shape
from datajoint.journal.reads.signature import Signature, Signer
from datajoint.sql.select import select_rows
from datajoint.sql.statement import Statement
from datajoint.sql.system_tables.reads import guard

__all__ = [
    "COUNT", "EXISTS", "FETCHED", "Read", "Reader", "digest_of", "guarded", "is_same", "lacking",
    "plain_columns", "reader_of", "reread", "signed", "told",
]  # fmt: skip

Plain = Sequence[tuple[int, Callable[[Sequence[Any]], Sequence[Any]]]]

COUNT, EXISTS, FETCHED = "count", "exists", "rows"
_TWO = 2

_ROW_SECONDS, _VALUE_SECONDS, _BYTE_SECONDS = 2e-6, 0.7e-6, 2e-9
"""What a digest takes, on a slow machine."""


class Read:
    """One read.

    Attributes
    ----------
    query
        What was asked.
    kind
        ``rows``, ``count`` or ``exists``.
    names
        Attributes that were returned; () is all of them.
    signatures
        Of each table that the query reads.
    count
        Number of rows of the query.
    rows
        What was returned, as the driver gave it; None where it was not kept.
    digest
        Digest of what was returned, once it is known.
    plain
        Place and decoder of the columns that are told in the form of Python, not in that of a driver.
    shape
        That of the query, once it is known.
    """

    __slots__ = ("_digest", "count", "kind", "names", "plain", "query", "rows", "shape",
                 "signatures")  # fmt: skip

    def __init__(
        self, query: Query, kind: str, names: tuple[str, ...], signatures: tuple[Signature, ...], count: int,
        rows: list[Any] | None = None, digest: str | None = None, plain: Plain = (),
    ) -> None:  # fmt: skip
        self.query = query
        self.kind = kind
        self.names = names
        self.signatures = signatures
        self.count = count
        self.rows = rows
        self.plain = plain
        self.shape: Shape | None = None
        self._digest = digest

    @property
    def is_unknown(self) -> bool:
        """Whether rows took part whose versions are not known: then only values can be compared."""
        return any(signature.unknown for signature in self.signatures)

    @property
    def is_digested(self) -> bool:
        """Whether the digest has been computed."""
        return self._digest is not None

    @property
    def digest_seconds(self) -> float:
        """About how long it takes to compute the digest."""
        rows = self.rows or ()
        seconds = len(rows) * (_ROW_SECONDS + digest_width(self) * _VALUE_SECONDS)
        coded = [n for n, value in enumerate(rows[0]) if isinstance(value, (bytes, str))] if rows else []
        return seconds + sum(len(row[n] or "") for row in rows for n in coded) * _BYTE_SECONDS

    @property
    def digest(self) -> str | None:
        """Digest of what was returned; None where it was not kept."""
        if self._digest is None and self.rows is not None:
            digest = digest_of(self)
            digest.add(told(self.rows, self.plain))
            self._digest = digest.text
        return self._digest

    def same_question(self, other: Read) -> bool:
        """Whether the other one asked for the same."""
        return (
            self.query.plan is other.query.plan
            and self.kind == other.kind
            and self.names == other.names
            and self.query.values == other.query.values
        )


def told(rows: Sequence[Sequence[Any]], plain: Plain) -> Iterable[Sequence[Any]]:
    """Return rows with values as Python has them, whatever the driver gives; those of codecs as stored."""
    if not plain or not rows:
        return rows
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for n, decode in plain:
        columns[n] = decode(columns[n])
    return zip(*columns, strict=True)


def plain_columns(attributes: Sequence[Attribute], decoder: RowDecoder) -> Plain:
    """Return place and decoder of the columns that are told as Python has them: all but those of codecs."""
    coded = {n for n, a in enumerate(attributes) if a.dtype.kind in ("codec", "blob")}
    return tuple((n, decode) for n, decode in decoder.decoders if n not in coded)


def digest_of(read: Read) -> RowDigest:
    """Return an empty digest that fits what a read returns."""
    return RowDigest(digest_width(read), isinstance(read.query.plan, nodes.Top))


def digest_width(read: Read) -> int:
    """Return the number of columns that are what was returned; marks follow them."""
    return 1 if read.kind != FETCHED else len(read.names or read.query.heading.order)


class Reader:
    """A statement that gives rows and, after them, their marks.

    Attributes
    ----------
    statement, decoder
        What is asked, and what decodes the attributes asked for.
    signer
        Signs the rows.
    plain
        As of `Read`.
    """

    __slots__ = ("decoder", "plain", "signer", "statement")

    def __init__(self, plan: Plan, watched: Watched, names: tuple[str, ...], connection: Connection) -> None:
        own = names or plan.heading.order
        columns = (*own, *(column for mark in watched.marks for column in mark.asked))
        attributes = [watched.plan.heading[name] for name in own]
        self.decoder = RowDecoder(attributes, connection.dialect, connection.config, connection)
        self.plain = plain_columns(attributes, self.decoder)
        self.statement = select_rows(watched.plan, connection.dialect, columns)
        self.signer = Signer(watched.marks, columns)


def reader_of(plan: Plan, names: tuple[str, ...], connection: Connection) -> Reader:
    """Return the watched SELECT of some attributes, all where none are named; made once a plan."""
    key = ("watched rows", names, connection.dialect.name, id(connection.config))
    found: Reader | None = plan.statements.get(key)
    if found is None:
        found = plan.statements[key] = Reader(plan, watch(plan), names, connection)
    return found


def signed(query: Query, connection: Connection) -> tuple[int, tuple[Signature, ...]]:
    """Return the number of rows of a query, and its signatures, by one statement."""
    key = ("summary", connection.dialect.name)
    found: Reader | None = query.plan.statements.get(key)
    if found is None:
        total = summary(query.plan)
        found = query.plan.statements[key] = Reader(total.plan, total, (ROWS,), connection)
    statement = found.statement
    (row,) = connection.fetch_all(statement.text, statement.bind(query.values))
    return int(row[0]), found.signer.signatures([row])


def is_same(read: Read, connection: Connection) -> bool:
    """Ask whether the signatures of a read are still the same."""
    statement, numbers = _compared(read, connection, "check", select_rows)
    (row,) = connection.fetch_all(statement.text, statement.bind(read.query.values))
    return [int(number or 0) for number in row] == numbers


def guarded(read: Read, connection: Connection) -> tuple[str, Sequence[Any]]:
    """Return the statement that fails unless the signatures of a read are still the same (servers)."""
    statement, numbers = _compared(read, connection, "guard", _guard)
    return statement.text, statement.bind((*read.query.values, *numbers))


def _guard(plan: Plan, dialect: Dialect, columns: tuple[str, ...]) -> Statement:
    return guard(plan, columns, dialect)


def _compared(
    read: Read,
    connection: Connection,
    what: str,
    write: Callable[[Plan, Dialect, tuple[str, ...]], Statement],
) -> tuple[Statement, list[int]]:
    """Return a statement about the numbers of its signatures that tell all, and these numbers."""
    plan = read.query.plan
    total = summary(plan)
    size = _size(read, total)
    key = (what, connection.dialect.name, size)
    found: Statement | None = plan.statements.get(key)
    if found is None:
        columns = tuple(column for mark in total.marks for column in mark.sums[:size])
        found = plan.statements[key] = write(total.plan, connection.dialect, columns)
    return found, [number or 0 for signature in read.signatures for number in signature.numbers[:size]]


def _size(read: Read, total: Watched) -> int:
    """Return how many numbers of its signatures tell all: two events are the least and the greatest."""
    if total.identified or any(signature.n > _TWO for signature in read.signatures):
        return len(SUMS)
    return SUMS.index("high") + 1


def lacking(plan: Plan, names: Iterable[str]) -> list[str]:
    """Return the attributes of a recorded read that a plan lacks today: renamed or dropped by an alter.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> lacking(Subject().query.plan, ("subject_id", "weight"))
    ['weight']
    """
    known = set(plan.heading.order)
    return [name for name in names if name not in known]


def reread(read: Read, connection: Connection) -> Read:
    """Ask again, and return the new answer."""
    if read.kind != FETCHED:
        count, found = signed(read.query, connection)
        value = count if read.kind == COUNT else bool(count)
        return Read(read.query, read.kind, (), found, count, [(value,)])
    reader = reader_of(read.query.plan, read.names, connection)
    statement = reader.statement
    rows = connection.fetch_all(statement.text, statement.bind(read.query.values), reader.decoder.core)
    found = reader.signer.signatures(rows)
    return Read(read.query, FETCHED, read.names, found, len(rows), rows, plain=reader.plain)


def answer_rows(read: Read, connection: Connection) -> Sequence[dict[str, Any]]:
    """Return what a read returned as dicts, for messages."""
    if read.rows is None or read.kind != FETCHED:
        return []
    return reader_of(read.query.plan, read.names, connection).decoder.dicts(read.rows)
