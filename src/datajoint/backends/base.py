"""The contract of a database: how its SQL looks, how it is talked to, what it holds.

Values pass three stations. A *canonical* value is what the user means (int, float, bool, Decimal, str,
date, naive datetime, time, UUID, bytes, JSON structure; see `datajoint.heading.values`). A *driver* value
is what the driver takes or gives. ``Dialect.encoder``/``decoder`` convert between them; both know *storage*
types only: the caller resolves ``<codec>`` to the core type it is stored as.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from datajoint.backends.features import Features
from datajoint.heading import values

if TYPE_CHECKING:
    from datajoint.declare.spec import TableSpec
    from datajoint.errors import DataJointError
    from datajoint.heading.names import TableName
    from datajoint.heading.types import AttributeType
    from datajoint.settings.backend import ConnectionSettings

__all__ = [
    "MOST_ROWS",
    "Asked",
    "CatalogReader",
    "Codec",
    "Column",
    "Cursor",
    "Dialect",
    "Parameters",
    "Session",
    "in_parts",
    "is_timed",
    "milliseconds",
]

Codec = Callable[[Any], Any]
"""Converts one value that is not NULL."""

Column = Callable[[Sequence[Any]], list[Any]]
"""Converts a chunk of one column, NULLs (None) included."""

Parameters = Sequence[Any]
"""Driver values of the parameters of one statement, in the order of their placeholders."""


class Dialect(ABC):
    """How SQL is written for one database.

    The methods return plain SQL. Who finishes a text passes all of it once through `escape`, but for what
    `parameter` and `list_source` return.
    """

    name: ClassVar[str]
    max_identifier: ClassVar[int]
    """Longest name, in characters."""
    max_columns: ClassVar[int]
    """Most columns of a table."""
    max_index_columns: ClassVar[int] = 32
    """Most columns of a key or an index."""
    max_row: ClassVar[int | None] = None
    """Bytes of a row in its page, where the database would refuse it at each INSERT, not at CREATE TABLE."""
    fixed_sizes: ClassVar[Mapping[str, int]]
    """Bytes that values of a kind take, whatever they are; where `max_row` is set."""
    max_label: ClassVar[int | None] = None
    """Longest value of an enum, in bytes, where the database has a limit that matters."""
    constraint_infix: ClassVar[str] = ""
    """What the database itself puts between the name of a table and a number to name its references."""
    unhurried: ClassVar[str] = ""
    """Statement that lets the open transaction end before the disk has it, though before any later one."""
    identity: ClassVar[str] = ""
    """Query whose last column distinguishes this server from all others; "" where the database is a file."""
    features: Features

    @abstractmethod
    def quote(self, identifier: str) -> str:
        """Return a quoted identifier."""

    @abstractmethod
    def table(self, name: TableName) -> str:
        """Return the quoted full name of a table."""

    @abstractmethod
    def parameter(self, n: int, dtype: AttributeType | None = None) -> str:
        """Return the placeholder of the n-th parameter, from 1; with `dtype`, cast where it has no type."""

    def escape(self, text: str) -> str:
        """Return SQL as `Session.execute` takes it: ``%`` doubled where the driver formats the text."""
        return text

    @abstractmethod
    def column_type(self, dtype: AttributeType, schema: str = "") -> str:
        """Return the native type of a column; `schema` is where its enum type lives (PostgreSQL).

        Raises
        ------
        DataJointError
            When the database has no lossless counterpart of a native type (TYP-19).
        """

    def check(self, dtype: AttributeType, column: str) -> str:
        """Return the condition that keeps other values out of a (quoted) column; "" if none is needed."""
        return ""

    @abstractmethod
    def cast_type(self, dtype: AttributeType) -> str:
        """Return the type for ``CAST(x AS …)``; "" where no cast is needed or possible."""

    def quote_identifier(self, name: str) -> str:
        """Do as `quote`, under the name that older code uses."""
        return self.quote(name)

    @abstractmethod
    def literal(self, value: Any) -> str:
        """Return a value (None, bool, int, float, Decimal, str, bytes, date, datetime, UUID) as SQL text."""

    @abstractmethod
    def encoder(self, dtype: AttributeType) -> Codec | None:
        """Return the function canonical value → driver value; None where they are the same."""

    def operand_encoder(self, dtype: AttributeType) -> Codec | None:
        """Return the encoder for values that are only compared: also those that the type could not hold."""
        return self.encoder(dtype)

    @abstractmethod
    def decoder(self, dtype: AttributeType) -> Codec | None:
        """Return the function driver value of a column (see `read`) → canonical value; None: the same."""

    def decode_column(self, dtype: AttributeType) -> Column | None:
        """Return the decoder for a chunk of a column, NULLs included; None when there is nothing to do."""
        decode = self.decoder(dtype)
        if decode is None:
            return None
        return lambda values: [None if value is None else decode(value) for value in values]

    def read(self, dtype: AttributeType, expression: str) -> str:
        """Return what the outermost SELECT asks for so that a column arrives whole (float32 on MySQL)."""
        return expression

    def exact(self, dtype: AttributeType, expression: str) -> str:
        """Return what stands for a column where its own collation would not tell all texts apart (TYP-20)."""
        return expression

    def write(self, dtype: AttributeType, expression: str) -> str:
        """Return what INSERT, UPDATE and comparisons write around the placeholder of an encoded value."""
        return expression

    def comparable(self, dtype: AttributeType, expression: str) -> str:
        """Return what stands left of ``IN (<list_source>)`` for a column (PostgreSQL: enum as text)."""
        return expression

    @abstractmethod
    def now(self, digits: int) -> str:
        """Return the time of the server session with `digits` of a second (DEF-13)."""

    @abstractmethod
    def now_utc(self, digits: int) -> str:
        """Return the time in UTC with `digits` of a second, without zone."""

    def list_parameters(self, dtypes: Sequence[AttributeType]) -> int:
        """Return how many parameters a list of rows of these types takes; `encode_list` gives as many."""
        return 1

    @abstractmethod
    def list_source(self, dtypes: Sequence[AttributeType], placeholders: Sequence[str]) -> str:
        """Return the SELECT that yields the rows of a list given as parameters; columns c1, c2 and so on.

        ``x IN (<list_source>)`` and ``(x, y) IN (<list_source>)`` use the index of x (and y). The text does
        not depend on the length of the list.
        """

    @abstractmethod
    def encode_list(self, dtypes: Sequence[AttributeType], rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
        """Return the parameters for `list_source`; `rows` are tuples of canonical values, even of one."""


class Fitting(list[tuple[Any, ...]]):
    """Rows that columns of some types could hold unchanged, as was seen when they were read."""

    def __init__(self, dtypes: Sequence[AttributeType], rows: Iterable[tuple[Any, ...]]) -> None:
        super().__init__(rows)
        self.dtypes = tuple(dtypes)

    def __reduce__(self) -> tuple[Any, ...]:
        return Fitting, (self.dtypes, list(self))


def fitting(dtypes: Sequence[AttributeType], rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return the rows that columns of these types could hold unchanged; no other can be equal to one.

    A number for a float32 is rounded to it when it is sent, as it would be when it is stored.

    Databases convert the values of a list silently, so that a wrong one could match (hot-paths §1).
    """
    if isinstance(rows, Fitting) and rows.dtypes == tuple(dtypes):
        return rows
    try:  # by column, as long as all is plain
        columns = list(zip(*rows, strict=True))
        check = values.check_column
        if all(check(dtype, column) is column for dtype, column in zip(dtypes, columns, strict=True)):
            return rows
    except ValueError:
        pass
    normalisers = [None if dtype.kind == "float32" else values.normaliser(dtype) for dtype in dtypes]

    found: list[Sequence[Any]] = []
    for row in rows:
        try:
            stored = tuple(
                value if normalise is None or value is None else normalise(value)
                for normalise, value in zip(normalisers, row, strict=True)
            )
        except ValueError:
            continue
        if stored == tuple(row):
            found.append(stored)
    return found


MOST_ROWS = 10_000
"""Maximum number of rows of a result that are held at a time."""
_PART_BYTES = 1 << 20
_SEEN = 16


def in_parts(fetch: Callable[[int], list[Any]], size: int) -> Generator[list[Any]]:
    """Yield rows as `fetch(size)` gives them: `size` at first, then about a megabyte at a time.

    Examples
    --------
    >>> from itertools import islice
    >>> rows = iter([("x" * 100_000,)] * 30)
    >>> [len(part) for part in in_parts(lambda size: list(islice(rows, size)), 16)]
    [16, 10, 4]
    """
    while rows := fetch(size):
        some = rows[:: len(rows) // _SEEN + 1]
        held = sum(len(value) for row in some for value in row if isinstance(value, (str, bytes)))
        size = max(1, min(MOST_ROWS, 8 * size, _PART_BYTES * len(some) // max(held, 1)))
        yield rows
        del rows  # before the next ones come


class Cursor(Protocol):
    """What `Session.execute` gives: the usual DB-API cursor, its values as the driver delivers them."""

    @property
    def rowcount(self) -> int:
        """Rows changed (matched, for UPDATE) or returned; -1 where unknown."""
        ...

    @property
    def description(self) -> Sequence[Sequence[Any]] | None:
        """Names and types of the columns, or None."""
        ...

    def fetchone(self) -> Any:
        """Next row, or None."""
        ...

    def fetchmany(self, size: int = ...) -> list[Any]:
        """Next rows."""
        ...

    def fetchall(self) -> list[Any]:
        """All remaining rows."""
        ...

    def close(self) -> None:
        """Release the cursor."""
        ...


_TIMED = re.compile(
    r"(?:[\s(]|/\*.*?\*/)*(?:select|with|insert|update|delete|replace|values)\b", re.IGNORECASE | re.DOTALL
)


def is_timed(text: str) -> bool:
    """Whether a time limit holds for a statement: it reads or writes rows, and ends no transaction.

    Examples
    --------
    >>> is_timed("(SELECT 1) UNION SELECT 2"), is_timed("COMMIT")
    (True, False)
    """
    return _TIMED.match(text) is not None


def milliseconds(seconds: float) -> int:
    """Return a time limit as servers take it.

    Examples
    --------
    >>> milliseconds(0.25), milliseconds(1e-9), milliseconds(1e300)
    (250, 1, 2000000000)
    """
    return max(1, int(min(seconds * 1000, 2_000_000_000)))


COUNTED = "~changed"
"""Name of the only column by which a statement tells how many rows it changed; without a row it was none."""


def changed_by(cursor: Cursor) -> int:
    """Return the number of rows that a statement changed."""
    told = cursor.description
    if not told or told[0][0] != COUNTED:
        return cursor.rowcount
    row = cursor.fetchone()
    return row[0] if row else 0


class Session(ABC):
    """One connection to a database, in autocommit outside `begin` … `commit`.

    Every failure is raised as a `DataJointError` (see `translate`), the driver's exception being its cause.
    A session serves one thread at a time; the engine sees to that.
    """

    dialect: Dialect
    limit: float | None = None
    """Seconds after which the database stops a statement that reads or writes rows; None: never."""

    @classmethod
    @abstractmethod
    def open(
        cls, settings: ConnectionSettings, *, synchronous: str = "FULL", busy_timeout: float = 30
    ) -> Self:
        """Connect; the keywords are SQLite's.

        Raises
        ------
        LostConnectionError
            When the server cannot be reached.
        AccessError
            When the server refuses user or password.
        """

    # ------------------------------------------------------------------------------------------ statements

    @abstractmethod
    def execute(self, text: str, parameters: Parameters = (), core: bool = False) -> Cursor:
        """Run one statement and return its cursor, good until the next call.

        Parameters
        ----------
        core
            Whether all columns of the result are of core types, for which the driver may have a faster form.
        """

    def fetch_all(self, text: str, parameters: Parameters = ()) -> list[Any]:
        """Run one SELECT and return its rows as the driver gives them."""
        return self.execute(text, parameters).fetchall()

    @abstractmethod
    def execute_batch(self, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
        """Run several statements in one round trip and return their row counts.

        The first failure ends the batch. Whether what ran before it stays is the caller's affair: wrap the
        batch in `begin` … `commit` where it matters.
        """

    @abstractmethod
    def execute_many(self, text: str, rows: Iterable[Parameters]) -> int:
        """Run one writing statement for many rows of parameters and return the number of rows changed."""

    @abstractmethod
    def stream(
        self, text: str, parameters: Parameters = (), size: int = 1000, core: bool = False
    ) -> Generator[list[Any]]:
        """Run one SELECT and yield its rows in chunks without holding them all.

        Other statements may run on this session meanwhile, and the iterator may be dropped at any point.
        """

    def load_rows(
        self, table: str, columns: Sequence[str], dtypes: Sequence[AttributeType],
        chunks: Sequence[Sequence[Sequence[Any]]], constants: Mapping[str, Any] | None = None,
    ) -> int:  # fmt: skip
        """Insert many rows of driver values the fastest way and return their number.

        Parameters
        ----------
        table
            Quoted, from `Dialect.table`.
        columns, dtypes
            Names (not quoted) and storage types of the values of a row.
        chunks
            The rows, some at a time, by column.
        constants
            Driver values that are the same in every row, by column.
        """
        constants = constants or {}
        quote, dialect = self.dialect.quote, self.dialect
        escape = dialect.escape
        names = escape(", ".join(map(quote, [*columns, *constants])))
        marks = [dialect.write(t, dialect.parameter(n, t)) for n, t in enumerate(dtypes, 1)]
        values = ", ".join([*marks, *(escape(dialect.literal(value)) for value in constants.values())])
        text = f"INSERT INTO {escape(table)} ({names}) VALUES ({values})"
        return self.execute_many(text, chain.from_iterable(zip(*chunk, strict=True) for chunk in chunks))

    def define_function(self, name: str, function: Codec) -> None:
        """Let statements call a function of one value; where the database runs in this process."""
        raise NotImplementedError(name)

    # ------------------------------------------------------------------------------------------ transactions

    @abstractmethod
    def begin(self) -> None:
        """Begin a transaction (SQLite: as the writer; servers: READ COMMITTED)."""

    @abstractmethod
    def commit(self) -> None:
        """Commit the transaction."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo the transaction; harmless when there is none."""

    @contextmanager
    def unhurried(self) -> Generator[None]:
        """Let transactions inside end before the disk has them, though before later ones, where possible."""
        yield

    def savepoint(self, name: str) -> None:
        """Set a savepoint."""
        self.execute(f"SAVEPOINT {self.dialect.quote(name)}")

    def release(self, name: str) -> None:
        """Forget a savepoint, keeping what was done since."""
        self.execute(f"RELEASE SAVEPOINT {self.dialect.quote(name)}")

    def rollback_to(self, name: str) -> None:
        """Undo what was done since a savepoint; it stays set."""
        self.execute(f"ROLLBACK TO SAVEPOINT {self.dialect.quote(name)}")

    @property
    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether a transaction is open, as the driver sees it; an error may have ended it."""

    # ------------------------------------------------------------------------------------------ connection

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether the connection is open as far as this side knows; asks nobody."""

    @abstractmethod
    def ping(self) -> None:
        """Ask the server for a sign of life; raises `LostConnectionError`."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; harmless when closed."""

    @abstractmethod
    def recover(self) -> bool:
        """Undo what an interrupted call has left, without a word to the server; may be repeated.

        Returns
        -------
        bool
            Whether the session can be used further; else it is closed.
        """

    def end_other(self, number: int, age: float) -> bool:
        """End another session of this user, identified by its number and its age in seconds.

        Returns
        -------
        bool
            Whether it has surely ended and stores nothing more. Behind a pooler the numbers are not those of
            the server, so that this is not known.
        """
        return True

    def leave(self) -> None:  # noqa: B027 - most hold nothing
        """Let go, in a fork, of what would hold locks of the parent beyond its death."""

    @property
    @abstractmethod
    def connection_id(self) -> int:
        """Number of the connection at the server (SQLite: of the process); known when it is closed, too."""

    @property
    @abstractmethod
    def user(self) -> str:
        """User as the server reports it."""

    @property
    @abstractmethod
    def server_version(self) -> str:
        """Product and version, as in ``MariaDB 11.8.2``."""

    @abstractmethod
    def translate(self, exception: BaseException, text: str = "") -> DataJointError:
        """Return the error of ours for a driver's exception (ERR-4).

        Its ``.context`` holds ``statement`` and, as far as the driver tells, ``reason`` (``unique``,
        ``missing_parent``, ``has_children``, ``not_null``, ``check``, ``too_long``, ``range``), ``table`` (as
        ``schema.table``), ``constraint``, ``columns``, ``values``, ``native`` (number or SQLSTATE).
        """


class Asked(Protocol):
    """What a reader of the catalog puts its questions to: a session, or a connection that keeps one open."""

    def fetch_all(self, text: str, parameters: Parameters = ()) -> list[Any]:
        """Run one SELECT and return its rows as the driver gives them."""
        ...

    @property
    def dialect(self) -> Dialect:
        """How its SQL is written."""
        ...

    @property
    def server_version(self) -> str:
        """Product and version."""
        ...


class CatalogReader(ABC):
    """Reads the tables of whole schemas in a handful of statements."""

    exact: ClassVar[tuple[str, ...]] = ()
    """Collations that tell all texts apart."""

    def __init__(self, session: Asked) -> None:
        self.session = session

    @abstractmethod
    def list_schemas(self) -> list[str]:
        """Names of the schemas visible to the user, those of the system excluded, sorted."""

    @abstractmethod
    def schema_exists(self, name: str) -> bool:
        """Whether a schema exists."""

    @abstractmethod
    def dependents(self, schemas: Sequence[str]) -> list[str]:
        """Names of the other schemas that hold foreign keys into some of these, sorted."""

    def collations(self, spec: TableSpec) -> dict[str, str]:
        """Return ``CHARACTER SET … COLLATE …`` for columns that must match those they refer to (MySQL)."""
        return {}

    def collation(self, schema: str) -> str | None:
        """Return how new texts of a schema are compared where that is not exact (MySQL)."""
        return None

    @abstractmethod
    def read(
        self, schemas: Sequence[str], known: Mapping[TableName, TableSpec] | None = None
    ) -> Mapping[TableName, TableSpec]:
        """Return all tables of some schemas as the database has them; some may wait to be asked for.

        Attributes that come through a foreign key and carry no type marker take the type of their origin;
        origins in other schemas are looked up in `known`, else read (they are not in the result).
        """
