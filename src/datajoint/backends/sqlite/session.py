"""SQLite: the embedded database, one file with several schemas whose tables are named ``"schema.table"``."""

# ruff: noqa: D102 - the methods are documented in the contract

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from datajoint.backends.base import MOST_ROWS, Cursor, Parameters, Session, in_parts, is_timed
from datajoint.backends.sqlite import errors, functions
from datajoint.backends.sqlite.dialect import SqliteDialect
from datajoint.backends.sqlite.lock import WriterLock
from datajoint.errors import ConfigurationError, DataJointError, LostConnectionError, TransactionError

if TYPE_CHECKING:
    from datajoint.heading.types import AttributeType
    from datajoint.settings.backend import ConnectionSettings

__all__ = ["SqliteSession"]

OLDEST = (3, 38)
"""STRICT tables came with this version."""

_NORMAL = 1
"""Level of `PRAGMA synchronous` at which a commit does not wait for the disk; the log stays in order."""

APPLICATION_ID = 0x444A3330
USER_VERSION = 1
MEMORY = ":memory:"
ROWS_PER_STATEMENT = 50
MOST_VARIABLES = 32766
STEPS = 1000
"""Steps of the database after which it asks whether a statement has taken too long."""


CATALOG = """CREATE TABLE IF NOT EXISTS "~catalog" (
  schema TEXT NOT NULL,
  table_name TEXT NOT NULL,
  column_name TEXT NOT NULL,
  position INTEGER,
  type TEXT,
  comment TEXT,
  PRIMARY KEY (schema, table_name, column_name)
) STRICT"""
"""``table_name = ''`` is the schema itself, ``column_name = ''`` the table with its comment, ``check
name`` a check with its condition as type, whether the file enforces it or we do."""


class SqliteSession(Session):
    """One connection to a SQLite file."""

    dialect = SqliteDialect()

    def __init__(
        self, connection: sqlite3.Connection, path: str, configure: Callable[[], sqlite3.Connection]
    ) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._open_again = configure
        self._open = True
        self.path = path
        self._lock = WriterLock(None if path == MEMORY else _file_of(path) + ".lock")
        self._patience = 30.0
        self._level = "FULL"  # of `PRAGMA synchronous`
        self._file: tuple[int, int] | None = None  # device and inode of the open file
        self._watched = False  # whether the running statement is stopped after a time

    @classmethod
    def open(
        cls, settings: ConnectionSettings, *, synchronous: str = "FULL", busy_timeout: float = 30
    ) -> Self:
        if sqlite3.sqlite_version_info < OLDEST:
            raise ConfigurationError(
                f"SQLite {sqlite3.sqlite_version} is too old: lists of keys need 3.38 or newer.",
                hint="Use a newer Python, or a server.",
            )
        name = settings.name or "datajoint.db"
        path = name if name == MEMORY or name.startswith("file:") else os.path.realpath(name)

        def configure() -> sqlite3.Connection:
            try:
                return _connect(path, synchronous, busy_timeout)
            except sqlite3.OperationalError:
                if not _is_frozen(path):
                    raise
                return _connect(_immutable(path), synchronous, busy_timeout)

        try:
            session = cls(configure(), path, configure)
        except (sqlite3.Error, OSError) as error:
            raise _cannot_open(path, error) from error
        session._patience, session._level = busy_timeout, _level(synchronous)
        session._claim()
        session._file = _identity(path)
        return session

    def _claim(self) -> None:
        """See that the file is ours, and make a new one so."""
        try:
            application, version = self._marks()
            tables = 0 if application else self._number("SELECT count(*) FROM sqlite_master")
            if tables:  # another process has just made them, perhaps, together with its marks
                application, version = self._marks()
        except sqlite3.Error as error:
            self.close()
            raise _cannot_open(self.path, error) from error
        ours = application == APPLICATION_ID
        if ours and version == USER_VERSION:
            return
        if ours:
            self.close()
            raise ConfigurationError(
                f"{self.path} was written by another DataJoint (format {version}, here {USER_VERSION}).",
                hint="Update the older installation.",
            )
        if application or tables:
            self.close()
            raise ConfigurationError(
                f"{self.path} is a SQLite file of another program.",
                hint="Set `database.name` to another file.",
            )
        self._create()

    def _marks(self) -> tuple[int, int]:
        """Return which program the file says it is of, and in which version."""
        return self._number("PRAGMA application_id"), self._number("PRAGMA user_version")

    def _number(self, text: str) -> int:
        return self._connection.execute(text).fetchone()[0]

    def _create(self) -> None:
        try:
            if self.path != MEMORY:
                self._connection.execute("PRAGMA journal_mode = WAL")
            self.begin()
            for text in (
                CATALOG,
                f"PRAGMA application_id = {APPLICATION_ID}",
                f"PRAGMA user_version = {USER_VERSION}",
            ):
                self.execute(text)
            self.commit()
        except BaseException:
            self.rollback()
            self.close()
            raise

    # ------------------------------------------------------------------------------------------ statements

    def define_function(self, name: str, function: Callable[[Any], Any]) -> None:
        self._connection.create_function(name, 1, function, deterministic=True)

    def execute(
        self,
        text: str,
        parameters: Parameters = (),
        core: bool = False,
    ) -> Cursor:
        if self.limit is not None or self._watched:
            self._watch(text)
        try:
            return self._cursor.execute(text, parameters)
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            if _needs_functions(error):
                functions.register(self._connection)
                return self.execute(text, parameters, core)
            raise self._failed(error, text) from error

    def _watch(self, text: str) -> None:
        """Limit the time of the statement that runs next, and of reading its rows."""
        limit = self.limit if is_timed(text) else None
        self._watched = limit is not None
        _stop_after(self._connection, limit)

    def execute_batch(self, statements: Sequence[tuple[str, Parameters]]) -> list[int]:
        if not statements or statements[0][0] != "BEGIN":
            return [self.execute(text, parameters).rowcount for text, parameters in statements]
        counts = [0] * len(statements)
        self._queue()
        try:
            if statements[1][0].startswith("CREATE") and not any(values for _, values in statements):
                self._execute_script(["BEGIN IMMEDIATE", *[text for text, _ in statements[1:]]])
                self._see_file()
                return counts
            self.execute("BEGIN IMMEDIATE")
            for n, (text, parameters) in enumerate(statements[1:-1], 1):
                counts[n] = self.execute(text, parameters).rowcount
            self._see_file()
            self.execute("COMMIT")
        finally:
            self.rollback()  # what has failed; and the next writer is let in
        return counts

    def _execute_script(self, texts: Sequence[str]) -> None:
        """Run texts of which none is kept for another time, as there will be none."""
        script = ";\n".join(texts)
        self._watch("")
        try:
            self._connection.executescript(script).close()
        except (sqlite3.Error, sqlite3.Warning) as error:
            if not _needs_functions(error):
                raise self._failed(error, script) from error
            self._connection.rollback()
            functions.register(self._connection)
            self._execute_script(texts)

    def execute_many(self, text: str, rows: Iterable[Parameters]) -> int:
        self._watch(text)
        try:
            return _run(self._cursor.executemany, self._connection, text, rows).rowcount
        except (sqlite3.Error, OverflowError) as error:
            raise self._failed(error, text) from error

    def stream(
        self,
        text: str,
        parameters: Parameters = (),
        size: int = 1000,
        core: bool = False,
    ) -> Generator[list[Any]]:
        # A connection of its own, so that its snapshot does not stop this one from writing after another
        # process did; inside a transaction, and in memory, the rows are only to be seen here.
        apart = self.path != MEMORY and not self.in_transaction
        if apart:
            self._see_file()
        connection = self._open_again() if apart else self._connection
        try:
            _stop_after(connection, self.limit)
            self._watched = self._watched or not apart
            cursor = _run(connection.execute, connection, text, parameters)

            def fetch(count: int) -> list[Any]:  # the time between two calls is the reader's
                _stop_after(connection, self.limit)
                return cursor.fetchmany(count)

            # What is read while this connection writes may change under way: the first rows are read at once.
            yield from in_parts(fetch, size if apart else max(size, MOST_ROWS))
        except (sqlite3.Error, OverflowError) as error:
            raise self._failed(error, text) from error
        finally:
            if apart:
                connection.close()

    def load_rows(
        self, table: str, columns: Sequence[str], dtypes: Sequence[AttributeType],
        chunks: Sequence[Sequence[Sequence[Any]]], constants: Mapping[str, Any] | None = None,
    ) -> int:  # fmt: skip
        constants = constants or {}
        quote, literal = self.dialect.quote, self.dialect.literal
        names = ", ".join(map(quote, [*columns, *constants]))
        row = "(" + ", ".join(["?"] * len(columns) + [literal(value) for value in constants.values()]) + ")"
        start = f"INSERT INTO {table} ({names}) VALUES "
        size = max(1, min(ROWS_PER_STATEMENT, MOST_VARIABLES // max(1, len(columns))))
        remaining, done = chain.from_iterable(zip(*chunk, strict=True) for chunk in chunks), 0
        many = start + ", ".join([row] * size)
        while rows := list(islice(remaining, size)):
            text = many if len(rows) == size else start + ", ".join([row] * len(rows))
            done += self.execute(text, list(chain.from_iterable(rows))).rowcount
        return done

    # ---------------------------------------------------------------------------------------- transactions

    @contextmanager
    def unhurried(self) -> Generator[None]:
        level = 0 if self.in_transaction else self._connection.execute("PRAGMA synchronous").fetchone()[0]
        if level <= _NORMAL:
            yield
            return
        self._connection.execute(f"PRAGMA synchronous = {_NORMAL}")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):  # it is closed
                self._connection.execute(f"PRAGMA synchronous = {level}")

    def _see_file(self) -> None:
        """Refuse to work on a file that is no longer the one at its path: what is written would be lost."""
        if self._file is not None and _identity(self.path) != self._file:
            raise TransactionError(
                f"The database file {self.path} was deleted or replaced while this connection was open; "
                "nothing that is written on this connection would be stored in it.",
                hint="Restore the file, or close the connection and open another one.", reason="replaced",
            )  # fmt: skip

    def _queue(self) -> None:
        """Wait until no other process writes."""
        self._see_file()
        if not self._lock.acquire(self._patience):
            raise TransactionError(
                f"Another process has been writing to {self.path} for more than {self._patience:g} s.",
                hint="Wait for it, or raise `database.busy_timeout`.", reason="locked",
            )  # fmt: skip

    def begin(self) -> None:
        self._queue()
        try:
            self.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise

    def commit(self) -> None:
        self._see_file()
        self.execute("COMMIT")
        self._lock.release()

    def rollback(self) -> None:
        try:
            if self.in_transaction:
                self.execute("ROLLBACK")
        finally:
            self._lock.release()

    @property
    def in_transaction(self) -> bool:
        return self._open and self._connection.in_transaction

    # ------------------------------------------------------------------------------------------ connection

    @property
    def alive(self) -> bool:
        return self._open

    def ping(self) -> None:
        self.execute("SELECT 1")

    def close(self) -> None:
        self._open = False
        with suppress(sqlite3.Error):
            self._connection.close()
        self._lock.close()

    def recover(self) -> bool:
        with suppress(sqlite3.Error):  # it is closed
            self._cursor.close()
            self._connection.rollback()
            self._connection.execute(f"PRAGMA synchronous = {self._level}")
            self._cursor = self._connection.cursor()
        self._lock.close()  # others may write; it is opened again when it is needed
        return True

    def leave(self) -> None:
        self._lock.leave()

    def lock_path(self, name: str) -> str | None:
        """Return the file for a lock of programs that share the file; None in memory."""
        return None if self.path == MEMORY else f"{_file_of(self.path)}.{name}.lock"

    @property
    def connection_id(self) -> int:
        return os.getpid()

    @property
    def user(self) -> str:
        import getpass

        try:
            return getpass.getuser()
        except (OSError, KeyError, ImportError):  # no such user in this container
            return str(os.getpid())

    @property
    def server_version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def translate(self, exception: BaseException, text: str = "") -> DataJointError:
        return errors.translate(exception, text, self.path, self.limit)

    def _failed(self, exception: BaseException, text: str) -> DataJointError:
        """Translate, and let other writers go on when the error has ended the transaction."""
        if not self.in_transaction:
            self._lock.release()
        return self.translate(exception, text)


def _connect(path: str, synchronous: str, busy_timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=busy_timeout, isolation_level=None, check_same_thread=False, cached_statements=512,
        uri=path.startswith("file:"),
    )  # fmt: skip
    try:
        connection.execute(f"PRAGMA synchronous = {_level(synchronous)}")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _stop_after(connection: sqlite3.Connection, seconds: float | None) -> None:
    """Have the database stop whatever runs on a connection when a time is over; None: never.

    The database asks a function that holds no Python code, in which Ctrl-C would be lost.
    """
    handler = None
    if seconds is not None:
        handler = map((monotonic() + seconds).__lt__, iter(monotonic, None)).__next__
    connection.set_progress_handler(handler, STEPS)


def _run(
    execute: Callable[[str, Any], sqlite3.Cursor], connection: sqlite3.Connection, text: str, parameters: Any
) -> sqlite3.Cursor:
    """Run a statement; the first one of a connection that needs functions of ours has them added."""
    try:
        return execute(text, parameters)
    except sqlite3.OperationalError as error:
        if not _needs_functions(error):
            raise
        functions.register(connection)
        return execute(text, parameters)


def _needs_functions(error: Exception) -> bool:
    """Whether a statement asked for functions of ours: found before it runs or a row is asked for."""
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith("no such function: dj_")


def _level(synchronous: str) -> str:
    level = synchronous.upper()
    if level not in ("OFF", "NORMAL", "FULL", "EXTRA"):
        raise ConfigurationError(
            f"`database.synchronous` is `{synchronous}`; it can be FULL, NORMAL, EXTRA or OFF."
        )
    return level


def _file_of(path: str) -> str:
    """Return the path within ``file:path?mode=ro``; any other path is one already."""
    return os.path.realpath(path[5:].partition("?")[0]) if path.startswith("file:") else path


def _identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of the file; None in memory, or where there is no file."""
    if path == MEMORY:
        return None
    try:
        found = os.stat(_file_of(path))
    except TimeoutError:  # of a signal handler
        raise
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_frozen(path: str) -> bool:
    """Whether the file may only be read here and nobody writes to it: the log of a writer is not there.

    SQLite cannot make the files that readers of a log share, then; without a log none are needed.
    """
    file = _file_of(path)
    effective = os.access in os.supports_effective_ids
    writable = all(os.access(p, os.W_OK, effective_ids=effective) for p in (file, os.path.dirname(file)))
    may_write = writable and "mode=ro" not in path
    return path != MEMORY and os.path.exists(file) and not may_write and not os.path.exists(file + "-wal")


def _immutable(path: str) -> str:
    if path.startswith("file:"):
        return f"{path}{'&' if '?' in path else '?'}immutable=1"
    from pathlib import Path

    return f"{Path(path).as_uri()}?immutable=1"


def _cannot_open(path: str, error: BaseException) -> DataJointError:
    folder = os.path.dirname(_file_of(path))
    if not os.path.isdir(folder):
        return LostConnectionError(
            f"The database file {path} cannot be made: there is no folder {folder}.",
            hint="Make the folder, or set `database.name` to another file.",
        )
    return errors.translate(error, "", path)
